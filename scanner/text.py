"""Text of messages: normalising, HTML to text, new / quoted / signature, masking, redaction."""

from __future__ import annotations

import html
import re
import sys
import unicodedata
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# --- normalising -------------------------------------------------------------------------------

_SPACES = "\t\x00\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
_DASHES = "\u2010\u2011\u2012\u2013\u2043\u207b\u2212\ufe58\ufe63\uff0d"
_UNUSUAL = re.compile(r"[^\x01-\x0a\x0d-\x7f]+")
_HEAP = re.compile(r"[^\x00-\x7f]{31}")
_INVISIBLE = (0xAD, 0x61C, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0xFEFF)


@cache
def _table() -> dict[int, str | None]:
    """Return what becomes of each look-alike character; made once, of every decimal digit."""
    table: dict[int, str | None] = {
        code: str(unicodedata.decimal(chr(code)))
        for code in range(0x80, sys.maxunicode + 1)
        if unicodedata.category(chr(code)) == "Nd"
    }
    table |= {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    table |= dict.fromkeys(map(ord, _SPACES[1:] + "\u202f\u205f\u3000"), " ")
    table |= dict.fromkeys(map(ord, _DASHES), "-")
    table |= dict.fromkeys(map(ord, "\u2018\u2019\u201a\u2032"), "'")
    table |= dict.fromkeys(map(ord, "\u201c\u201d\u201e\u2033"), '"')
    table |= dict.fromkeys(map(ord, "\x0b\x0c\x85\u2028\u2029"), "\n")
    table |= dict.fromkeys((*_INVISIBLE, *range(0x2060, 0x2070)), None)
    return table


@cache
def _combining() -> re.Pattern[str]:
    """Return what finds a heap of combining marks; a real letter carries a few at most."""
    marks = "".join(map(chr, filter(_is_mark, range(0x80, sys.maxunicode + 1))))
    return re.compile(f"([{marks}]{{30}})[{marks}]+")


def _is_mark(code: int) -> bool:
    return unicodedata.combining(chr(code)) > 0


def normalise(text: str) -> str:
    """Return `text` so that ASCII patterns find what a reader sees.

    NFC; one kind of space, dash, quote, digit and line end; full-width forms narrow; characters
    that do not show removed. Doing it twice changes nothing.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isascii() and not any(control in text for control in "\x00\x0b\x0c"):
        return text
    table = _table()
    text = _UNUSUAL.sub(lambda found: found[0].translate(table), text)
    # Composition comes last: taking out an invisible character can bring two others together.
    # Sorting a heap of marks takes quadratic time, hence the cut.
    if _HEAP.search(text):
        text = _combining().sub(r"\1", text)
    return unicodedata.normalize("NFC", text)


def places(text: str) -> list[int]:
    """Return where in `text` each character of its normalised form stands, and at last its end."""
    result: list[int] = []
    start = 0
    for at in range(1, len(text) + 1):
        # What composes with the character before, or ends a line with it, belongs to it.
        if at < len(text) and (
            _is_mark(ord(text[at])) or _gone(text[at]) or text[at - 1 : at + 1] == "\r\n"
        ):
            continue
        result += [start] * len(normalise(text[start:at]))
        start = at
    result.append(len(text))
    return result


def _gone(char: str) -> bool:
    return not char.isascii() and _table().get(ord(char), char) is None


# --- HTML --------------------------------------------------------------------------------------

# Linear on any input: groups are possessive, and from two `<` the quotes never fall into step, so
# at most two unfinished tags look beyond the next `<`. A parser's tree is not: lexbor takes 22 s
# for 100,000 nested elements.
_TAG = re.compile(
    r"<(?:(/?)([a-zA-Z][a-zA-Z0-9:]*+)((?:[^<>\"']|\"[^\"]*+\"|'[^']*+')*+>|[^<>]*+>?)"
    r"|[!?][^<>]*+>?)"
)
_HIDDEN = re.compile(
    r"<(script|style|title)\b[^<>]*+>(?:[^<]++|<(?!/\1\b))*+(?:</\1[^>]*+>?)?", re.IGNORECASE
)
_BLOCK = re.compile(
    "address|article|aside|body|center|d[dlt]|div|fieldset|figure|footer|form|h[1-6r]"
    "|header|html|li|main|nav|[ou]l|p|pre|section|table|t(?:body|foot|head)"
)
_PREFORMATTED = re.compile(r"<pre\b", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f]")
_LONG_REFERENCE = re.compile(r"&#[xX]?[0-9a-fA-F]{9,}+;?")
_BREAK, _LINE, _ROW, _CELL, _QUOTE, _INDENT, _UNQUOTE = "\x01\x02\x0e\x0f\x10\x11\x12"


def _tag_mark(tag: re.Match[str]) -> str:
    """Return what stands for a tag until the text is laid out."""
    name = (tag[2] or "").lower()
    if name == "br":
        return _BREAK
    if name in {"td", "th"}:
        return "" if tag[1] else _CELL
    if name == "tr":
        return _ROW
    if name == "blockquote":
        opens = _QUOTE if "cite" in tag[3] or "gmail_quote" in tag[3] else _INDENT
        return _LINE + (_UNQUOTE if tag[1] else opens)
    if name == "p" and not tag[1] and "MsoNormal" not in tag[3]:
        return _LINE + _BREAK
    return _LINE if _BLOCK.fullmatch(name) else ""


def _without_comments(source: str) -> str:
    pieces, position = [], 0
    while (start := source.find("<!--", position)) >= 0:
        end = source.find("-->", start + 4)
        if end < 0:
            break
        pieces.append(source[position:start])
        position = end + 3
    pieces.append(source[position:])
    return "".join(pieces)


def html_to_text(source: str) -> str:
    """Return the text of an HTML body, in time and memory linear in its length.

    Blocks become lines, table cells are parted by tabs, quoted mail begins with `>`; scripts,
    styles and comments are left out.
    """
    text = _HIDDEN.sub("", _without_comments(_CONTROL.sub(" ", source)))
    preformatted = _PREFORMATTED.search(text)
    marks: dict[str, str] = {}

    def mark(tag: re.Match[str]) -> str:
        # The same few tags make up a body; working each out once is three times as fast.
        found = marks.get(tag[0])
        if found is None:
            found = marks[tag[0]] = _tag_mark(tag)
        return found

    text = _TAG.sub(mark, text)
    if not preformatted:
        text = " ".join(text.split())
    text = text.replace(_BREAK, "\n")
    if "&" in text:
        text = html.unescape(_LONG_REFERENCE.sub("", text))
    if _CELL in text or _ROW in text:
        # A cell's text is one column of its row, in however many blocks a program wraps it.
        edge = " \xa0\n" + _LINE
        cells = _CELL.join(cell.strip(edge) for cell in text.split(_CELL))
        rows = (row.strip(edge).removeprefix(_CELL) for row in cells.split(_ROW))
        text = _LINE.join(rows).replace(_CELL, "\t")
    blocks = (block.strip(" ") for block in text.split(_LINE))
    text = "\n".join(b.removesuffix("\n") if len(b) > 1 else b for b in blocks if b)
    lines = _arrows(text.split("\n")) if _QUOTE in text else text.split("\n")
    text = "\n".join([line.strip(" \xa0") for line in lines]).replace(_INDENT, "")
    return re.sub(r"\n{3,}", "\n\n", text.replace(_UNQUOTE, "")).strip("\n")


def _arrows(lines: list[str]) -> Iterator[str]:
    """Yield the lines, those within quoted mail behind an arrow, as plain mail has them."""
    open_marks: list[str] = []
    quotes = 0
    for line in lines:
        bare = []
        for piece in re.split(f"([{_QUOTE}{_INDENT}{_UNQUOTE}])", line):
            if piece in {_QUOTE, _INDENT}:
                open_marks.append(piece)
                quotes += piece == _QUOTE
            elif piece == _UNQUOTE:
                quotes -= bool(open_marks) and open_marks.pop() == _QUOTE
            else:
                bare.append(piece)
        text = "".join(bare).strip(" \xa0")
        yield f"> {text}" if quotes and text else text


def body_text(plain: Sequence[str], html_parts: Sequence[str]) -> str:
    """Return the one normalised text of a message whose alternatives say the same.

    The plain part, unless it is empty or the HTML part holds more than twice as much.
    """
    text = "\n".join(plain)
    # Markup only ever shortens: an HTML part this short cannot hold twice the text.
    if sum(map(len, html_parts)) > 2 * len(text):
        other = "\n".join(map(html_to_text, html_parts))
        if len(other.strip()) > 2 * len(text.strip()):
            text = other
    return normalise(text)


# --- new, quoted, signature --------------------------------------------------------------------


class Span(NamedTuple):
    """A stretch of a body."""

    start: int
    end: int
    quoted: bool
    """Whether it repeats an earlier message."""

    aside: bool
    """Whether it is a signature or a legal footer."""


_ORIGINAL = re.compile(
    r"[ >*]*-{2,} ?(?:original (?:message|appointment)|forwarded (?:message|by)"
    r"|(?:urspr.ngliche|weitergeleitete) nachricht|message d'origine|message (?:original|transf.r.)"
    r"|mensaje (?:original|reenviado)|(?:oorspronkelijk|doorgestuurd) bericht"
    r"|messaggio (?:originale|inoltrato)|wiadomo.. (?:oryginalna|przekazana|przes.ana dalej)"
    r"|mensagem (?:original|encaminhada)|ursprungligt meddelande|oprindelig meddelelse"
    r"|opprinnelig melding|alkuper.inen viesti)",
)
_WROTE_FIRST = ("on ", "am ", "le ", "el ", "op ", "il ", "em ", "den ", "w dniu ", "dnia ")
_WROTE_LAST = (":", ": ")
_WROTE = re.compile(
    r"[ >]*(?:on|am|le|el|op|il|em|den|w dniu|dnia)\b.{6,300}?\b"
    r"(?:(?:wrote|a .crit|escribi.|escreveu|ha scritto|pisze|napisa.\(?a?\)?)"
    r"|(?:schrieb|schreef|skrev)\b.{0,80}) ?: ?$",
)
_FIELD = re.compile(
    r"[\t >*]*(?:(from|von|de|van|da|od|fr.n|fra)|(sent|date|gesendet|datum|envoy. ?(?:le)?"
    r"|enviad[ao](?: el| em)?|fecha|verzonden|inviato|data|wys.ano|skickat|sendt)"
    r"|to|cc|bcc|an|\u00e0|para|pour|aan|a|do|dw|till?|kopia"
    r"|subject|betreff|objet|asunto|assunto|onderwerp|oggetto|temat|.mne|emne) ?\*? ?:\*?(?: |$)",
)
_OPENING = re.compile(
    r"[ >]*(?:(?:(?:with |my |our )?(?:(?:kind(?:est)?|best|warm(?:est)?|many) )?"
    r"(?:regards|wishes|thanks)(?: (?:and|&) (?:kind |best )?(?:regards|wishes))?"
    r"|thank you|thanks(?: again| so much)?|thx|rgr?ds|cheers"
    r"|yours(?: (?:sincerely|faithfully|truly))?|sincerely|(?:all the )?best|br|kr|mfg|lg|vg"
    r"|(?:mit )?(?:freundlichen?|besten?|liebe|viele|herzliche) gr..?(?:ss|.)en?"
    r"|(?:bien )?cordialement|salutations.{0,20}|(?:un )?(?:cordial )?saludos?(?: cordial(?:es)?)?"
    r"|atentamente|(?:met )?vriendelijke groet(?:en)?|(?:cordiali|distinti) saluti|pozdrawiam"
    r"|z powa.aniem)(?: from [\w ]{1,30})?[ ,.!-]{0,3}$"
    r"|-- ?$|_{5,}$|-{8,}$|\*{8,}$"
    r"|(?:sent|send) (?:from|via) (?:my |the )?(?:mobile|phone|[a-z]*phone|ipad|android|blackberry"
    r"|samsung|outlook|mail|yahoo|huawei|galaxy)\b.{0,40}$|get outlook for \w+$"
    r"|(?:von|vom|mit) mein\w* (?:iphone|ipad|handy|mobil\w*|smartphone)\b.{0,20}$"
    r"|(?:envoy. (?:de|depuis)|enviado desde|inviato dal?|verzonden (?:vanaf|met))"
    r" (?:mon|mi|mio|mijn) \w+\b.{0,20}$)"
)
"""A closing phrase, or what parts a signature from the text."""

_DISCLAIMER = re.compile(
    r"[ >*]*(?:disclaimer\b|confidential(?:ity)? (?:notice|note)"
    r"|(?:this|the information (?:contained )?in this) (?:e-?mail|message|communication"
    r"|transmission)\b.{0,120}\b(?:confidential|intended|privileged)"
    r"|.{0,80}\bregistered (?:office|in england|in scotland|charity|company|provider)\b"
    r"|company (?:no|number|reg)|please consider the environment|sitz der gesellschaft"
    r"|diese (?:e-?mail|nachricht) .{0,60}(?:vertraulich|bestimmt)"
    r"|ce (?:message|courriel).{0,80}confidenti|este (?:mensaje|correo).{0,80}confidencial"
    r"|dit (?:e-?mail)?bericht.{0,80}vertrouwelijk"
    r"|(?:questo messaggio|la presente).{0,80}(?:riservat|confidenzial)"
    r"|ta wiadomo.. .{0,60}poufn)",
)
_DISCLAIMER_HINTS = (
    "disclaimer", "confiden", "intended", "privileged", "registered", "company", "environment",
    "sitz der", "vertraulich", "bestimmt", "vertrouwelijk", "riservat", "poufn",
)  # fmt: skip
"""Without one of them no line of a text is a disclaimer; a text is searched for all at once."""

_LABELLED = (
    r"[ >]*(?:(?:t|m|e|w|f|p|tel\w*|mob\w*|cell|phone|fax|direct(?: \w+)?|office|switchboard|ddi|dd"
    r"|e-?mail|web\w*|address|handy|t.l\w*|m.vil|ext(?:ension)?|iban|bic|bank|sort code|account)"
    r"\b ?[.:|]+|\S+@\S+|https?://|www\.)"
)
_LABELLED_CONTACT = re.compile(_LABELLED)
_CONTACT = re.compile(
    rf"{_LABELLED}|\+?[(0-9][0-9 ().+/-]{{8,24}}$"
    r"|.{0,80}\b[a-z]{1,2}[0-9][a-z0-9]? ?[0-9][a-z]{2}$",
)
_PHONE = re.compile(r"[+(0][0-9 ().-]{9,18}[0-9]")
_PERSON = re.compile(r"(?:[A-Z][\w'-]{1,20} ){1,2}(?:[A-Z]\.? )?[A-Z][\w'-]{1,20}")
_WORDS = re.compile(r"[ >]*[^\W\d_][^\t\n0-9:;?@]{1,58}$")
_STOP = re.compile(r"[ >]*(?:p\.? ?s\b|.{0,80}:$|.*\t.*\t)")
_SIGNATURE_LINES, _SIGNATURE_PHONES = 14, 4


def split(text: str, names: Sequence[str] = ()) -> list[Span]:
    """Return the stretches of a normalised body in order: new or quoted, set aside or not.

    `names` are full names of people on the message: one alone on a line before contact details
    begins a signature even without a closing phrase.
    """
    whole = text.split("\n")
    # What a pattern needs of a line stands at its beginning; the cut bounds hostile lines.
    lines = [line[:400] for line in whole] if len(text) > 400 else whole
    # Expressions in small letters take a fraction of the time of those that know both.
    lowered = "\n".join(lines) if lines is not whole else text
    lowered = (lowered if lowered.isascii() else lowered.translate(_ODD_CASES)).lower()
    small = lowered.split("\n")
    quoted = _quoted(small, lowered)
    aside = _aside(lines, small, lowered, quoted, frozenset(map(str.lower, filter(None, names))))
    if True not in quoted and True not in aside:
        return [Span(0, len(text), quoted=False, aside=False)]
    spans: list[Span] = []
    begin = number = 0
    for state, run in groupby(zip(quoted, aside, strict=True)):
        count = sum(1 for _ in run)
        end = begin + sum(map(len, whole[number : number + count])) + count
        spans.append(Span(begin, min(end, len(text)), *state))
        begin, number = end, number + count
    return spans


_ODD_CASES = {0x130: "i", 0x131: "i", 0x17F: "s", 0x212A: "k"}
"""What is another letter's capital or small form, and would not become that by itself."""


def _begins_quote(lines: list[str], index: int) -> bool:
    """Tell whether an earlier message is quoted from this line on."""
    text = lines[index]
    if "--" in text and _ORIGINAL.match(text):
        return True
    field = _FIELD.match(text)
    if field is None or not (field[1] or field[2] or text.lstrip("\t >").startswith("to:")):
        return False
    following = [_FIELD.match(line) for line in lines[index + 1 : index + 6]]
    return sum(found is not None for found in following) >= 2


def _quoted(lines: list[str], lowered: str) -> list[bool]:
    """Tell of each line, in small letters, whether it repeats an earlier message."""
    quoted = [line[:1] == ">" for line in lines]
    arrows = True in quoted
    wrote = ":\n" in lowered or ": \n" in lowered or lowered.endswith(_WROTE_LAST)
    for index, line in enumerate(lines):
        if quoted[index] or not line:
            continue
        if wrote and line[:20].lstrip().startswith(_WROTE_FIRST):
            joined = (" ".join(lines[index : index + n]) for n in (1, 2, 3))
            quoted[index] = any(one.endswith(_WROTE_LAST) and _WROTE.match(one) for one in joined)
        # Above `>` lines it introduces them only, and new text may stand between them.
        if (quoted[index] and not arrows) or (
            # Most lines have neither; looking is far cheaper than matching.
            (":" in line or "--" in line) and _begins_quote(lines, index)
        ):
            return quoted[:index] + [True] * (len(lines) - index)
    return quoted


def _aside(
    lines: list[str], small: list[str], lowered: str, quoted: list[bool], names: frozenset[str]
) -> list[bool]:
    """Tell of each line whether it belongs to a signature or a legal footer."""
    aside = [False] * len(lines)
    disclaims = any(hint in lowered for hint in _DISCLAIMER_HINTS)
    end = 0
    for index, text in enumerate(small):
        if index < end or not text:
            continue
        if disclaims and _DISCLAIMER.match(text):
            end = _paragraph(lines, index)
        elif len(text) <= 60 and (
            _OPENING.match(text) or _is_signed(lines[index], small, index, names)
        ):
            end = _signature(small, quoted, index + 1)
        else:
            continue
        aside[index:end] = [True] * (end - index)
    return aside


def _is_signed(text: str, small: list[str], index: int, names: frozenset[str]) -> bool:
    """Tell whether a line is a person's name above their contact details."""
    bare = text.strip(" >,.")
    known = bool(names) and bare.lower() in names
    person = known or (bare[:1].isupper() and _PERSON.fullmatch(bare))
    if not person or not _has_contact(small, index):
        return False
    # Names that follow one another with their numbers are a list, not a signature.
    before = next((line for line in small[max(0, index - 3) : index][::-1] if line.strip()), "")
    return known or not _CONTACT.match(before)


def _has_contact(lines: list[str], index: int) -> bool:
    """Tell whether a labelled contact line follows within a job title and an organisation."""
    for line in lines[index + 1 : index + 6]:
        if _STOP.match(line):
            return False
        if _LABELLED_CONTACT.match(line):
            return True
    return False


def _leads_to_contact(lines: list[str], index: int) -> bool:
    """Tell whether the block from `index` on is an address or holds a labelled contact line."""
    block = lines[index + 1 : min(_paragraph(lines, index), index + 6)]
    return any(_CONTACT.match(line) for line in block)


def _is_blank(line: str) -> bool:
    return not line or not line.strip(" >\t")


def _paragraph(lines: list[str], index: int) -> int:
    while index < len(lines) and not _is_blank(lines[index]):
        index += 1
    return index


def _signature(lines: list[str], quoted: list[bool], first: int) -> int:
    """Return where a signature ends that begins at line `first`: names, titles, contact lines.

    A list of other people under a closing phrase is content: a heading, a table row, a running
    sentence, a second block without contact details or a fifth phone number says so.
    """
    index = end = first
    taken = phones = 0
    # Blank lines count too, so that a heap of openings over a heap of blank lines stays linear.
    last = min(len(lines), first + 2 * _SIGNATURE_LINES)
    while index < last and taken < _SIGNATURE_LINES:
        line = lines[index]
        if _is_blank(line):
            index += 1
            continue
        contact = _CONTACT.match(line) is not None
        plausible = contact or _WORDS.match(line) or _address_line(line)
        if _STOP.match(line) or not plausible or quoted[index] != quoted[first - 1]:
            break
        if index > end and taken and not contact and not _leads_to_contact(lines, index):
            break
        phones += len(_PHONE.findall(line))
        index, taken = index + 1, taken + 1
        end = index
    return end if phones <= _SIGNATURE_PHONES else first - 1


def _address_line(text: str) -> bool:
    """Tell whether a line could be part of a postal address or a job title with a number."""
    bare = text.strip(" >")
    return len(bare) <= 90 and sum(char.isdigit() for char in bare) <= 6 and ". " not in bare


# --- masking -----------------------------------------------------------------------------------


_PLAIN_SIGNS = " -/.,+()|"
_STARS = bytes(code if chr(code) in _PLAIN_SIGNS else ord("*") for code in range(256))
_NO_ALNUM = bytes(code for code in range(128) if not chr(code).isalnum())


def mask(value: str) -> str:
    """Return `value` with its shape and a few characters: `999 *** **39`, `j***@host.example`."""
    if "@" in value:
        local, _, domain = value.rpartition("@")
        return f"{local[:1]}***@{domain}"
    if value.isascii():
        # Bytes are translated in a third of the time of text.
        raw = value.encode("ascii")
        out, total = raw.translate(_STARS).decode("ascii"), len(raw.translate(None, _NO_ALNUM))
    else:
        out = "".join([c if c in _PLAIN_SIGNS else "*" for c in value])
        total = sum(map(str.isalnum, value))
    head, tail = min(3, (total + 2) // 4) if total > 3 else 0, min(2, total // 5)
    if value[:head].isalnum() and value[len(value) - tail :].isalnum():
        return value[:head] + out[head : len(value) - tail] + value[len(value) - tail :]
    shown = list(out)
    places = [number for number, char in enumerate(value) if char.isalnum()]
    for place in (*places[:head], *places[total - tail :]):
        shown[place] = value[place]
    return "".join(shown)


NAME = "[name]"
_ADDRESS = re.compile(r"[\w.+'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}")
_NUMBERED = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]{4}){2,7}(?:[ -]?[A-Za-z0-9]{1,3})?"  # IBAN
    r"|[A-Za-z]{2}[ -]?(?:[0-9]{2}[ -]?){3}[A-Da-d]?"  # National Insurance number
    r"|[A-Za-z]{1,2}[0-9][A-Za-z0-9]? ?[0-9][A-Za-z]{2}"  # postcode
    r"|\+?\(?[0-9](?:[ ().-]{0,2}[0-9]){5,30})(?![A-Za-z0-9])"
)
_BIRTH = re.compile(
    r"\b((?:born|d\.?o\.?b\.?|birth(?:day)?)[ :(on]{0,6})"
    r"([0-9]{1,4}[ /.-][0-9A-Za-z]{1,9}[ /.-][0-9]{2,4})",
    re.IGNORECASE,
)
_CALENDAR = re.compile(r"(?:19|20)?[0-9]{2}[/.-][0-9]{1,2}[/.-](?:19|20)?[0-9]{2}")
_TITLED = re.compile(
    r"\b((?i:mrs?|ms|miss|mx|dr|prof|professor|sir|dame|lady|lord|rev|cllr|councillor|herrn?|frau|mme|mlle"
    r"|madame|monsieur|se.ora?|sra?|sig(?:nora?|\.ra)?|dhr|mevr|mevrouw|pani?)\b\.?) "
    r"((?:[A-Z]\.? ?){0,3}(?:(?:van|von|de|der|den|la|le|di|da) ){0,2}[^\W\d_a-z][\w'-]{1,30}"
    r"(?: [^\W\d_a-z][\w'-]{1,30})?)"
)


