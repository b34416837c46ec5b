"""Makes the pictures of docs/: `python -m tests.pictures`; Chromium, npm, LibreOffice Calc.

It follows docs/quarterly.md and docs/incident.md on the invented sample, and takes pictures of
what that leaves.
"""

from __future__ import annotations

import html
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pypdfium2
from PIL import Image, ImageOps

from scanner import triage
from scanner.notify.digest import Digest, Item
from scanner.store import Workspace
from tests import browser
from tests.following import DOCS, follow

TO = DOCS / "pictures"
COLOURS = 256


def main() -> None:
    """Make all pictures anew."""
    TO.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "calderbrook"  # it stands on the pictures
        folder.mkdir()
        follow(DOCS / "quarterly.md", folder)
        reports = folder / "reports"
        mail = folder / "mail.html"
        mail.write_text(digest(folder / "audit"), "utf-8")
        page = str(reports / "quarter.html")
        shots = {
            "report": (page, "body", "#answer .changed", 1100),
            "incident": (page, "#incident-1", "#incident-1", 1100),
            "trend": (page, "#trend", "#trend", 1100),
            "digest": (str(mail), "body", "body", 760),
        }
        if why := browser.missing():
            raise SystemExit(why)
        browser.check(
            folder,
            [
                {"do": "shot", "page": at, "from": first, "to": last, "width": width,
                 "out": str(folder / f"{name}.png")}
                for name, (at, first, last, width) in shots.items()
            ],
        )  # fmt: skip
        for name in shots:
            keep(Image.open(folder / f"{name}.png"), name)
        keep(ImageOps.expand(sheet(reports / "board.pdf", 0, 1.3), 1, "#d7dddb"), "board")
        keep(office(reports / "actions.xlsx", "Owner"), "actions")
        scoped = folder.parent / "scoped"
        scoped.mkdir()
        follow(DOCS / "incident.md", scoped)
        keep(office(scoped / "incident.xlsx", "Local"), "timeline")
        keep(office(scoped / "incident.xlsx", "number of people"), "form")


def digest(workspace: Path) -> str:
    """Return the mail of a channel that has heard of nothing, as a page."""
    with Workspace(workspace) as store:
        items = tuple(
            Item.of(standing, store.keyed)
            for standing in triage.standings(store)
            if not standing.settled
        )
    told = Digest("Calderbrook Homes", datetime.now(UTC), complete=True, items=items)
    lines = "\n".join(f"  {html.escape(line)}" for line in told.lines)
    return (
        "<!doctype html><meta charset=utf-8><title>mail</title><body style='margin:0;padding:20px;"
        "font:15px/1.5 system-ui'><b>From:</b> audit@calderbrook-homes.example<br><b>To:</b> "
        f"priyanka.nair@calderbrook-homes.example<br><b>Subject:</b> {html.escape(told.headline)}"
        f"<pre style='font:14px/1.5 monospace;white-space:pre-wrap;margin:14px 0 0'>{lines}</pre>"
    )


def office(book: Path, word: str) -> Image.Image:
    """Return the first page with a word of a workbook, as a spreadsheet program shows it."""
    program = ["soffice", "--headless", "--convert-to", "pdf", "--outdir", str(book.parent)]
    subprocess.run([*program, str(book)], check=True, capture_output=True)
    made = book.with_suffix(".pdf")
    pages = list(pypdfium2.PdfDocument(made))
    first = next(n for n, page in enumerate(pages) if word in page.get_textpage().get_text_range())
    return trimmed(sheet(made, first, 2))


def sheet(path: Path, number: int, scale: float) -> Image.Image:
    """Return a page of a PDF as a picture."""
    made: Image.Image = pypdfium2.PdfDocument(path)[number].render(scale=scale).to_pil()
    return made.convert("RGB")


def trimmed(picture: Image.Image) -> Image.Image:
    """Return a picture without the empty paper around it."""
    left, top, right, bottom = ImageOps.invert(picture).getbbox() or (0, 0, *picture.size)
    return picture.crop((left - 16, top - 16, right + 16, bottom + 16))


def keep(picture: Image.Image, name: str) -> None:
    """Save a picture with few colours, so that it is small."""
    small = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(TO / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
