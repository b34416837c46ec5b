"""One TOML file, the environment and the flags become one frozen configuration."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from scanner import severity
from scanner.addresses import normalise
from scanner.errors import ConfigError
from scanner.model import ContentLevel, Severity
from scanner.severity import NAMED_SHARE

DEFAULT_WORKSPACE = Path("undisclosed-workspace")


def _domain(text: str) -> str:
    name = normalise(f"x@{text.strip().lstrip('@')}").partition("@")[2]
    if "." not in name or " " in name:
        raise ValueError(f"{text!r} is no domain; write it as in example.org")
    return name


def _when(value: object) -> object:
    """Return text as the day or instant that it names; TOML has values of its own for both."""
    if isinstance(value, str):
        try:
            return parse_when(value)
        except ConfigError as error:
            raise ValueError(str(error)) from None
    if value is not None and not isinstance(value, date):
        raise ValueError(f"{value!r} is no date; write 2026-03-31")
    return value


def _mailbox(text: str) -> str:
    address = normalise(text)
    if "@" not in address:
        raise ValueError(f"{text!r} is no address; write it as in complaints@example.org")
    return address


When = Annotated[datetime | date | None, BeforeValidator(_when)]
Domain = Annotated[str, AfterValidator(_domain)]
Mailbox = Annotated[str, AfterValidator(_mailbox)]


Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{3}(_[A-Za-z]{2,10})?$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Secret(_Strict):
    """Where a secret stands: it is never in the configuration file itself."""

    env: str = ""
    file: Path | None = None
    keyring: str = ""
    """`service/user` of the system's keyring; needs the package keyring."""

    @model_validator(mode="after")
    def _one(self) -> Secret:
        if (bool(self.env), bool(self.file), bool(self.keyring)).count(True) != 1:
            raise ValueError('name one of env, file and keyring, as in {env = "GRAPH_SECRET"}')
        return self

    def reveal(self) -> str:
        """Return the secret; raises `ConfigError` that says where it is missing."""
        if self.env:
            value = os.environ.get(self.env, "")
            if not value:
                raise ConfigError(f"the environment variable {self.env} is not set, or empty")
            return value
        if self.file is not None:
            try:
                return self.file.read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "no text"
                raise ConfigError(f"{self.file}: the secret cannot be read: {reason}") from error
        return self._from_keyring()

    def _from_keyring(self) -> str:
        service, _, user = self.keyring.partition("/")
        try:
            import keyring  # type: ignore[import-not-found,unused-ignore]
        except ImportError as error:
            raise ConfigError(
                f"the secret {self.keyring} is in the keyring, but the package keyring is not "
                "installed: install it, or use env or file"
            ) from error
        try:
            value = keyring.get_password(service, user)
        except Exception as error:
            raise ConfigError(
                f"the keyring cannot be asked for {self.keyring} ({type(error).__name__})"
            ) from error
        if not value:
            raise ConfigError(f"the keyring holds no secret {self.keyring}")
        return str(value)


class ArchiveSource(_Strict):
    """A file or folder of mail."""

    type: Literal["archive"]
    path: Path
    mailbox: str | None = None
    """The mailbox all its messages belong to, where file names and owners do not tell."""


class GraphCredential(_Strict):
    """How the app shows Microsoft who it is: just one of these ways."""

    certificate: Path | None = None
    """PEM file with the certificate, and with its private key unless `private_key` names one."""

    private_key: Path | None = None
    pfx: Path | None = None
    passphrase: Secret | None = None
    """Of the private key, or of the PFX file."""

    secret: Secret | None = None
    assertion_file: Path | None = None
    """File with the token of a workload identity, which its platform renews."""

    managed_identity: str = ""
    """`system`, or the client id of a user-assigned one."""

    device_code: bool = False
    """Sign in as a person, to try things out."""

    @model_validator(mode="after")
    def _one(self) -> GraphCredential:
        ways = {"certificate", "pfx", "secret", "assertion_file", "managed_identity", "device_code"}
        if len([way for way in ways if getattr(self, way)]) != 1:
            raise ValueError(f"name one of {', '.join(sorted(ways))}")
        return self


