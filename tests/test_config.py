"""The configuration: secrets stand elsewhere, and each source has the keys of its type."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from scanner.config import Config, Secret
from scanner.errors import ConfigError


def test_a_secret_is_read_where_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference to a variable or a file gives what stands there, when it is asked for."""
    file = tmp_path / "secret"
    file.write_text("from-file\n")
    monkeypatch.setenv("TEST_SECRET", "from-env")
    assert Secret(env="TEST_SECRET").reveal() == "from-env"
    assert Secret(file=file).reveal() == "from-file"


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ({"env": "TEST_NOT_SET"}, "TEST_NOT_SET is not set"),
        ({"file": "/nowhere/secret"}, "/nowhere/secret: the secret cannot be read"),
        ({"keyring": "undisclosed/graph"}, "keyring"),
    ],
)
def test_a_secret_that_is_not_there(reference: dict[str, str], says: str) -> None:
    """What is missing is named, with what to do."""
    with pytest.raises(ConfigError, match=says):
        Secret.model_validate(reference).reveal()


@pytest.mark.parametrize("reference", [{}, {"env": "A", "file": "/b"}, {"value": "plain"}, "plain"])
def test_a_secret_is_one_reference(reference: object) -> None:
    """A secret is never written into the file, and has one place."""
    with pytest.raises(ValidationError):
        Secret.model_validate(reference)


def test_a_service_mailbox_is_an_address() -> None:
    """Service mailboxes are compared in normal form, and must be addresses."""
    found = Config.model_validate({"service_mailboxes": ["Complaints@Example.org"]})
    assert found.service_mailboxes == ("complaints@example.org",)
    with pytest.raises(ValidationError, match="is no address"):
        Config.model_validate({"service_mailboxes": ["complaints"]})
