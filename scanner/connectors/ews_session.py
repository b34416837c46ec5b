"""Sign-in at an Exchange server, and requests to it: sessions, retries and SOAP by exchangelib.

Answers are read here, at once and strictly, so that one that is broken is known to be. Loaded in
worker processes only.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import exchangelib as el
import requests.adapters
from exchangelib.errors import (
    ErrorExceededConnectionCount,
    ErrorServerBusy,
    ErrorTimeoutExpired,
    EWSError,
    RateLimitError,
    UnauthorizedError,
)
from exchangelib.protocol import BaseProtocol
from exchangelib.services.common import EWSAccountService
from lxml import etree
from oauthlib.oauth2 import OAuth2Error
from requests.exceptions import RequestException

from scanner.connectors import ews_answers
from scanner.connectors.ews_answers import BUSY, code_of, explained
from scanner.errors import ConfigError, ConnectorError

if TYPE_CHECKING:
    from collections.abc import Collection

    from scanner.connectors.ews_access import Access

_NOT_XML = re.compile(rb"&#(?:x0*(?:[0-8bcef]|1[0-9a-f])|0*(?:[0-8]|1[124-9]|2\d|3[01]));", re.I)
_CONTROL = bytes(b for b in range(32) if b not in b"\t\n\r")
_BUILDS = {
    "Exchange2010_SP2": el.Build(14, 3),
    "Exchange2013": el.Build(15, 0),
    "Exchange2013_SP1": el.Build(15, 0, 847),
    "Exchange2016": el.Build(15, 1),
}


class BrokenAnswerError(Exception):
    """An answer that is no XML, or not about what was asked for."""


class _Patience(el.FaultTolerance):  # type: ignore[misc]
    """Waits as long as a server asks for, in all not longer than a cap without an answer."""

    def __init__(self, most: float) -> None:
        super().__init__(max_wait=most)
        self._waited = 0.0
        self._let_in = self._tired = False

    def settled(self) -> None:
        """Begin to count anew: the server has answered."""
        self._waited, self._let_in, self._tired = 0.0, True, False

    def back_off(self, seconds: float | None) -> None:
        seconds = self.DEFAULT_BACKOFF if seconds is None else seconds
        self._waited += seconds
        # A server that is down is not waited for in full again, mailbox after mailbox.
        if self._waited > (self.max_wait / 20 if self._tired else self.max_wait):
            waited, self._waited, self._let_in, self._tired = self._waited, 0.0, False, True
            raise RateLimitError("waited long enough", wait=waited)
        super().back_off(seconds)

    def raise_response_errors(self, response: Any) -> None:
        if response.status_code == 401 and not self._let_in:
            # A password that is refused is not tried again: that locks accounts.
            refused = UnauthorizedError("refused")
            refused.offers = _offered(response)
            raise refused
        super().raise_response_errors(response)


def _offered(response: Any) -> str:
    """Return the ways to sign in that a server offers, as the configuration calls them."""
    asked = response.headers.get("WWW-Authenticate", "").lower()
    ways = {"basic": "basic", "ntlm": "ntlm", "negotiate": "kerberos", "bearer": "oauth"}
    return " or ".join(
        ours for theirs, ours in ways.items() if re.search(rf"(^|[,\s]){theirs}\b", asked)
    )


class _Operation(EWSAccountService):  # type: ignore[misc]
    """One EWS operation; gives its response messages as they are."""

    @classmethod
    def _get_soap_parts(cls, response: Any) -> tuple[Any, Any]:
        root = _parsed(response.content)
        body = root.find("{http://schemas.xmlsoap.org/soap/envelope/}Body")
        if body is None:
            raise BrokenAnswerError
        return root.find("{http://schemas.xmlsoap.org/soap/envelope/}Header"), body

    def _update_api_version(self, api_version: Any, header: Any) -> None:
        # A server that calls itself what nobody knows is asked on as it was.
        with suppress(ValueError, TypeError):
            super()._update_api_version(api_version=api_version, header=header)

    def _response_generator(self, payload: Any) -> list[Any]:
        found = list(self._get_response_xml(payload=payload))
        # Where some were answered, the others are asked for apart.
        for message in found if {*map(code_of, found)} <= BUSY else ():
            code = code_of(message)
            if code == "ErrorServerBusy":
                raise ErrorServerBusy("busy", back_off=ews_answers.back_off(message))
            if code in BUSY:
                raise self._get_exception(code=code, text="")
        return found


_OPERATIONS = {
    name: type(name, (_Operation,), {"SERVICE_NAME": name})
    for name in (
        "GetFolder", "FindFolder", "FindItem", "GetItem", "SyncFolderItems", "ResolveNames",
        "ExpandDL", "GetAttachment",
    )
}  # fmt: skip


def _parsed(content: bytes) -> Any:
    """Return an answer as XML; characters that XML does not have are left out."""
    for cleaned in (False, True):
        raw = _NOT_XML.sub(b"", content).translate(None, _CONTROL) if cleaned else content
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
        try:
            root = etree.fromstring(raw, parser)
        except (etree.XMLSyntaxError, ValueError):
            continue
        if root.getroottree().docinfo.internalDTD is None:
            return root
    raise BrokenAnswerError


class Session:
    """Sends requests to one server, for whichever mailbox."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._patience = _Patience(access.max_wait)
        BaseProtocol.RETRY_WAIT = access.first_wait
        BaseProtocol.TIMEOUT = access.timeout
        BaseProtocol.USERAGENT = "undisclosed"
        if access.ca_file:
            own = {urlsplit(url).hostname or "" for url in (access.endpoint, access.token_url)}
            # What autodiscover asks is named by the mailbox's domain, and the organisation's own.
            everywhere = not access.endpoint
            BaseProtocol.HTTP_ADAPTER_CLS = _adapter(access.ca_file, None if everywhere else own)
        self._configuration: Any = None
        self._account: Any = None

    def endpoint(self, mailbox: str) -> str:
        """Return the address of the service that autodiscover finds for a mailbox."""
        import tempfile
        from pathlib import Path

        from exchangelib.autodiscover import cache

        with tempfile.TemporaryDirectory() as folder:
            # By default it is kept where others may write, and read back as a pickle.
            cache.AUTODISCOVER_PERSISTENT_STORAGE = Path(folder) / "autodiscover"
            try:
                account = el.Account(
                    mailbox, autodiscover=True, credentials=self._credentials(),
                    access_type=el.DELEGATE, default_timezone=el.UTC,
                )  # fmt: skip
            except EWSError as error:
                if isinstance(error, UnauthorizedError):
                    raise explained(error, self._access) from error
                raise ConnectorError(
                    "autodiscover finds no Exchange server for the domain of the first mailbox "
                    f"({type(error).__name__}); name it as endpoint"
                ) from error
            return str(account.protocol.service_endpoint)

    def _credentials(self) -> Any:
        access = self._access
        if access.auth == "oauth":
            return _Application(access)
        if access.auth == "kerberos":
            return None
        return el.Credentials(access.username, access.password)

    def _open(self, mailbox: str) -> Any:
        access = self._access
        if self._configuration is None:
            kinds = {"ntlm": el.NTLM, "basic": el.BASIC, "oauth": el.OAUTH2, "kerberos": el.GSSAPI}
            build = el.Version(_BUILDS[access.version], access.version)
            try:
                self._configuration = el.Configuration(
                    service_endpoint=access.endpoint, auth_type=kinds[access.auth], version=build,
                    credentials=self._credentials(), retry_policy=self._patience,
                )  # fmt: skip
            except (el.errors.InvalidEnumValue, ValueError) as error:
                raise ConfigError(
                    'auth = "kerberos" needs a package that is not installed: install '
                    "undisclosed[kerberos]"
                ) from error
        if self._account is None or self._account.primary_smtp_address != mailbox:
            kind = el.IMPERSONATION if access.impersonate else el.DELEGATE
            self._account = el.Account(
                mailbox, config=self._configuration, access_type=kind, default_timezone=el.UTC,
                locale="en_GB",
            )  # fmt: skip
        return self._account

    def send(self, mailbox: str, payload: Any, *, splittable: bool = False) -> list[Any]:
        """Return the response messages to a request; raises what a scan has words for."""
        operation = _OPERATIONS[etree.QName(payload).localname](account=self._open(mailbox))
        wait, failed = self._access.first_wait, 0
        while True:
            try:
                found = list(operation._get_elements(payload=payload))
            except (ErrorTimeoutExpired, ErrorExceededConnectionCount) as error:
                # Connections that are cut end here as well.
                failed += 1
                if splittable and failed > 2:
                    raise BrokenAnswerError from error
                try:
                    self._patience.back_off(wait)
                except RateLimitError as tired:
                    raise explained(error, self._access) from tired
                wait *= 2
            except (EWSError, OAuth2Error, RequestException) as error:
                raise explained(error, self._access) from error
            else:
                self._patience.settled()
                # What version the server takes need not be found out for each mailbox.
                self._configuration.version = self._account.version
                return found


