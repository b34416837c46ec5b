"""The configuration: secrets stand elsewhere, and each source has the keys of its type."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pydantic import ValidationError

from scanner import severity
from scanner.config import Config, Secret, SeverityRules, load
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


def test_severity_rules_stay_as_they_are_without_a_word() -> None:
    """Without a table for them the rules are those of the documents."""
    assert Config().severity.rules() == severity.default_rules()


def test_a_known_context_takes_words_and_a_weight() -> None:
    """Words are added to a known context, its weight and flags are changed, others stay."""
    table = {"contexts": {"money": {"words": ["Garage  Rents", "c++ club*"], "dpc": 2}}}
    rules = SeverityRules.model_validate(table | {"always_from": 50}).rules()
    (money,) = [c for c in rules.contexts if c.id == "money"]
    (before,) = [c for c in severity.contexts() if c.id == "money"]
    assert money.words == (*before.words, r"garage\ rents", r"c\+\+\ club\w*")
    assert (money.dpc, money.title, rules.always_from) == (2, before.title, 50)
    found = pc.match_substring_regex(pa.array(["garage rents", "c++ clubs", "club"]), money.pattern)
    assert found.to_pylist() == [True, True, False]


def test_a_context_of_ones_own() -> None:
    """A new context needs a title, a weight and words; words can replace the known ones."""
    own = {"title": "allotments", "dpc": 2, "words": ["plot*"], "safety": True}
    rules = SeverityRules.model_validate({"contexts": {"allotments": own}}).rules()
    (found,) = [c for c in rules.contexts if c.id == "allotments"]
    assert found == severity.Context("allotments", "allotments", 2, (r"plot\w*",), safety=True)
    none = SeverityRules.model_validate({"contexts": {"health": {"only_these": True}}}).rules()
    (silent,) = [c for c in none.contexts if c.id == "health"]
    assert pc.match_substring_regex(pa.array(["clinic", ""]), silent.pattern).to_pylist() == [
        False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("table", "says"),
    [
        pytest.param({"public": 5}, "public", id="unknown-key"),
        pytest.param({"public_from": 2}, "public_from", id="fewer-than-three"),
        pytest.param({"contexts": {"allotments": {"dpc": 2}}}, "needs title", id="no-title"),
        pytest.param({"contexts": {"health": {"dpc": 5}}}, "dpc", id="no-such-weight"),
        pytest.param({"contexts": {"health": {"words": ["a*b"]}}}, "star", id="star-inside"),
        pytest.param({"contexts": {"health": {"words": ["ab*"]}}}, "three letters", id="short"),
    ],
)
def test_severity_rules_are_strict(table: dict[str, object], says: str) -> None:
    """What is not known, or could match anything, is refused with its key."""
    with pytest.raises(ConfigError, match=says):
        load(None, {"severity": table})


def test_severity_rules_are_part_of_the_hash() -> None:
    """A scan under other rules is another scan."""
    other = load(None, {"severity": {"always_from": 50}})
    assert other.fingerprint("") != Config().fingerprint("")
