"""XML parts of documents, parsed without entities, network or huge trees; the zip around them."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from lxml import etree

from scanner.errors import UnreadableError

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator, Sequence

    from scanner.attachments.gather import File, Gathering

_NUMBER = re.compile(r"(\d+)")
_OLE = bytes.fromhex("D0CF11E0A1B11AE1")


def parse(data: bytes) -> Any:
    """Return the root of an XML part; raises `UnreadableError` where it declares entities."""
    plain = data.replace(b"\x00", b"") if b"\x00" in data[:64] else data
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
        raise UnreadableError("declares XML entities, as no Office program does")
    # A parser of its own for each part: one may be left in a bad state by the last.
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False,
        dtd_validation=False, remove_comments=True, remove_pis=True, collect_ids=False,
    )  # fmt: skip
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise UnreadableError("damaged: a part of it is no well-formed XML") from error


def local(tag: object) -> str:
    """Return a tag without its namespace."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def is_true(value: str | None) -> bool:
    """Tell whether an XML attribute says yes."""
    return value in {"1", "true", "on"}


class Package:
    """The parts of an Office document."""

    def __init__(self, archive: zipfile.ZipFile, file: File, to: Gathering) -> None:
        self._archive, self.file, self.to = archive, file, to
        self._infos = {info.filename.lstrip("/"): info for info in archive.infolist()}
        self._lower = {name.lower(): name for name in self._infos}

    def names(self, pattern: str) -> list[str]:
        """Return the parts whose name matches, `sheet2` before `sheet10`."""
        compiled = re.compile(pattern, re.IGNORECASE)
        found = [name for name in self._infos if compiled.fullmatch(name)]
        return sorted(found, key=_natural)

    def read(self, name: str) -> bytes:
        """Return a part's bytes, none where there is no such part."""
        name = name if name in self._infos else self._lower.get(name.lower(), "")
        return self.to.member(self._archive, self._infos[name]) if name else b""

    def xml(self, name: str) -> Any:
        """Return a part's root, None where there is none or it is damaged, which is a problem."""
        try:
            data = self.read(name)
            return parse(data) if data else None
        except UnreadableError as error:
            self.to.problem(self.file, str(error), posixpath.basename(name))
            return None

    def relations(self, name: str) -> dict[str, tuple[str, str]]:
        """Return id -> (type, part) of what a part refers to within the document."""
        folder, base = posixpath.split(name)
        root = self.xml(f"{folder}/_rels/{base}.rels" if folder else f"_rels/{base}.rels")
        found = {}
        for entry in root if root is not None else ():
            target = entry.get("Target", "")
            if entry.get("TargetMode") == "External" or not target:
                continue
            path = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
            kind = entry.get("Type", "").rpartition("/")[2]
            found[entry.get("Id", "")] = (kind, path)
        return found

    def properties(self) -> None:
        """Keep who and what the document's properties name."""
        lines = []
        for name in ("docProps/core.xml", "docProps/app.xml", "docProps/custom.xml"):
            root = self.xml(name)
            if root is None:
                continue
            for entry in root.iter():
                label = entry.get("name") or local(entry.tag)
                if name.endswith("custom.xml"):
                    text = " ".join(entry.itertext()) if entry.get("name") else ""
                else:
                    text = (entry.text or "") if label in _TELLING else ""
                if text.strip():
                    lines.append(f"{label}: {text.strip()}")
        self.to.text(self.file, "\n".join(lines), hidden="document properties")

    def charts(self, folder: str) -> None:
        """Keep the values that charts carry along, of sheets that may not lie in the document."""
        for name in self.names(rf"{folder}/charts/chart\d*\.xml"):
            self.to.part()
            root = self.xml(name)
            caches = root.iter("{*}strCache") if root is not None else ()
            found = dict.fromkeys(v.text for cache in caches for v in cache.iter("{*}v") if v.text)
            label = posixpath.basename(name).removesuffix(".xml")
            self.to.text(self.file, "\n".join(found), label, "values of a chart")

    def embedded(self, folder: str) -> None:
        """Read the objects embedded in the document, and with OCR its pictures."""
        for name in self.names(rf"{folder}/embeddings/[^/]+"):
            try:
                content = self.read(name)
            except UnreadableError as error:
                self.to.problem(self.file, str(error), posixpath.basename(name))
                continue
            label = posixpath.basename(name)
            if content.startswith(_OLE):
                label, content = unwrapped(content, label)
            self.to.file(content, label, self.file, hidden="embedded object")
        if self.to.pictures:
            for name in self.names(rf"{folder}/media/[^/]+\.(?:png|jpe?g|gif|bmp|tiff?|webp)"):
                with self.to.guard(self.file, posixpath.basename(name)):
                    self.to.file(self.read(name), posixpath.basename(name), self.file)


_TELLING = frozenset(
    {"creator", "lastModifiedBy", "title", "subject", "description", "keywords", "category",
     "contentStatus", "Manager", "Company"}
)  # fmt: skip


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(p), "") if p.isdigit() else (0, p) for p in _NUMBER.split(name[:300])]


def unwrapped(content: bytes, name: str) -> tuple[str, bytes]:
    """Return the file within an OLE object, or the object itself where it is no wrapping."""
    import io

    import olefile  # type: ignore[import-untyped]

    try:
        with olefile.OleFileIO(io.BytesIO(content)) as ole:
            for stream in ("Package", "CONTENTS"):
                if ole.exists(stream):
                    return name, ole.openstream(stream).read()
            if ole.exists("\x01Ole10Native"):
                return native(ole.openstream("\x01Ole10Native").read(), name)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return name, content
    return name, content


def native(data: bytes, name: str) -> tuple[str, bytes]:
    """Return name and content of an OLE 1 package ([MS-OLEDS] 2.3.6)."""
    label, _, rest = data[6:].partition(b"\x00")
    _, _, rest = rest.partition(b"\x00")
    length = int.from_bytes(rest[4:8], "little")
    rest = rest[8 + length :]
    size = int.from_bytes(rest[:4], "little")
    return label.decode("cp1252", "replace") or name, rest[4 : 4 + size]


def paragraphs(root: Any, skip: Sequence[str] = ()) -> Iterator[str]:
    """Yield pieces of the text of a DrawingML part: lines for paragraphs, tabs between cells."""
    for node in root.iter():
        tag = local(node.tag)
        if tag == "t" and node.text:
            parent = node.getparent()
            if parent is None or local(parent.tag) not in skip:
                yield node.text
        elif tag == "p":
            parent = node.getparent()
            above = parent.getparent() if parent is not None else None
            if above is None or local(above.tag) != "tc":
                yield "\n"
            elif node.getprevious() is not None and local(node.getprevious().tag) == "p":
                yield " "
        elif tag == "br" or tag == "tr":
            yield "\n"
        elif (
            tag == "tc" and node.getprevious() is not None and local(node.getprevious().tag) == "tc"
        ):
            yield "\t"
