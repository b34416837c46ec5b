"""OpenDocument text, sheets and slides (odt, ods, odp), with what they hide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scanner.attachments.grid import Grid, keep
from scanner.attachments.parts import Package, local
from scanner.errors import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scanner.attachments.gather import File, Gathering

MAX_REPEATED = 1_000
"""Equal rows or cells written once with a count; programs fill whole sheets with empty ones."""

_APART = frozenset({"annotation", "tracked-changes", "notes", "hidden-text", "hidden-paragraph"})
_TELLING = frozenset(
    {"creator", "initial-creator", "title", "subject", "description", "keyword", "user-defined",
     "printed-by"}
)  # fmt: skip
_LINES = frozenset({"p", "h", "line-break"})


def read(file: File, to: Gathering) -> None:
    """Read an OpenDocument file of any kind."""
    with to.open(file) as archive:
        package = Package(archive, file, to)
        if b"encryption-data" in package.read("META-INF/manifest.xml"):
            raise UnreadableError("protected by a password: encrypted as a whole")
        for name in package.names(r"(?:Object [^/]*/)?content\.xml"):
            to.part()
            root = package.xml(name)
            if root is not None:
                _content(root, file, to, "embedded object" if "/" in name else "")
            elif name == "content.xml":
                raise UnreadableError("damaged: its content cannot be read")
        styles = package.xml("styles.xml")
        if styles is not None:
            for area in styles.iter("{*}header", "{*}footer"):
                to.text(file, _text(area))
        meta = package.xml("meta.xml")
        if meta is not None:
            entries = [(local(m.tag), m.text) for m in meta.iter() if m.text]
            lines = [f"{name}: {text}" for name, text in entries if name in _TELLING]
            to.text(file, "\n".join(lines), hidden="document properties")


def _content(root: Any, file: File, to: Gathering, hidden: str) -> None:
    for note in root.iter("{*}annotation"):
        body = [_text(p) for p in note.iter("{*}p")]
        to.text(file, "\n".join(body), "", _joined(hidden, "comment"))
    for deletion in root.iter("{*}deletion"):
        to.text(file, _text(deletion), "", _joined(hidden, "tracked change: deleted"))
    for unseen in root.iter("{*}hidden-text", "{*}hidden-paragraph"):
        text = unseen.get(f"{unseen.tag.rpartition('}')[0]}}}string-value") or _text(unseen)
        to.text(file, text, "", _joined(hidden, "hidden text"))
    content: Any = next(root.iter("{*}body"), None)
    kinds = {local(child.tag) for child in content} if content is not None else set()
    if "spreadsheet" in kinds:
        styles = _unseen_styles(root)
        for table in content.iter("{*}table"):
            to.part()
            _sheet(table, file, to, hidden, styles)
        for shape in content.iter("{*}text-box"):
            to.text(file, _text(shape), "", hidden)
    elif "presentation" in kinds:
        styles = _unseen_styles(root)
        for page in content.iter("{*}page"):
            to.part()
            _slide(page, file, to, styles)
    elif content is not None:
        to.tabbed(file, _text(content), "", hidden)


def _joined(outer: str, inner: str) -> str:
    return f"{outer}, {inner}" if outer else inner


def _attribute(node: Any, name: str) -> str:
    return next((v for k, v in node.items() if local(k) == name), "")


def _unseen_styles(root: Any) -> set[str]:
    """Return the styles of sheets and slides that do not show."""
    found = set()
    for style in root.iter("{*}style"):
        for properties in style:
            shown = _attribute(properties, "display"), _attribute(properties, "visibility")
            if local(properties.tag).endswith("-properties") and (
                shown[0] == "false" or shown[1] == "hidden"
            ):
                found.add(_attribute(style, "name"))
    return found


def _slide(page: Any, file: File, to: Gathering, styles: set[str]) -> None:
    name = _attribute(page, "name") or "Slide"
    hidden = "hidden slide" if _attribute(page, "style-name") in styles else ""
    to.tabbed(file, _text(page), name, hidden)
    for notes in page.iter("{*}notes"):
        to.text(file, _text(notes), name, "speaker notes")


def _text(root: Any) -> str:
    return "".join(_pieces(root, root)).strip("\n ")


def _pieces(node: Any, root: Any) -> Iterator[str]:
    """Yield what shows of a node's text, without recursion: depth is the file's to choose."""
    todo: list[Any] = [node]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            yield item
            continue
        tag = local(item.tag)
        if item is not root:
            todo.append(item.tail or "")
        if not tag or (tag in _APART and item is not root):
            continue
        if tag in _LINES or tag == "table-row":
            first = item.getprevious() is None
            in_cell = item.getparent() is not None and local(item.getparent().tag) == "table-cell"
            yield "\n" if not in_cell else "" if first else " "
        elif tag in {"tab"} or (tag in {"table-cell", "covered-table-cell"} and
                                item.getprevious() is not None):  # fmt: skip
            yield "\t"
        elif tag == "s":
            yield " " * min(int(_attribute(item, "c") or 1), 100)
        todo.extend(reversed(item))
        todo.append(item.text or "")


def _sheet(table: Any, file: File, to: Gathering, hidden: str, styles: set[str]) -> None:
    grid = Grid([])
    columns: list[tuple[int, int]] = []
    place = 0
    for column in table.iter("{*}table-column"):
        count = _count(column, 16_384)
        if _attribute(column, "visibility") in {"collapse", "filter"}:
            columns.append((place, place + count))
        place += count
    rows: list[Sequence[str]] = []
    for row in table.iter("{*}table-row"):
        cells = _cells(row)
        count = _count(row, MAX_REPEATED if any(cells) else 1)
        visibility = _attribute(row, "visibility")
        if visibility in {"collapse", "filter"}:
            numbers = range(len(rows), len(rows) + count)
            grid.hidden_rows.update(numbers)
            if visibility == "filter":
                grid.filtered_rows.update(numbers)
        rows.extend([cells] * count)
    grid.rows, grid.hidden_columns = rows, columns
    unseen = _attribute(table, "style-name") in styles
    how = _joined(hidden, "hidden sheet") if unseen else hidden
    keep(to, file, _attribute(table, "name") or "Sheet", grid, how)


def _count(node: Any, most: int) -> int:
    value = _attribute(node, "number-rows-repeated") or _attribute(node, "number-columns-repeated")
    return min(int(value), most) if value.isdigit() and int(value) else 1


def _cells(row: Any) -> list[str]:
    cells: list[str] = []
    gap = 0
    for cell in row:
        if local(cell.tag) not in {"table-cell", "covered-table-cell"}:
            continue
        count = _count(cell, 16_384)
        text = " ".join(_text(p) for p in cell if local(p.tag) == "p")
        if not text:
            gap += count
            continue
        date = _attribute(cell, "date-value").removesuffix("T00:00:00")
        # Empty cells count only where something follows.
        cells.extend([""] * gap)
        gap = 0
        cells.extend([date or text] * min(count, MAX_REPEATED))
    return cells
