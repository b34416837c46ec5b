"""Signs in to Microsoft with msal and keeps the token in memory: the clouds, the credentials."""

from __future__ import annotations

import json
import re
import stat
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from scanner.errors import ConfigError, ConnectorError, DeniedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

REFRESH_BEFORE = 300
"""Seconds before its end from which on another token is asked for, where it lives that long."""

REFUSED_FOR = 60
"""Seconds in which a sign-in that was refused is not tried again: many mailboxes ask for it."""

TIMEOUT = 30


class Cloud(NamedTuple):
    """Where one of Microsoft's clouds signs in, and where its Graph is."""

    authority: str
    graph: str


CLOUDS = {
    "global": Cloud("https://login.microsoftonline.com", "https://graph.microsoft.com/v1.0"),
    "us-gov": Cloud("https://login.microsoftonline.us", "https://graph.microsoft.us/v1.0"),
    "us-dod": Cloud("https://login.microsoftonline.us", "https://dod-graph.microsoft.us/v1.0"),
    "china": Cloud(
        "https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn/v1.0"
    ),
}

_FEDERATED = (
    "no federated credential of the app fits the token in the file: compare its issuer, subject "
    "and audience with those of the workload"
)
_NO_TENANT = (
    "there is no such tenant: take the directory (tenant) id of the app registration, and name "
    "the cloud if it is a national one"
)
_CONSENT = (
    "nobody consented for the organisation: an administrator opens the app registration, API "
    "permissions, and grants admin consent"
)
_CERTIFICATE_ENDED = (
    "the certificate has expired: make a new one, upload its public part to the app registration "
    "and name its file in the credential"
)
REMEDIES = {
    "AADSTS7000215": "the secret is wrong: it is the secret's value that is needed, not its id",
    "AADSTS7000222": "the secret has expired: make a new one, or better use a certificate",
    "AADSTS700027": "the certificate is not that of the app: upload its public part to the app "
    "registration, under Certificates & secrets",
    "AADSTS1000502": _CERTIFICATE_ENDED,
    "AADSTS700024": "the proof of identity is too old or not valid yet: set this machine's clock "
    "by a time server; with assertion_file see that its platform renews the file",
    "AADSTS700016": "the tenant has no such app: compare tenant and client_id with the overview "
    "page of the app registration",
    "AADSTS7000112": "the app is disabled: enable it under Enterprise applications, Properties",
    "AADSTS7000229": _CONSENT,
    "AADSTS65001": _CONSENT,
    "AADSTS500011": "the tenant does not know that service: graph_url and cloud must belong to the "
    "cloud that the tenant is in",
    "AADSTS90002": _NO_TENANT,
    "AADSTS900023": _NO_TENANT,
    "AADSTS70021": _FEDERATED,
    "AADSTS700211": _FEDERATED,
    "AADSTS700212": _FEDERATED,
    "AADSTS700213": _FEDERATED,
    "AADSTS53003": "Conditional Access forbids it: ask for a policy that lets this sign-in pass",
    "AADSTS7000218": "the app takes no device codes: set Allow public client flows to Yes, under "
    "Authentication of the app registration",
    "authorization_declined": "whoever opened the page said no: start again, and agree",
    "expired_token": "nobody typed the code in time: start again",
    "invalid_client": "compare client_id and credential with the app registration",
}
"""What an error code of a sign-in means, and what to do."""

_BUSY = {"temporarily_unavailable", "server_error"}
_EXPIRED = "key used is expired"
"""What Microsoft says with AADSTS700027 where the certificate has ended."""


class AuthorityError(ConnectorError):
    """The authority gives no answer at the moment: trying again may help."""


class Revealed(Protocol):
    """A reference to a secret."""

    def reveal(self) -> str:
        """Return the secret itself."""


class Credential(Protocol):
    """How the app shows who it is; exactly one of the ways is set."""

    certificate: Path | None
    """PEM with the certificate and, unless `private_key` names it, its private key."""

    private_key: Path | None
    pfx: Path | None
    passphrase: Revealed | None
    """Of the private key or the PFX."""

    secret: Revealed | None
    assertion_file: Path | None
    """A token that the platform writes and renews: workload identity."""

    managed_identity: str
    """`system`, or the client id of a user-assigned one."""

    device_code: bool


class Token(Protocol):
    """What requests are signed with."""

    def get(self) -> str:
        """Return a token that is valid for a while; may ask the authority."""

    def renew(self) -> str:
        """Return another token: the last one was refused."""


