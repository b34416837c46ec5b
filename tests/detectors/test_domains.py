"""What a domain is, learnt from mail: colleagues write together, a provider's customers do not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from scanner.detectors import recipients
from scanner.directory import Directory
from scanner.properties import SourceMessage
from tests.build import JO, sent, table

DIRECTORY = Directory(frozenset({"calder.example"}))


def at(host: str, count: int, numbered: int) -> list[str]:
    """Return so many people of a domain, so many of them with a number in their address."""
    return [f"{'abcdefghijklmnop'[n]}.doe{n if n < numbered else ''}@{host}" for n in range(count)]


def alone(people: Sequence[str]) -> list[SourceMessage]:
    """Return a letter to each."""
    return [sent(n, [person]) for n, person in enumerate(people)]


@pytest.mark.parametrize(
    ("messages", "provider", "organisation"),
    [
        pytest.param(alone(at("x.test", 10, 5)), True, False, id="strangers"),
        pytest.param(alone(at("x.test", 7, 5)), False, False, id="too-few-to-tell"),
        pytest.param(alone(at("x.test", 10, 0)), False, False, id="names-without-numbers"),
        pytest.param([*alone(at("x.test", 10, 5)), *(sent(50 + n, at("x.test", 3, 3))
                      for n in range(2))], False, True, id="colleagues"),
        pytest.param([*alone(at("x.test", 10, 5)), sent(50, at("x.test", 10, 5))], True, False,
                     id="one-long-list-says-nothing"),
        pytest.param([sent(0, ["info@x.test"]), sent(1, ["a.doe@x.test"])], False, True,
                     id="a-role-address"),
        pytest.param([sent(0, [JO, "b.doe@x.test"], sender="a.doe@x.test"),
                      sent(1, [JO, "a.doe@x.test"], sender="b.doe@x.test")], False, True,
                     id="senders-count"),
    ],
)  # fmt: skip
def test_domains(messages: list[SourceMessage], provider: bool, organisation: bool) -> None:
    """A provider has many strangers with numbers in their addresses, an organisation colleagues."""
    known = recipients.frames(table(*messages), DIRECTORY).addresses
    rows = known[known["address"].str.endswith("@x.test")]
    assert set(rows["webmail"]) == {provider}
    assert set(rows["organisation"]) == {organisation}


def test_a_known_provider_stays_one() -> None:
    """What the list of providers names is private webmail, whoever writes together there."""
    people = [f"a{n}@gmail.com" for n in range(3)]
    known = recipients.frames(table(*(sent(n, people) for n in range(9))), DIRECTORY).addresses
    assert known.loc[
        known["address"] == people[0], ["webmail", "organisation"]
    ].to_numpy().tolist() == [[True, False]]
