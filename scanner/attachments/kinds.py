"""What a file is, told from its content; its name decides between kinds of plain text only."""

from __future__ import annotations

import io
import re

from scanner import unpack
from scanner.errors import UnreadableError

_ZIP, _OLE = b"PK\x03\x04", bytes.fromhex("D0CF11E0A1B11AE1")
_MAIN_PARTS = (
    (re.compile(rb"spreadsheetml\.(?:sheet|template)\.main\+xml"), "xlsx"),
    (re.compile(rb"ms-excel\.(?:sheet|template|addin)\.macroEnabled\.main\+xml"), "xlsx"),
    (re.compile(rb"ms-excel\.sheet\.binary\.macroEnabled\.main"), "xlsb"),
    (re.compile(rb"wordprocessingml\.(?:document|template)\.main\+xml"), "docx"),
    (re.compile(rb"ms-word\.(?:document|template)\.macroEnabled\w*\.main\+xml"), "docx"),
    (re.compile(rb"presentationml\.(?:presentation|slideshow|template)\.main\+xml"), "pptx"),
    (re.compile(rb"ms-powerpoint\.\w+\.macroEnabled\.main\+xml"), "pptx"),
)
_KNOWN = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"{\\rtf", "rtf"),
    (_OLE, "ole"),
)
_UNREADABLE = (
    (re.compile(rb"7z\xbc\xaf\x27\x1c"), "7-Zip archive: cannot be opened here; unpack it first"),
    (re.compile(rb"Rar!\x1a\x07"), "RAR archive: cannot be opened here; unpack it first"),
    (re.compile(rb"BZh[1-9]1AY|\xfd7zXZ\x00|\x28\xb5\x2f\xfd"),
     "archive of a kind that cannot be opened here; unpack it first"),
    (re.compile(rb"(?s).{257}ustar"), "tar archive: cannot be opened here; unpack it first"),
    (re.compile(rb"(?s:.{4}ftyp(?:heic|heix|mif1|avif))"),
     "image of a kind that cannot be opened here; save it as JPEG or PNG"),
    (re.compile(rb"(?s:.{4}ftyp)|ID3|\xff[\xfb\xf3]|OggS|RIFF|\x1aE\xdf\xa3"),
     "sound or film: holds no text that can be read"),
    (re.compile(rb"MZ|\x7fELF|\xca\xfe\xba\xbe"), "program: not a document"),
    (re.compile(rb"\x78\x9f\x3e\x22"), "Outlook winmail.dat: cannot be opened here"),
    (re.compile(rb"-----BEGIN PGP MESSAGE"), "encrypted with PGP: needs its key"),
    (re.compile(rb"!BDN"), "Outlook store: give it to the scan as a source of its own"),
    (re.compile(rb"(?s)\x00\x01\x00\x00Standard (?:Jet|ACE) DB"),
     "Access database: cannot be opened here"),
    (re.compile(rb"(?s)SQLite format 3\x00"), "SQLite database: cannot be opened here"),
    (re.compile(rb"(?s)PAR1"), "Parquet table: cannot be opened here"),
)  # fmt: skip
_IMAGE = re.compile(
    rb"(?s)\x89PNG|\xff\xd8\xff|GIF8[79]a|II\*\x00|MM\x00\*|BM.{4}\x00{4}|RIFF.{4}WEBP"
)
_SIGNED, _ENVELOPED = (bytes.fromhex(f"2a864886f70d0107{n}") for n in ("02", "03"))
_HTML = re.compile(r"(?i)\s*+(?:<!--.{0,500}?-->\s*+)?<(?:!doctype html|html|head|body|table|p)\b",
                   re.DOTALL)  # fmt: skip
_XML = re.compile(r"\s*+<\?xml\b")
_MAIL = re.compile(
    r"(?im)^(?:from|to|subject|date|received|message-id|mime-version|return-path"
    r"|delivered-to|x-mailer|content-type):"
)
_FIELD = re.compile(r"[!-9;-~]{1,70}:")


def kind_of(content: bytes, name: str) -> str:
    """Return which reader of `FORMATS` fits, empty where there is nothing to read.

    Raises `UnreadableError` with the reason where none does.
    """
    head = content[:1024]
    if not content.strip(b"\x00 \t\r\n"):
        return ""
    for magic, kind in _KNOWN:
        if head.startswith(magic):
            return ole_kind(content) if kind == "ole" else kind
    if b"%PDF-" in head:
        return "pdf"
    if head.startswith((_ZIP, b"PK\x05\x06", b"PK00PK\x03\x04")):
        return _zip_kind(content)
    if head[:1] == b"\x30" and _SIGNED in head[:40]:
        if len(content) > 32_768:
            raise UnreadableError("signed container: what is inside was not read")
        return ""  # a signature beside its message
    if head[:1] == b"\x30" and _ENVELOPED in head[:40]:
        raise UnreadableError("encrypted with S/MIME: needs its key")
    if _IMAGE.match(head):
        return "image"
    for pattern, reason in _UNREADABLE:
        if pattern.match(head):
            raise UnreadableError(reason)
    return _text_kind(content, name)


