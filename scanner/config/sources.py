"""The sources that a scan can name: archives, Microsoft 365, Exchange."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    Field,
    model_validator,
)

from scanner.config.values import Mailbox, Secret, Strict


class ArchiveSource(Strict):
    """A file or folder of mail."""

    type: Literal["archive"]
    path: Path
    mailbox: str | None = None
    """The mailbox all its messages belong to, where file names and owners do not tell."""


class GraphCredential(Strict):
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


class MailboxChoice(Strict):
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


class GraphSource(Strict):
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

    mailboxes: Literal["all", "me"] | tuple[Mailbox, ...] | MailboxChoice = "all"
    """`me` is the mailbox of the person that a device code signs in."""

    exclude: tuple[Mailbox, ...] | MailboxChoice = ()
    """Of these, the ones that are not to be read: each is out of scope, and counted."""

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
        if self.mailboxes == "me" and not self.credential.device_code:
            raise ValueError('mailboxes = "me": an app has none; name some, or use device_code')
        if not (self.client_id or self.credential.managed_identity):
            raise ValueError("client_id: give the application (client) id of the app registration")
        return self


class EwsSource(Strict):
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


Source = Annotated[ArchiveSource | GraphSource | EwsSource, Field(discriminator="type")]
"""Each field but `type` is an argument of the connector of that type."""

SOURCES: dict[str, type[BaseModel]] = {
    "archive": ArchiveSource,
    "graph": GraphSource,
    "ews": EwsSource,
}