class _Application(el.OAuth2Credentials):  # type: ignore[misc]
    """An application's own sign-in, at whichever authority the organisation uses."""

    def __init__(self, access: Access) -> None:
        super().__init__(access.client_id, access.password, tenant_id=access.tenant)
        self._token_url = access.token_url
        self._scope = access.scope or f"https://{urlsplit(access.endpoint).hostname}/.default"

    @property
    def token_url(self) -> str:
        return self._token_url or str(super().token_url)

    @property
    def scope(self) -> list[str]:
        return [self._scope]


def _adapter(ca_file: str, hosts: Collection[str] | None) -> type[requests.adapters.HTTPAdapter]:
    """Return an adapter that at these hosts, or at all, trusts a file's certificates, no others."""

    def trusted(url: str, verify: Any) -> Any:
        return ca_file if hosts is None or urlsplit(url).hostname in hosts else verify

    class Adapter(requests.adapters.HTTPAdapter):
        def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
            super().cert_verify(conn, url, trusted(url, verify), cert)

        def get_connection_with_tls_context(
            self, request: Any, verify: Any, proxies: Any = None, cert: Any = None
        ) -> Any:
            verify = trusted(request.url, verify)
            return super().get_connection_with_tls_context(request, verify, proxies, cert)

    return Adapter