class SignIn:
    """Gets tokens for one app in one tenant. Thread-safe."""

    def __init__(
        self,
        client_id: str,
        credential: Credential,
        *,
        authority: str,
        scope: str,
        instance_discovery: bool = True,
        ca_file: Path | None = None,
    ) -> None:
        """Prepare to sign in at `authority`, for `scope`; nothing is asked yet.

        `instance_discovery` is False for an authority that Microsoft's own does not know.
        """
        self._client_id, self._credential = client_id, credential
        self._authority, self._scope, self._discovery = authority, scope, instance_discovery
        self._ca_file = ca_file
        self._lock = threading.Lock()
        self._app: Any = None
        self._token, self._fresh, self._until = "", 0.0, 0.0
        self._refused, self._refused_at = "", 0.0

    def get(self) -> str:
        """Return a token; raises `DeniedError`, `ConfigError` or `AuthorityError`."""
        with self._lock:
            if time.monotonic() >= self._fresh:
                try:
                    self._acquire()
                except AuthorityError:
                    if time.monotonic() >= self._until:
                        raise  # until then the one at hand will do
            return self._token

    def renew(self) -> str:
        """Return another token than the last."""
        with self._lock:
            if not self._credential.device_code:
                # A new client has no token in store, and reads the credential's files again.
                self._app = None
            self._acquire(force=True)
            return self._token

    def _acquire(self, *, force: bool = False) -> None:
        if self._refused and time.monotonic() < self._refused_at + REFUSED_FOR:
            raise DeniedError(self._refused)
        found = self._answer(force=force)
        if str(found.get("error")) in _BUSY:
            raise AuthorityError(f"{self._where}: busy; it is asked again later")
        if "access_token" not in found:
            self._refused, self._refused_at = _refusal(found), time.monotonic()
            raise DeniedError(self._refused)
        lifetime = float(found.get("expires_in") or 3_600)
        self._token, self._refused = str(found["access_token"]), ""
        self._until = time.monotonic() + lifetime
        self._fresh = self._until - min(REFRESH_BEFORE, lifetime / 4)

    def _answer(self, *, force: bool) -> dict[str, Any]:
        """Return what the authority says; raises what it means where it says nothing of use."""
        import msal
        import requests

        try:
            self._app = self._app or self._made()
            return self._asked(force=force)
        except requests.exceptions.RequestException as error:
            raise AuthorityError(
                f"{self._where}: cannot be reached to sign in ({type(error).__name__}); "
                f"{self._look}"
            ) from error
        except (
            msal.exceptions.MsalServiceError, RuntimeError, LookupError, json.JSONDecodeError,
        ) as error:  # fmt: skip
            raise AuthorityError(
                f"{self._where}: gives no answer of use to a sign-in; {self._look}"
            ) from error
        except (ValueError, TypeError, OSError) as error:
            # Never in the library's words, which may quote whole answers.
            code = re.search(r"AADSTS\d+", f"{error} {error.__context__}")
            remedy = REMEDIES.get(code[0] if code else "", "")
            raise ConfigError(
                f"{self._where}: cannot sign in there with this tenant and credential; "
                f"{f'{code[0]}: {remedy}' if code and remedy else self._compare}"
            ) from error

    @property
    def _where(self) -> str:
        if self._credential.managed_identity:
            return "the identity service of this machine"
        return self._authority

    @property
    def _look(self) -> str:
        if self._credential.managed_identity:
            return "managed identities are there within Azure, on machines that were given one"
        return "look at the network, the proxy and, with a private authority, ca_file"

    @property
    def _compare(self) -> str:
        if self._credential.managed_identity:
            return "compare managed_identity with the identities that this machine was given"
        return "compare tenant, cloud and credential (its passphrase too) with the app registration"

    def _made(self) -> Any:
        import msal

        http = _session(self._ca_file)
        if self._credential.managed_identity:
            http.trust_env = False  # it is on this machine: no proxy must see what it says
            name = self._credential.managed_identity
            identity = (
                msal.SystemAssignedManagedIdentity()
                if name == "system"
                else msal.UserAssignedManagedIdentity(client_id=name)
            )
            return msal.ManagedIdentityClient(identity, http_client=http)
        fixed: dict[str, Any] = {
            "authority": self._authority,
            "http_client": http,
            "instance_discovery": None if self._discovery else False,
        }
        if self._credential.device_code:
            return msal.PublicClientApplication(self._client_id, **fixed)
        return msal.ConfidentialClientApplication(
            self._client_id, client_credential=_for_msal(self._credential), **fixed
        )

    def _asked(self, *, force: bool) -> dict[str, Any]:
        found: dict[str, Any]
        if self._credential.managed_identity:
            found = self._app.acquire_token_for_client(
                resource=self._scope.removesuffix("/.default")
            )
            return found
        if not self._credential.device_code:
            found = self._app.acquire_token_for_client([self._scope])
            return found
        accounts = self._app.get_accounts()
        if accounts:
            found = self._app.acquire_token_silent_with_error(
                [self._scope], accounts[0], force_refresh=force
            )
            if found and "access_token" in found:
                return found
        flow = self._app.initiate_device_flow([self._scope])
        if "message" not in flow:
            return dict(flow)
        print(flow["message"], file=sys.stderr, flush=True)  # noqa: T201 - it must be seen
        found = self._app.acquire_token_by_device_flow(flow)
        return found


