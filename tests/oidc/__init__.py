"""A real OpenID provider on loopback, from npm, for msal to sign in at."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from tests import npm
from tests.fake_graph.serving import PrivateCA, self_signed

HERE = Path(__file__).parent
INSTALLED = Path(sys.prefix) / "oidc-provider"
"""Beside the packages from PyPI, so that the checkout stays as it is."""

TENANT = "7d1c3f6e-0000-4000-8000-00000000c0de"
SCOPE = "https://graph.microsoft.com/.default"
BY_SECRET, BY_CERTIFICATE, SECRET = "app-with-secret", "app-with-certificate", "an invented secret"
PASSPHRASE = b"an invented passphrase"


@dataclass(frozen=True, slots=True)
class Provider:
    """The running provider, and what an app needs to sign in there."""

    authority: str
    ca_file: Path
    pem: Path
    """The app's private key and its certificate, in one file."""

    pfx: Path
    """The same under `PASSPHRASE`."""


def missing() -> str:
    """Return why the provider cannot run here, empty where it can; installs it where need be."""
    return npm.installed("oidc-provider", HERE, "provider.mjs")[1]


@contextmanager
def provider(folder: Path, lifetime: int = 3_600) -> Iterator[Provider]:
    """Run a provider that knows one app by secret and one by certificate."""
    authority = PrivateCA.create(folder / "ca")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    made = _credentials(folder, key)
    settings = {
        "key": str(authority.key),
        "certificate": str(authority.certificate),
        "tenant": TENANT,
        "scope": SCOPE,
        "lifetime": lifetime,
        "clients": [
            {
                "client_id": BY_SECRET,
                "client_secret": SECRET,
                "token_endpoint_auth_method": "client_secret_post",
            },
            {
                "client_id": BY_CERTIFICATE,
                "token_endpoint_auth_method": "private_key_jwt",
                "jwks": {"keys": [_jwk(key.public_key())]},
            },
        ],
    }
    file = folder / "settings.json"
    file.write_text(json.dumps(settings))
    command = ["node", "provider.mjs", str(file)]
    with subprocess.Popen(
        command, cwd=INSTALLED, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            yield Provider(f"{url}/{TENANT}", authority.file, *made)
        finally:
            process.terminate()


def _credentials(folder: Path, key: rsa.RSAPrivateKey) -> tuple[Path, Path]:
    certificate = self_signed("an invented app", key)
    pem, pfx = folder / "app.pem", folder / "app.pfx"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    locked = serialization.BestAvailableEncryption(PASSPHRASE)
    pfx.write_bytes(pkcs12.serialize_key_and_certificates(b"app", key, certificate, None, locked))
    return pem, pfx


def _jwk(key: rsa.RSAPublicKey) -> dict[str, str]:
    """Return a public key as the provider takes it."""
    numbers = key.public_numbers()

    def encoded(number: int) -> str:
        data = number.to_bytes((number.bit_length() + 7) // 8)
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    return {"kty": "RSA", "use": "sig", "n": encoded(numbers.n), "e": encoded(numbers.e)}
