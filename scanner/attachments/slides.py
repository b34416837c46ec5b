"""PowerPoint presentations (pptx): slides, hidden slides, speaker notes, comments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scanner.attachments.parts import Package, paragraphs

if TYPE_CHECKING:
    from scanner.attachments.gather import File, Gathering


def read(file: File, to: Gathering) -> None:
    """Read a presentation."""
    with to.open(file) as archive:
        package = Package(archive, file, to)
        for name in package.names(r"ppt/slides/slide\d*\.xml"):
            to.part()
            root = package.xml(name)
            if root is None:
                continue
            hidden = "hidden slide" if root.get("show") in {"0", "false"} else ""
            # A field holds the number of the slide or the date.
            label = f"Slide {_number(name)}"
            to.tabbed(file, "".join(paragraphs(root, ("fld",))).strip("\n"), label, hidden)
            for kind, part in package.relations(name).values():
                if kind == "notesSlide":
                    notes = package.xml(part)
                    if notes is not None:
                        text = "".join(paragraphs(notes, ("fld",))).strip("\n")
                        to.text(file, text, label, "speaker notes")
        for name in package.names(r"ppt/comments/[^/]+\.xml"):
            to.part()
            root = package.xml(name)
            if root is not None:
                tags = root.iter("{*}text", "{*}t")
                to.text(file, "\n".join(t.text or "" for t in tags), "", "comment")
        package.properties()
        package.charts("ppt")
        package.embedded("ppt")


def _number(name: str) -> str:
    return "".join(filter(str.isdigit, name.rpartition("/")[2]))