def redact(text: str, names: Sequence[str] = ()) -> str:
    """Return a subject line that names nobody: identifiers and addresses masked, names out.

    `names` are the people on the message; each part of a name goes too, where it is written with
    a capital letter.
    """
    text = normalise(text)
    text = _ADDRESS.sub(lambda found: mask(found[0]), text)
    text = _BIRTH.sub(lambda found: found[1] + mask(found[2]), text)
    text = _NUMBERED.sub(_mask_number, text)
    text = _TITLED.sub(rf"\1 {NAME}", text)
    for pattern, replacement in _name_patterns(names):
        text = pattern.sub(replacement, text)
    return re.sub(rf"{re.escape(NAME)}(?:[ ,]+{re.escape(NAME)})+", NAME, text)


def _mask_number(found: re.Match[str]) -> str:
    # A plain date says when, not who; `_BIRTH` has taken those that say who.
    return found[0] if _CALENDAR.fullmatch(found[0]) else mask(found[0])


def _name_patterns(
    names: Sequence[str],
) -> Iterator[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]]:
    parts = {part for name in names for part in re.findall(r"[^\W\d_][\w'-]+", normalise(name))}
    wanted = sorted((part for part in parts if len(part) >= 2), key=len, reverse=True)
    for start in range(0, len(wanted), 500):
        words = "|".join(map(re.escape, wanted[start : start + 500]))
        yield (
            re.compile(rf"\b(?:{words})\b", re.IGNORECASE),
            lambda found: found[0] if found[0].islower() else NAME,
        )


def lower_first(text: str) -> str:
    """Return `text` with a small first letter, unless its first word is an abbreviation."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]
