"""Word documents (docx): text, headers, notes; what was deleted, hidden or commented."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scanner.attachments.parts import Package, is_true
from scanner.errors import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scanner.attachments.gather import File, Gathering

_SPACES = (
    "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}",
    "{http://purl.oclc.org/ooxml/wordprocessingml/main}",
)
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_NAMES = ("t", "delText", "p", "tab", "br", "cr", "noBreakHyphen", "tr", "tc")


def read(file: File, to: Gathering) -> None:
    """Read a document."""
    with to.open(file) as archive:
        package = Package(archive, file, to)
        kinds = package.relations("").values()
        main = next((p for k, p in kinds if k == "officeDocument"), "word/document.xml")
        if not _part(package, main, ""):
            raise UnreadableError("damaged: its text cannot be read")
        for pattern, hidden in (
            (r"word/(?:header|footer)\d*\.xml", ""),
            (r"word/(?:footnotes|endnotes)\.xml", ""),
            (r"word/comments\.xml", "comment"),
        ):
            for name in package.names(pattern):
                to.part()
                _part(package, name, hidden)
        package.properties()
        package.charts("word")
        package.embedded("word")
        for name in package.names(r"word/(?:afchunk|embedded)[^/]*"):  # documents inserted whole
            to.file(package.read(name), name, file)


def _part(package: Package, name: str, hidden: str) -> bool:
    root = package.xml(name)
    if root is None:
        return False
    space = next((s for s in _SPACES if root.tag.startswith(s)), _SPACES[0])
    for twin in list(root.iter(_FALLBACK)):  # says the same again for older programs
        twin.clear()
    deleted, unseen = _aside(root, space)
    text = "".join(_pieces(root, space, deleted | unseen)).strip("\n")
    package.to.tabbed(package.file, text, "", hidden)
    for nodes, how in ((deleted, "tracked change: deleted"), (unseen, "hidden text")):
        if nodes:
            lines = "".join(_pieces(root, space, nodes, only=True)).split("\n")
            text = "\n".join(line for line in lines if line and not line.isspace())
            package.to.tabbed(package.file, text, "", f"{hidden}, {how}" if hidden else how)
    return True


def _aside(root: Any, space: str) -> tuple[set[Any], set[Any]]:
    """Return the text nodes that were deleted, and those formatted as hidden."""
    deleted = set(root.iter(f"{space}delText"))
    for moved in root.iter(f"{space}moveFrom", f"{space}del"):
        deleted.update(moved.iter(f"{space}t"))
    unseen: set[Any] = set()
    for mark in root.iter(f"{space}vanish"):
        properties = mark.getparent()
        run = properties.getparent() if properties is not None else None
        value = mark.get(f"{space}val")
        if run is not None and run.tag == f"{space}r" and (value is None or is_true(value)):
            unseen.update(run.iter(f"{space}t"))
    return deleted, unseen - deleted


def _pieces(root: Any, space: str, nodes: set[Any], *, only: bool = False) -> Iterator[str]:
    """Yield the text: lines for paragraphs and table rows, tabs between cells.

    Of the text nodes either all but `nodes`, or `nodes` only.
    """
    text, delete, paragraph, tab, *_breaks, hyphen, row, cell = (f"{space}{n}" for n in _NAMES)
    for node in root.iter(*(f"{space}{name}" for name in _NAMES)):
        tag = node.tag
        if tag in (text, delete):
            if (node in nodes) is only if nodes else not only:
                yield node.text or ""
        elif tag == paragraph:
            above = node.getparent()
            if above is None or above.tag != cell:
                yield "\n"
            else:
                before = node.getprevious()
                if before is not None and before.tag == paragraph:
                    yield " "
        elif tag == row:
            yield "\n"
        elif tag == cell:
            before = node.getprevious()
            if before is not None and before.tag == cell:
                yield "\t"
        elif tag == tab:
            if node.getparent().tag == f"{space}r":
                yield "\t"
        else:
            yield "-" if tag == hyphen else "\n"
