"""The report as PDF/UA: Jinja2 writes Typst source, Typst sets it; tagged, with bookmarks."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Undefined
from markupsafe import Markup

from scanner import data
from scanner.errors import ScannerError
from scanner.report import templates
from scanner.report.summary import BANDS, by_band

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jinja2 import Template

    from scanner.report.summary import Summary

LIMITS = {"pages": 500, "messages": 25, "findings": 40, "timeline": 40, "groups": 100}
"""How many rows a table shows, and how many incidents have a page; JSON has them all."""

PLAIN = re.compile(r"[\x20-\x7e\u00a0-\u024f\u0370-\u03ff\u0400-\u045f\u2010-\u2027\s]")
"""Characters that the fonts which come with Typst are known to have."""

MAX_TRIED = 2_000
"""Distinct other characters that are tried out; a report with more has them replaced."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u200e\u200f\u202a-\u202e"
                      r"\u2066-\u2069\ufeff]")  # fmt: skip
_LONG = re.compile(r"[^\s\u200b-]{24}(?=[^\s\u200b])")


def literal(value: object) -> Markup:
    """Return a value as a Typst string literal; what a template itself made passes as it is.

    Nothing within the quotes is markup to Typst. Long runs without a space may break.
    """
    if isinstance(value, Markup):
        return value
    text = "" if isinstance(value, Undefined) else str(value)
    text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
    text = _LONG.sub(lambda run: f"{run[0]}\N{ZERO WIDTH SPACE}", text)
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", " "), ("\r", " "), ("\t", " ")):
        text = text.replace(plain, escaped)
    return Markup(f'"{text}"')  # noqa: S704 - quoted for Typst, which is what is written here


@cache
def _template() -> Template:
    environment = templates.environment(finalize=literal)  # leaves what macros return alone
    environment.filters["label"] = lambda rank: Markup(f"<incident-{int(rank)}>")  # noqa: S704
    environment.globals |= {"bands": BANDS, "limits": LIMITS, "zip": zip}
    return environment.get_template("report.typ.j2")


def source(summary: Summary) -> str:
    """Return the report as Typst source."""
    known = (*summary.kinds, *summary.markers)
    style = (data.folder("templates") / "report_style.typ").read_text("utf-8")
    return style + _template().render(
        s=summary,
        titles={term.id: term.title for term in known},
        explained={term.id: term.explanation for term in known},
        counts=by_band(summary.incidents),
    )


def render(summary: Summary) -> bytes:
    """Return the report as PDF/UA-1."""
    import typst

    text = source(summary)
    compiler = typst.Compiler()
    lost = _undisplayable(compiler, set(PLAIN.sub("", text)))
    text = text.translate(dict.fromkeys(map(ord, lost), "\N{REPLACEMENT CHARACTER}"))
    try:
        return _compile(compiler, text, summary)
    except typst.TypstError:
        # Characters that show alone may not show together, a mark on a letter of another script.
        text = "".join(c if PLAIN.match(c) else "\N{REPLACEMENT CHARACTER}" for c in text)
    try:
        return _compile(compiler, text, summary)
    except typst.TypstError as error:
        # Its own words quote the source, which holds mail.
        raise ScannerError("the PDF could not be set; write the report as .html") from error


def _compile(compiler: Any, text: str, summary: Summary) -> bytes:
    made_at = summary.generated_at.replace(microsecond=0)
    pdf: bytes = compiler.compile(
        text.encode(), format="pdf", pdf_standards=["ua-1"], timestamp=made_at
    )
    return pdf


def _undisplayable(compiler: Any, characters: Iterable[str]) -> set[str]:
    """Return the characters that no font on this machine has; PDF/UA allows none of them."""
    import typst

    tried, lost = sorted(characters)[:MAX_TRIED], set(sorted(characters)[MAX_TRIED:])
    for character in tried:
        try:
            probe = f'#set document(title: "-")\n#{literal(character)}'
            compiler.compile(probe.encode(), format="pdf", pdf_standards=["ua-1"])
        except typst.TypstError:
            lost.add(character)
    return lost