class MailboxChoice(_Strict):
    """Mailboxes by a group of the tenant, or by a file."""

    group: str = ""
    """Its address, name or id; members of member groups count."""

    file: Path | None = None
    """An address a line."""

    @model_validator(mode="after")
    def _one(self) -> MailboxChoice:
        if bool(self.group) == bool(self.file):
            raise ValueError('name a group or a file, as in {group = "audit@example.org"}')
        return self


class GraphSource(_Strict):
    """Mailboxes of a Microsoft 365 tenant."""

    type: Literal["graph"]
    tenant: str
    client_id: str = ""
    credential: GraphCredential
    cloud: Literal["global", "us-gov", "us-dod", "china"] = "global"
    authority: str = ""
    """Where to sign in, for clouds that have no name here; with it comes `graph_url`."""

    graph_url: str = ""
    ca_file: Path | None = None
    """Certificates to trust in place of the system's."""

    mailboxes: Literal["all"] | tuple[Mailbox, ...] | MailboxChoice = "all"
    folders: tuple[Literal["sent", "deleted", "recoverable", "inbox"], ...] = ("sent",)
    archive_mailboxes: bool = False
    """Archive mailboxes too, by a way that Microsoft does not document."""

    directory: bool = True
    """Whether the address book is read."""

    concurrency: int = Field(32, ge=1, le=256)
    """Requests at a time."""

    @model_validator(mode="after")
    def _whole(self) -> GraphSource:
        if bool(self.authority) != bool(self.graph_url):
            raise ValueError("authority and graph_url are given together")
        for url in (self.authority, self.graph_url):
            if url and not url.startswith("https://"):
                raise ValueError(f"{url}: no https address")
        if not (self.client_id or self.credential.managed_identity):
            raise ValueError("client_id: give the application (client) id of the app registration")
        return self


class EwsSource(_Strict):
    """Mailboxes of an Exchange server of one's own, by EWS."""

    type: Literal["ews"]
    endpoint: str = ""
    """Of the service, as in https://mail.example.org/EWS/Exchange.asmx."""

    autodiscover: bool = False
    auth: Literal["ntlm", "basic", "kerberos", "oauth"] = "ntlm"
    username: str = ""
    password: Secret | None = None
    client_id: str = ""
    client_secret: Secret | None = None
    tenant: str = ""
    token_url: str = ""
    scope: str = ""
    access: Literal["impersonation", "delegate"] = "impersonation"
    version: Literal["Exchange2010_SP2", "Exchange2013", "Exchange2013_SP1", "Exchange2016"] = (
        "Exchange2016"
    )
    ca_file: Path | None = None
    mailboxes: tuple[Mailbox, ...] | MailboxChoice
    """Addresses, or a file of them."""

    folders: tuple[Literal["sent", "deleted", "recoverable", "inbox"], ...] = ("sent",)
    archive_mailboxes: bool = False
    """The folders of archive mailboxes that are called as that of sent items."""

    directory: bool = True
    """Whether Exchange names and groups are looked up in the address book."""

    workers: int = Field(4, ge=1, le=27)
    max_wait: float = Field(600, ge=0)
    """Seconds to wait in all for a server that is busy, before a mailbox is put off."""

    first_wait: float = Field(10, gt=0)
    """Seconds to wait where the server names none; doubled each time."""

    timeout: float = Field(120, gt=0)
    """Seconds that one call may take."""

    @model_validator(mode="after")
    def _whole(self) -> EwsSource:
        if bool(self.endpoint) == self.autodiscover:
            raise ValueError("name either the endpoint, or autodiscover = true")
        if self.endpoint and not self.endpoint.startswith(("https://", "http://127.0.0.1:")):
            raise ValueError("endpoint: it begins with https://")
        if self.auth in {"ntlm", "basic"} and not (self.username and self.password):
            raise ValueError(f'auth = "{self.auth}" needs username and password')
        if self.auth == "oauth" and not (self.client_id and self.client_secret):
            raise ValueError('auth = "oauth" needs client_id and client_secret')
        if isinstance(self.mailboxes, MailboxChoice) and self.mailboxes.group:
            raise ValueError("mailboxes: of an Exchange server they come by address or in a file")
        return self


