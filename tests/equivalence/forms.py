"""The same letter as MIME, as Graph shows it, and as EWS writes it."""

from __future__ import annotations

import base64
from email import message_from_bytes
from email.header import Header
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime, formataddr

import idna

from tests import fake_ews
from tests.equivalence.letters import ICS_TIME, Enclosed, Letter, Who
from tests.fake_graph import mail as graph

CLASSES = {
    "request": "IPM.Schedule.Meeting.Request",
    "response": "IPM.Schedule.Meeting.Resp.Pos",
    "cancel": "IPM.Schedule.Meeting.Canceled",
}
KINDS = {
    "request": "eventMessageRequest",
    "response": "eventMessageResponse",
    "cancel": "eventMessage",
}
SEALED = b"MIAGCSqGSIb3DQEHA6CAMIACAQAxggE="


def _who(person: Who) -> str:
    if not person.address:
        return person.name
    local, _, domain = person.address.partition("@")
    plain = f"{local}@{idna.encode(domain, uts46=True).decode()}"
    return formataddr((person.name, plain), "utf-8")


def to_mime(letter: Letter) -> bytes:
    """Return a letter as the bytes of a message."""
    root = _body(letter)
    head = {
        "From": _who(letter.sender) if letter.sender.address else "",
        "Sender": _who(letter.sent_by) if letter.sent_by else "",
        "Subject": Header(letter.subject, "utf-8" if not letter.subject.isascii() else "ascii")
        .encode(),
        "Date": format_datetime(letter.sent.astimezone(letter.zone)) if letter.dated else "",
        "X-Unsent": "1" if letter.draft else "",
        "Message-ID": f"<{letter.message_id}>" if letter.message_id else "",
        "In-Reply-To": f"<{letter.answers}>" if letter.answers else "",
        "References": f"<{letter.thread}>" if letter.thread else "",
    }  # fmt: skip
    for role, people in (("To", letter.to), ("Cc", letter.cc), ("Bcc", letter.bcc)):
        head[role] = ",\n ".join(map(_who, people))
    if letter.undisclosed:
        head["To"] = "undisclosed-recipients:;"
    for name, value in head.items():
        if value:
            root[name] = value
    raw = root.as_bytes()
    if letter.received:
        at = format_datetime(letter.received)
        raw = f"Received: from desk.calder.example by mail.calder.example; {at}\n".encode() + raw
    return raw


def _body(letter: Letter) -> Message:
    if letter.sealed:
        sealed = MIMEBase("application", "pkcs7-mime", name="smime.p7m")
        sealed.set_payload(SEALED.decode())
        sealed["Content-Transfer-Encoding"] = "base64"
        return sealed
    text: Message = MIMEText(letter.html or letter.text, "html" if letter.html else "plain")
    if letter.html and letter.text:
        text = MIMEMultipart("alternative", _subparts=[MIMEText(letter.text), text])
    if not (letter.files or letter.meeting):
        return text
    root = MIMEMultipart("mixed")
    root.attach(text)
    for file in letter.files:
        kind, _, subtype = file.media_type.partition("/")
        part: Message = MIMEBase(kind, subtype)
        if kind == "message":
            part = MIMEMessage(message_from_bytes(file.content))
        else:
            part.set_payload(base64.encodebytes(file.content).decode())
            part["Content-Transfer-Encoding"] = "base64"
        how = "inline" if file.inline else "attachment"
        part.add_header("Content-Disposition", how, filename=file.name)
        if file.inline:
            part["Content-ID"] = "<logo>"
        root.attach(part)
    if letter.meeting:
        method = {"request": "REQUEST", "response": "REPLY", "cancel": "CANCEL"}[letter.meeting]
        calendar = MIMEText(_calendar(letter, method), "calendar")
        calendar.replace_header("Content-Type", f"text/calendar; charset=utf-8; method={method}")
        root.attach(calendar)
    return root


