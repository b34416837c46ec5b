"""Signs in to Microsoft with msal and keeps the token in memory: the clouds, the credentials."""

from __future__ import annotations

import re
import stat
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from scanner.errors import ConfigError, ConnectorError, DeniedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

REFRESH_BEFORE = 300
"""Seconds before its end from which on a token is not used for a new request."""

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

REMEDIES = {
    "AADSTS7000215": "the secret is wrong: it is the secret's value that is needed, not its id",
    "AADSTS7000222": "the secret has expired: make a new one, or better use a certificate",
    "AADSTS700027": "the certificate is not that of the app: upload its public part to the app "
    "registration, under Certificates & secrets",
    "AADSTS700016": "the tenant has no such app: compare tenant and client_id with the overview "
    "page of the app registration",
    "AADSTS90002": "there is no such tenant: take the directory (tenant) id of the app "
    "registration, and name the cloud if it is a national one",
    "AADSTS70021": "no federated credential of the app fits: compare its issuer and subject with "
    "those of the workload",
    "AADSTS53003": "Conditional Access forbids it: ask for a policy that lets this sign-in pass",
    "invalid_client": "compare client_id and credential with the app registration",
}
"""What an error code of a sign-in means, and what to do."""


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
        self._token, self._until = "", 0.0

    def get(self) -> str:
        """Return a token; raises `DeniedError`, `ConfigError` or `ConnectorError`."""
        with self._lock:
            if time.monotonic() > self._until - REFRESH_BEFORE:
                self._acquire()
            return self._token

    def renew(self) -> str:
        """Return another token than the last."""
        with self._lock:
            if self._app is not None and hasattr(self._app, "remove_tokens_for_client"):
                self._app.remove_tokens_for_client()
            self._acquire(force=True)
            return self._token

    def _acquire(self, *, force: bool = False) -> None:
        import requests

        try:
            self._app = self._app or self._made()
            found = self._asked(force=force)
        except requests.exceptions.RequestException as error:
            raise ConnectorError(
                f"{self._authority}: cannot be reached to sign in ({type(error).__name__}); look "
                "at the network, the proxy and, with a private authority, ca_file"
            ) from error
        except ValueError as error:
            raise ConfigError(
                f"{self._authority}: cannot sign in there with this tenant and credential: "
                f"{_first_sentence(str(error))}"
            ) from error
        if "access_token" not in found:
            raise DeniedError(_refusal(found))
        self._token = str(found["access_token"])
        self._until = time.monotonic() + float(found.get("expires_in") or 3_600)

    def _made(self) -> Any:
        import msal

        http = _session(self._ca_file)
        if self._credential.managed_identity:
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
    import msal

    renewed: Callable[[], str] = msal.AutoRefresher(read, expires_in=600)
    return renewed


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


def _refusal(found: dict[str, Any]) -> str:
    description = _first_sentence(str(found.get("error_description") or ""))
    code = re.match(r"AADSTS\d+", description)
    remedy = REMEDIES.get(code[0] if code else "") or REMEDIES.get(str(found.get("error")), "")
    said = description or str(found.get("error") or "no token was given")
    return f"sign-in refused: {said}" + (f"; {remedy}" if remedy else "")


def _first_sentence(text: str) -> str:
    """Return what an authority says first; trace ids and times follow it."""
    return re.split(r"(?<=[.!])\s|[\r\n]", text.strip(), maxsplit=1)[0][:300]