class DetectorChoice(_Strict):
    """Which kinds of personal data are looked for in content."""

    regions: tuple[Literal["uk", "eu", "us"], ...] | None = None
    """Whose numbers; all where it is not given. What people have everywhere stays on."""

    without: tuple[str, ...] = ()
    """Kinds that are off."""

    packs: tuple[Path, ...] = ()
    """Files with kinds and sensitive words of one's own; relative to the configuration file."""


class Triage(_Strict):
    """How decisions are made."""

    deadline_hours: int = Field(default=72, ge=1, le=24 * 366)
    """From awareness to notification: 72 under UK and EU GDPR; others have other terms."""

    second_reviewer: bool = False
    """Whether `reported` and `closed` need the same word of a second person."""


def _phrase(text: str) -> str:
    """Return a word or phrase as a pattern; a star at its end stands for any ending."""
    plain = " ".join(text.lower().split())
    bare = plain.removesuffix("*")
    if len(bare) < 3 or "*" in bare:
        raise ValueError(f"{text!r}: a word has three letters and more, and a star only at its end")
    return re.escape(bare) + (r"\w*" if plain != bare else "")


Phrase = Annotated[str, AfterValidator(_phrase)]


class ContextRule(_Strict):
    """What the people on a list may have in common: a context of one's own, or a known one."""

    title: str = ""
    dpc: int | None = Field(default=None, ge=1, le=4)
    words: tuple[Phrase, ...] = ()
    """Added to those that are known."""

    only_these: bool = False
    """Whether the words replace the known ones."""

    safety: bool | None = None
    children: bool | None = None


class SeverityRules(_Strict):
    """How lists and incidents are judged; what is not given stays as the documents say."""

    named_share: float = Field(default=NAMED_SHARE, gt=0, le=1)
    many_people: int = Field(default=100, ge=1)
    public_from: int = Field(default=5, ge=3)
    business_from: int = Field(default=25, ge=3)
    always_from: int = Field(default=100, ge=3)
    contexts: dict[str, ContextRule] = {}

    @model_validator(mode="after")
    def _known(self) -> SeverityRules:
        known = {context.id for context in severity.contexts()}
        for name, rule in self.contexts.items():
            if name not in known and not (rule.title and rule.dpc and rule.words):
                raise ValueError(f"contexts.{name} is new: it needs title, dpc and words")
        return self

    def rules(self) -> severity.Rules:
        """Return the rules that a scan judges by."""
        contexts = {context.id: context for context in severity.contexts()}
        for name, rule in self.contexts.items():
            old = contexts.get(name) or severity.Context(name, rule.title, rule.dpc or 1, ())
            contexts[name] = severity.Context(
                name,
                rule.title or old.title,
                rule.dpc or old.dpc,
                (*(() if rule.only_these else old.words), *rule.words),
                old.safety if rule.safety is None else rule.safety,
                old.children if rule.children is None else rule.children,
            )
        return severity.Rules(
            tuple(sorted(contexts.values(), key=lambda c: -c.dpc)),
            self.named_share,
            self.many_people,
            self.public_from,
            self.business_from,
            self.always_from,
        )


Source = Annotated[ArchiveSource | GraphSource | EwsSource, Field(discriminator="type")]
"""Each field but `type` is an argument of the connector of that type."""

SOURCES: dict[str, type[BaseModel]] = {
    "archive": ArchiveSource,
    "graph": GraphSource,
    "ews": EwsSource,
}