def _session(ca_file: Path | None) -> Any:
    import requests

    class Session(requests.Session):
        """Keeps to its CA file, whatever the environment says, and never waits for ever."""

        def merge_environment_settings(self, *arguments: Any) -> Any:
            found = super().merge_environment_settings(*arguments)
            return found | {"verify": str(ca_file)} if ca_file else found

        def request(self, *arguments: Any, **options: Any) -> Any:
            return super().request(*arguments, **{"timeout": TIMEOUT} | options)

    return Session()


def _for_msal(credential: Credential) -> object:
    """Return a credential as msal takes it; certificates never by SHA-1 thumbprint."""
    if credential.secret is not None:
        return credential.secret.reveal()
    if credential.assertion_file is not None:
        return {"client_assertion": _assertion(credential.assertion_file)}
    phrase = {"passphrase": credential.passphrase.reveal()} if credential.passphrase else {}
    if credential.pfx is not None:
        _read(credential.pfx)
        return {"private_key_pfx_path": str(credential.pfx), "public_certificate": True} | phrase
    if credential.certificate is None:
        raise ConfigError("credential: none is named")
    text = _read(credential.certificate).decode("latin-1")
    key = _read(credential.private_key).decode("latin-1") if credential.private_key else text
    kinds = {"CERTIFICATE": text, "[A-Z ]*PRIVATE KEY": key}
    public, private = (
        "\n".join(re.findall(rf"-----BEGIN {kind}-----.*?-----END {kind}-----", found, re.DOTALL))
        for kind, found in kinds.items()
    )
    if not public or not private:
        lacks = "certificate" if not public else "private key"
        where = credential.private_key if public and credential.private_key else None
        raise ConfigError(f"{where or credential.certificate}: holds no {lacks} in PEM form")
    return {"private_key": private, "public_certificate": public} | phrase


def _assertion(file: Path) -> Callable[[], str]:
    def read() -> str:
        return _read(file).decode("ascii", "replace").strip()

    read()
    return read  # msal asks for it at each sign-in, and its platform may have renewed it since


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: the credential cannot be read: {error.strerror}") from error


def open_to_others(credential: Credential) -> Iterator[Path]:
    """Yield the files with private keys that others than their owner may read."""
    for file in (credential.private_key or credential.certificate, credential.pfx):
        if (
            file is not None
            and file.exists()
            and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        ):
            yield file


def ends(credential: Credential) -> datetime | None:
    """Return when the certificate of a credential ends; None for other ways to sign in."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import pkcs12

    try:
        if credential.certificate is not None:
            return x509.load_pem_x509_certificate(_read(credential.certificate)).not_valid_after_utc
        if credential.pfx is not None:
            phrase = credential.passphrase.reveal().encode() if credential.passphrase else None
            _, found, _ = pkcs12.load_key_and_certificates(_read(credential.pfx), phrase)
            return found.not_valid_after_utc if found else None
    except (ValueError, TypeError):
        return None  # the sign-in says what is wrong with it
    return None


def _refusal(found: dict[str, Any]) -> str:
    """Return what a refusal means: a code, Microsoft's sentence, what to do; no other text.

    Others may quote what they were sent.
    """
    description = str(found.get("error_description") or "").strip()
    code = re.match(r"AADSTS\d+", description)
    error = str(found.get("error") or "")
    remedy = REMEDIES.get(code[0] if code else "") or REMEDIES.get(error, "")
    if code and _EXPIRED in description:
        remedy = _CERTIFICATE_ENDED
    said = error if error.replace("_", "").isalnum() else "no token was given"
    if code:
        # Trace ids and times follow the first sentence.
        said = re.split(r"(?<=[.!])\s|[\r\n]", description, maxsplit=1)[0][:300]
    return f"sign-in refused: {said}" + (f"; {remedy}" if remedy else "")
