"""The preflight: what a scan of a tenant needs, tried and not read from a token's claims."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from scanner.connectors import graph_message as form
from scanner.connectors.base import Check
from scanner.connectors.graph_auth import ends, open_to_others
from scanner.connectors.graph_directory import OPTIONAL, READS
from scanner.connectors.graph_session import Lane, segment
from scanner.errors import DeniedError, NotEnabledError, ScannerError
from scanner.model import LEFT_OUT, ContentLevel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scanner.connectors.base import Survey
    from scanner.connectors.graph_auth import Credential, Token
    from scanner.connectors.graph_session import Session

TRIED = 5
"""So many mailboxes are tried until one can be read."""

ENDS_SOON = timedelta(days=30)
RENEW = (
    "make another, upload its public part to the app registration beside the old one, then name "
    "the new file in the credential (docs/microsoft-365.md)"
)
ASSIGN = (
    "tenant-wide: grant the application permission {entra} and consent to it; for some mailboxes "
    "only, in Exchange Online PowerShell: New-ManagementRoleAssignment -App {app} "
    '-Role "Application {role}" -CustomResourceScope "Undisclosed"; then '
    "Test-ServicePrincipalAuthorization -Identity {app} -Resource MAILBOX must show InScope True; "
    "a change takes up to two hours"
)


@dataclass(frozen=True, slots=True)
class Preflight:
    """Tries one thing after the other."""

    open_session: Callable[[], Session]
    token: Token
    credential: Credential | None
    client_id: str
    survey: Callable[[], Survey]
    wants_directory: bool
    content: ContentLevel

    def run(self) -> Iterator[Check]:
        """Yield each thing that was tried; what rests on one that failed is left out."""
        if self.credential is not None:
            for file in open_to_others(self.credential):
                detail = f"{file} may be read by others than its owner"
                yield Check("credential", ok=False, detail=detail, remedy=f"chmod 600 {file}")
        try:
            if self.credential is not None and (end := ends(self.credential)) is not None:
                soon = end < datetime.now(UTC) + ENDS_SOON
                detail = f"its certificate ends on {end:%Y-%m-%d}"
                yield Check("certificate", ok=not soon, detail=detail, remedy=RENEW)
            self.token.get()
        except ScannerError as error:
            yield Check("sign-in", ok=False, detail=str(error), remedy="see docs/microsoft-365.md")
            return
        yield Check("sign-in", ok=True, detail="a token was given; it stays in memory")
        yield from asyncio.run(self._address_book())
        survey = self.survey()
        for row in survey.unreadable:
            if not row.outcome.complete:
                remedy = "correct `mailboxes`, or grant what reads it"
                yield Check(
                    "mailboxes", ok=False, detail=f"{row.mailbox} {row.reason}", remedy=remedy
                )
        keys = [unit.key for unit in survey.units]
        if not keys:
            yield Check("mailboxes", ok=False, detail="there is none to read")
            return
        owners = dict.fromkeys(key.rpartition("/")[0] for key in keys if "/archive/" not in key)
        detail = f"to be read: {len(owners)}, folders: {len(keys)}"
        if left_out := len({row.mailbox for row in survey.unreadable if row.reason == LEFT_OUT}):
            detail += f"; left out by `exclude`: {left_out}"
        yield Check("mailboxes", ok=True, detail=detail)
        yield from asyncio.run(self._mail(keys))

    async def _address_book(self) -> list[Check]:
        if not self.wants_directory:
            return [Check("address book", ok=True, detail="not asked for (directory = false)")]
        found = []
        async with self.open_session() as session:
            lane = Lane()
            for path, permission in READS.items():
                asked = {} if path == "/domains" else {"$top": "1", "$select": "id"}
                what = f"address book: {path[1:]}"
                try:
                    await session.get(session.url(path), asked, lane=lane)
                except ScannerError as error:
                    remedy = (
                        f"grant the application permission {permission}, or set directory = false"
                    )
                    optional = path in OPTIONAL and isinstance(error, DeniedError)
                    detail = f"left out: {OPTIONAL[path]}" if optional else str(error)
                    found.append(Check(what, ok=optional, detail=detail, remedy=remedy))
                else:
                    found.append(Check(what, ok=True, detail=f"can be read ({permission})"))
        return found

    async def _mail(self, keys: list[str]) -> list[Check]:
        """Read one page of the first mailbox that can be read, and a body where that is asked."""
        refused: list[ScannerError] = []
        async with self.open_session() as session:
            for key in keys[:TRIED]:
                user, _, folder = key.rpartition("/")
                box = f"/users/{quote(user, safe='@')}"
                url = session.url(f"{box}/mailFolders/{folder}/messages")
                asked = {"$select": form.SELECT, "$top": "10", "$orderby": "sentDateTime desc"}
                try:
                    page = await session.get(url, asked, lane=Lane())
                except ScannerError as error:
                    refused.append(error)
                    continue
                rows = [row for row in page.get("value") or () if isinstance(row, dict)]
                detail = f"a page of one mailbox was read: {len(rows)} messages"
                if refused:
                    detail += f"; {len(refused)} tried before it could not be"
                return [
                    Check("mail", ok=True, detail=detail),
                    *await self._body(session, session.url(box), rows),
                ]
        first = next((e for e in refused if isinstance(e, DeniedError)), refused[0])
        remedy = self._assign("Mail.ReadBasic.All", "Mail.ReadBasic")
        if isinstance(first, NotEnabledError):
            remedy = (
                "name mailboxes in Exchange Online; those on-premises need a source of type ews"
            )
        return [Check("mail", ok=False, detail=str(first), remedy=remedy)]

    async def _body(self, session: Session, box: str, rows: list[dict[str, Any]]) -> list[Check]:
        if self.content is ContentLevel.NONE:
            return [Check("content", ok=True, detail="not asked for (--content none)")]
        if not rows:
            return [Check("content", ok=True, detail="not tried: the mailbox holds no message")]
        url = f"{box}/messages/{segment(str(rows[0].get('id')))}"
        try:
            await session.get(url, {"$select": "body"}, lane=Lane())
        except ScannerError as error:
            remedy = f"scan with --content none, or {self._assign('Mail.Read', 'Mail.Read')}"
            return [Check("content", ok=False, detail=str(error), remedy=remedy)]
        return [Check("content", ok=True, detail="a body can be read (Mail.Read)")]

    def _assign(self, entra: str, role: str) -> str:
        return ASSIGN.format(entra=entra, role=role, app=self.client_id or "APP_ID")
