"""Signing in with msal at a real OpenID provider, over https with a private authority."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.config import GraphCredential, Secret
from scanner.connectors.graph_auth import SignIn
from scanner.errors import ConfigError, ConnectorError, DeniedError, ScannerError
from tests import oidc
from tests.fake_graph import PrivateCA

pytestmark = pytest.mark.oidc


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[oidc.Provider]:
    """Return a running provider."""
    if reason := oidc.missing():
        pytest.skip(reason)
    with oidc.provider(tmp_path_factory.mktemp("oidc")) as running:
        yield running


@pytest.fixture
def foreign_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the environment name authorities that the provider's is not among."""
    bundle = tmp_path / "other.pem"
    bundle.write_bytes(PrivateCA.create(tmp_path / "other").file.read_bytes())
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(bundle))


def sign_in(provider: oidc.Provider, client: str, shown: Any, **more: Any) -> SignIn:
    """Return a sign-in of one of the provider's apps."""
    settings: dict[str, Any] = {"authority": provider.authority, "ca_file": provider.ca_file} | more
    return SignIn(client, shown, scope=oidc.SCOPE, instance_discovery=False, **settings)


def claims(token: str) -> dict[str, Any]:
    """Return what a token says."""
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def kept(folder: Path, value: str) -> Secret:
    """Return a reference to a secret in a file."""
    file = folder / f"secret-{len(list(folder.iterdir()))}"
    file.write_text(value)
    return Secret(file=file)


def credentials(provider: oidc.Provider, folder: Path) -> dict[str, tuple[str, GraphCredential]]:
    """Return each way in which an app of the provider may sign in."""
    pem = provider.pem.read_text("ascii")
    key, _, certificate = pem.partition("-----BEGIN CERTIFICATE-----")
    apart = folder / "apart.key", folder / "apart.pem"
    apart[0].write_text(key)
    apart[1].write_text("-----BEGIN CERTIFICATE-----" + certificate)
    phrase = kept(folder, oidc.PASSPHRASE.decode())
    return {
        "secret": (oidc.BY_SECRET, GraphCredential(secret=kept(folder, oidc.SECRET))),
        "pem": (oidc.BY_CERTIFICATE, GraphCredential(certificate=provider.pem)),
        "pem in two files": (
            oidc.BY_CERTIFICATE,
            GraphCredential(certificate=apart[1], private_key=apart[0]),
        ),
        "pfx": (oidc.BY_CERTIFICATE, GraphCredential(pfx=provider.pfx, passphrase=phrase)),
    }


@pytest.mark.usefixtures("foreign_bundle")
@pytest.mark.parametrize("way", ["secret", "pem", "pem in two files", "pfx"])
def test_each_credential_gets_a_token(provider: oidc.Provider, tmp_path: Path, way: str) -> None:
    """A real provider takes what msal sends, and only `ca_file` says whom to trust."""
    client, shown = credentials(provider, tmp_path)[way]
    told = claims(sign_in(provider, client, shown).get())
    assert (told["client_id"], told["scope"]) == (client, oidc.SCOPE)


def test_a_token_is_kept_and_renewed(provider: oidc.Provider, tmp_path: Path) -> None:
    """The same token is used until another is asked for."""
    client, shown = credentials(provider, tmp_path)["secret"]
    signed_in = sign_in(provider, client, shown)
    first = signed_in.get()
    assert signed_in.get() == first
    second = signed_in.renew()
    assert second != first
    assert signed_in.get() == second


REFUSED = [
    pytest.param("another", {}, DeniedError, "compare client_id and credential", id="secret"),
    pytest.param(oidc.SECRET, {"ca_file": None}, ConnectorError, "ca_file", id="authority's CA"),
    pytest.param(
        oidc.SECRET, {"authority": "https://127.0.0.1:9/tenant"}, ConnectorError,
        "cannot be reached", id="nobody there",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("secret", "more", "kind", "says"), REFUSED)
def test_what_is_wrong_is_said(
    provider: oidc.Provider,
    tmp_path: Path,
    secret: str,
    more: dict[str, Any],
    kind: type[ScannerError],
    says: str,
) -> None:
    """A sign-in that fails says what is wrong and what to do, and never the secret."""
    shown = GraphCredential(secret=kept(tmp_path, secret))
    with pytest.raises(kind, match=says) as raised:
        sign_in(provider, oidc.BY_SECRET, shown, **more).get()
    assert secret not in str(raised.value)


def test_a_certificate_that_is_not_there_is_said(provider: oidc.Provider) -> None:
    """A credential's file that cannot be read is named."""
    shown = GraphCredential(certificate=Path("nowhere.pem"))
    with pytest.raises(ConfigError, match=r"nowhere\.pem"):
        sign_in(provider, oidc.BY_CERTIFICATE, shown).get()


def test_a_wrong_authority_is_said(provider: oidc.Provider, tmp_path: Path) -> None:
    """An authority that knows no such tenant is a mistake in the configuration."""
    shown = GraphCredential(secret=kept(tmp_path, oidc.SECRET))
    wrong = provider.authority.replace(oidc.TENANT, "elsewhere")
    with pytest.raises(ConfigError, match="elsewhere"):
        sign_in(provider, oidc.BY_SECRET, shown, authority=wrong).get()