def _calendar(letter: Letter, method: str) -> str:
    required = [*letter.to, *letter.invited]
    lines = [
        "BEGIN:VCALENDAR",
        f"METHOD:{method}",
        "BEGIN:VEVENT",
        f"UID:{letter.number}@calder.example",
        f"DTSTART:{ICS_TIME}",
        f"SUMMARY:{letter.subject}",
        f"ORGANIZER:mailto:{letter.sender.address}",
        *(f'ATTENDEE;ROLE=REQ-PARTICIPANT;CN="{w.name}":mailto:{w.address}' for w in required),
        *(f'ATTENDEE;ROLE=OPT-PARTICIPANT;CN="{w.name}":mailto:{w.address}' for w in letter.cc),
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "\r\n".join(lines) + "\r\n"


def _graph_who(person: Who) -> graph.Who:
    return person.name, (person.exchange or person.address) or None


def _graph_file(file: Enclosed) -> graph.Attachment:
    kind = "itemAttachment" if file.media_type == "message/rfc822" else "fileAttachment"
    return graph.Attachment(file.name, file.content, file.media_type, file.inline, kind)


def to_graph(letter: Letter) -> graph.Message:
    """Return a letter as Graph holds it."""
    return graph.Message(
        letter.number,
        letter.sent,
        _graph_who(letter.sender),
        to=[_graph_who(w) for w in letter.to],
        cc=[_graph_who(w) for w in letter.cc],
        bcc=[_graph_who(w) for w in letter.bcc],
        subject=letter.subject,
        text=letter.text,
        html=letter.html,
        sent_by=_graph_who(letter.sent_by) if letter.sent_by else None,
        attachments=[_graph_file(file) for file in _files(letter)],
        kind=KINDS.get(letter.meeting, ""),
        message_class=_class(letter),
        internet_message_id=f"<{letter.message_id}>" if letter.message_id else None,
        received_at=letter.received,
        in_reply_to=f"<{letter.answers}>" if letter.answers else "",
        references=f"<{letter.thread}>" if letter.thread else "",
        is_draft=letter.draft,
    )


def _class(letter: Letter) -> str:
    return "IPM.Note.SMIME" if letter.sealed else CLASSES.get(letter.meeting, "IPM.Note")


def _files(letter: Letter) -> list[Enclosed]:
    if letter.sealed:
        return [Enclosed("smime.p7m", "application/pkcs7-mime", base64.b64decode(SEALED))]
    return list(letter.files)


def _ews_who(person: Who) -> fake_ews.Person:
    if person.exchange:
        return fake_ews.Person(person.name, person.exchange, "EX")
    group = person.address.startswith("staff@")
    return fake_ews.Person(person.name, person.address, kind="PublicDL" if group else "Mailbox")


def to_ews(letter: Letter) -> fake_ews.Item:
    """Return a letter as an Exchange server holds it."""
    stored = letter.received or letter.sent
    invited = letter.meeting in {"request", "cancel"}
    return fake_ews.Item(
        subject=letter.subject,
        item_class=_class(letter),
        sent=f"{letter.sent:%Y-%m-%dT%H:%M:%SZ}" if letter.dated else "",
        received=f"{stored:%Y-%m-%dT%H:%M:%SZ}" if letter.dated else "",
        created=f"{stored:%Y-%m-%dT%H:%M:%SZ}",
        sender=_ews_who(letter.sent_by or letter.sender) if letter.sender.address else None,
        author=_ews_who(letter.sender) if letter.sender.address else None,
        to=[_ews_who(w) for w in letter.to],
        cc=[_ews_who(w) for w in letter.cc],
        bcc=[_ews_who(w) for w in letter.bcc],
        required=[_ews_who(w) for w in (*letter.to, *letter.invited)] if invited else (),
        optional=[_ews_who(w) for w in letter.cc] if invited else (),
        message_id=f"<{letter.message_id}>" if letter.message_id else "",
        in_reply_to=f"<{letter.answers}>" if letter.answers else "",
        references=f"<{letter.thread}>" if letter.thread else "",
        draft=letter.draft,
        body=letter.html or letter.text,
        html=bool(letter.html),
        files=[fake_ews.File(f.name, f.content, f.media_type, f.inline) for f in _files(letter)],
    )