class Config(_Strict):
    """Everything that a scan is asked for."""

    organisation: str = ""
    workspace: Path = DEFAULT_WORKSPACE
    internal_domains: tuple[Domain, ...] = ()
    partner_domains: tuple[Domain, ...] = ()
    content: ContentLevel = ContentLevel.TEXT
    ocr: tuple[Language, ...] = ()
    """Languages in which pictures are read, as Tesseract names them; none where it is not asked."""

    content_audience: Literal["external", "all"] = "external"
    """Whether only what somebody outside was sent has its content looked at."""

    service_mailboxes: tuple[Mailbox, ...] = ()
    """Mailboxes of which everything is looked at, inbound and internal mail too."""

    directory_hours: float = 24
    """How old what is known of an address book may be before it is read again."""

    since: When = None
    until: When = None
    fail_on: Severity = Severity.HIGH
    mailbox: str | None = None
    """The mailbox of archives named on the command line, where nothing in them tells."""

    triage: Triage = Triage()
    severity: SeverityRules = SeverityRules()
    detectors: DetectorChoice = DetectorChoice()
    sources: dict[str, Source] = {}

    @property
    def window(self) -> tuple[datetime | None, datetime | None]:
        """From and to, to excluded; an `until` without a time means the end of that day."""
        return _instant(self.since, end=False), _instant(self.until, end=True)

    def fingerprint(self, detectors: str) -> str:
        """Return a hash of all that can change what a scan finds.

        `detectors` tells what the packs hold, and which kinds are on.
        """
        left_out = {
            "workspace",
            "fail_on",
            "organisation",
            "detectors",
            "directory_hours",
            "triage",
        }
        body = self.model_dump(mode="json", exclude=left_out) | {"detectors": detectors}
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]


def _instant(value: datetime | date | None, *, end: bool) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.combine(value, time(), UTC) + timedelta(days=end)


def parse_when(text: str) -> datetime | date:
    """Return the day or instant that a flag names; raises `ConfigError` for anything else."""
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{text!r} is no date; write 2026-03-31 or 2026-03-31T09:00") from None


def instant(text: str, *, end: bool = False) -> datetime | None:
    """Return the instant that a flag names, None for an empty one; with `end`, a day's end."""
    return _instant(parse_when(text), end=end) if text else None


def load(path: Path | None, overrides: dict[str, Any]) -> Config:
    """Return the configuration of a file, if any, with what flags and environment say on top.

    Raises `ConfigError` that names the file and the key.
    """
    table: dict[str, Any] = {}
    if path is not None:
        try:
            table = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: no valid TOML: {error}") from error
    given = {key: value for key, value in overrides.items() if value not in (None, (), [], "")}
    try:
        config = Config.model_validate(table | given)
    except ValidationError as error:
        raise ConfigError(f"{path or 'command line'}: {_first(error)}") from error
    if path is not None and config.detectors.packs:
        packs = tuple(path.parent / pack for pack in config.detectors.packs)
        chosen = config.detectors.model_copy(update={"packs": packs})
        config = config.model_copy(update={"detectors": chosen})
    since, until = config.window
    if config.ocr and config.content is not ContentLevel.ATTACHMENTS:
        raise ConfigError("ocr: pictures are attachments; ask for --content attachments too")
    if since and until and since >= until:
        raise ConfigError("--since is not before --until: the window holds nothing")
    return config


def _first(error: ValidationError) -> str:
    """Return the first problem as a sentence that names the key."""
    problem = error.errors(include_url=False, include_input=False)[0]
    where = problem["loc"]
    if where[:1] == ("sources",):
        where = where[:2] + where[3:]  # the third is the type of the source, no key
    key = ".".join(str(part) for part in where)
    if problem["type"] == "extra_forbidden":
        keys = _keys(problem["loc"][:-1])
        return f"unknown key {key!r}{keys}"
    return f"{key}: {problem['msg'].removeprefix('Value error, ')}"


def _keys(place: tuple[int | str, ...]) -> str:
    """Return which keys the table at a place in the file has."""
    table: type[BaseModel] | None = Config
    where = "at the top"
    if place:
        where = f"of [{'.'.join(map(str, place[:2]))}]"
        table = DetectorChoice if place[0] == "detectors" else None
        if place[0] == "sources" and len(place) == 3:
            table = SOURCES.get(str(place[2]))
    return f"; the keys {where} are {', '.join(sorted(table.model_fields))}" if table else ""