def _zip_kind(content: bytes) -> str:
    try:
        with unpack.open_zip(io.BytesIO(content), unpack.Budget()) as archive:
            names = set(archive.namelist()[:20_000])
            if "[Content_Types].xml" in names:
                with archive.open("[Content_Types].xml") as member:
                    types = member.read(1_000_000)
                for pattern, kind in _MAIN_PARTS:
                    if pattern.search(types):
                        return kind
            if "mimetype" in names:
                with archive.open("mimetype") as member:
                    if member.read(200).startswith(b"application/vnd.oasis.opendocument."):
                        return "odf"
    except Exception as error:
        if b"[Content_Types].xml" in content[:4096] or b"mimetype" in content[:60]:
            raise UnreadableError("damaged or cut short: no part of it can be read") from error
    return "zip"


def ole_kind(content: bytes) -> str:
    """Return which reader fits a compound file of the older Office programs and Outlook."""
    import olefile  # type: ignore[import-untyped]

    try:
        with olefile.OleFileIO(io.BytesIO(content)) as ole:
            names = {"/".join(entry).lower() for entry in ole.listdir()}
    except Exception as error:
        raise UnreadableError("damaged or cut short: no part of it can be read") from error
    if "encryptedpackage" in names:
        raise UnreadableError("protected by a password: encrypted as a whole")
    for stream, kind in (
        ("__properties_version1.0", "msg"),
        ("worddocument", "doc"),
        ("workbook", "xls"),
        ("book", "xls"),
    ):
        if stream in names:
            return kind
    if "powerpoint document" in names:
        raise UnreadableError("PowerPoint 97 file: cannot be read here; save it as pptx")
    raise UnreadableError("compound file of an unknown program")


def decode(content: bytes) -> str:
    """Return text by its byte order mark, else as UTF-8, else as Windows-1252.

    Raises `UnreadableError` for what is no text.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    if content.startswith(b"\xef\xbb\xbf"):
        return content[3:].decode("utf-8", "replace")
    sample = content[:65_536]
    zeros = sample.count(0)
    if zeros > len(sample) // 4:
        even, odd = sample[::2].count(0), sample[1::2].count(0)
        if min(even, odd) * 20 < max(even, odd) and max(even, odd) * 4 > len(sample):
            return content.decode("utf-16-be" if even > odd else "utf-16-le", "replace")
    odd_bytes = len(sample.translate(None, bytes([*range(8), *range(14, 27), *range(28, 32)])))
    if len(sample) - odd_bytes > max(2, len(sample) // 50):
        raise UnreadableError("of an unknown kind: no text, no document")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start > len(content) - 4 or _mostly_utf8(sample):
            return content.decode("utf-8", "replace")
        return content.decode("cp1252", "replace")


def _mostly_utf8(sample: bytes) -> bool:
    """Tell whether one odd byte stands in text that else is UTF-8."""
    text = sample.decode("utf-8", "replace")
    strange = text.count("\ufffd")
    return strange * 10 < sum(1 for c in text if c > "\x7f")


def _text_kind(content: bytes, name: str) -> str:
    text = decode(content[:65_536])
    start = text.lstrip()[:4_000]
    upper = start[:200].upper()
    if upper.startswith("BEGIN:VCALENDAR"):
        return "ics"
    if upper.startswith("BEGIN:VCARD"):
        return "vcf"
    if _HTML.match(start) or (_XML.match(start) and "<html" in start):
        return "html"
    if _XML.match(start):
        return "xml"
    if start.startswith("From ") and _MAIL.search(start):
        return "mbox"
    suffix = name.rpartition(".")[2].lower()
    lines = text[:8_000].split("\n")
    if _FIELD.match(start) and len(set(map(str.lower, _MAIL.findall(start)))) >= (
        1 if suffix == "eml" else 2
    ):
        return "eml"
    if suffix in {"csv", "tsv", "tab"} or delimiter_of(lines):
        return "csv"
    return "txt"


def delimiter_of(lines: list[str]) -> str:
    """Return what parts the cells of these first lines, empty where they are no table."""
    lines = [line for line in lines[:-1] or lines if line.strip()][:30]
    if len(lines) < 2:
        return ""
    for delimiter in "\t;,|":
        counts = [line.count(delimiter) for line in lines]
        usual = max(set(counts), key=counts.count)
        if usual and counts.count(usual) >= 0.9 * len(counts):
            return delimiter
    return ""
