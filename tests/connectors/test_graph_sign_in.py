"""Signing in with msal at a real OpenID provider, over https with a private authority."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msal
import pytest
import requests

from tests import oidc

pytestmark = pytest.mark.oidc


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[oidc.Provider]:
    """Return a running provider."""
    if reason := oidc.missing():
        pytest.skip(reason)
    with oidc.provider(tmp_path_factory.mktemp("oidc")) as running:
        yield running


@pytest.fixture
def http(provider: oidc.Provider) -> requests.Session:
    """Return a session that trusts the private authority, whatever the environment says."""
    session = requests.Session()
    session.verify, session.trust_env = str(provider.ca_file), False
    return session


def sign_in(
    provider: oidc.Provider, http: requests.Session, client: str, credential: object
) -> dict[str, Any]:
    """Return what msal gets for this credential."""
    app = msal.ConfidentialClientApplication(
        client,
        authority=provider.authority,
        client_credential=credential,
        http_client=http,
        instance_discovery=False,
    )
    found: dict[str, Any] = app.acquire_token_for_client([oidc.SCOPE])
    return found


def test_what_msal_sends_is_taken_by_a_real_provider(
    provider: oidc.Provider, http: requests.Session
) -> None:
    """The right secret and both forms of a certificate get a token; the wrong secret none."""
    pem = provider.pem.read_text()
    pfx = {"private_key_pfx_path": str(provider.pfx), "passphrase": oidc.PASSPHRASE.decode()}
    for client, credential in [
        (oidc.BY_SECRET, oidc.SECRET),
        (oidc.BY_CERTIFICATE, {"private_key": pem, "public_certificate": pem}),
        (oidc.BY_CERTIFICATE, pfx | {"public_certificate": True}),
    ]:
        assert sign_in(provider, http, client, credential)["access_token"]
    refused = sign_in(provider, http, oidc.BY_SECRET, "another")
    assert refused["error"] == "invalid_client"
