# ruff: noqa: E501 (a mail, a row of a table)
"""Invented people, Welsh, English and Dutch, and the organisations that they work for."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

HOMES = "cartrefi-gwern.example"
CHARITY = "pont-gwern.example"
LAW = "prydderch-vos.example"
OURS = (HOMES, CHARITY, LAW)

GIVEN = [
    "alun",
    "bethan",
    "carys",
    "dafydd",
    "eleri",
    "ffion",
    "gareth",
    "huw",
    "iestyn",
    "lowri",
    "mair",
    "nia",
    "owain",
    "rhian",
    "sian",
    "tomos",
    "alice",
    "brenda",
    "colin",
    "dennis",
    "emma",
    "frank",
    "grace",
    "harry",
    "irene",
    "joyce",
    "karen",
    "leroy",
    "mandy",
    "nigel",
    "olive",
    "anouk",
    "bram",
    "daan",
    "esmee",
    "femke",
    "gijs",
    "hanneke",
    "joost",
    "lieke",
    "marloes",
    "niels",
    "pieter",
    "roos",
    "sanne",
    "teun",
]
FAMILY = [
    "bevan",
    "cadwaladr",
    "davies",
    "ellis",
    "gruffydd",
    "howells",
    "ifans",
    "jenkins",
    "llewelyn",
    "morgan",
    "nevin",
    "owens",
    "parry",
    "ashdown",
    "barlow",
    "crabtree",
    "dewhurst",
    "fenwick",
    "hargreaves",
    "kershaw",
    "lomax",
    "ogden",
    "pickles",
    "rowbotham",
    "aerts",
    "bakker",
    "dekker",
    "hendriks",
    "jansen",
    "kuipers",
    "meijer",
    "postma",
    "smit",
    "timmermans",
    "visser",
    "wouters",
]
HOSTS = (
    *("webmail.example",) * 5,
    *("postbox.example",) * 3,
    *("bandeang.test",) * 2,
    "kabelnet.test",
)


@dataclass
class People:
    """Gives out invented people, each address once."""

    seed: str
    names: dict[str, str] = field(default_factory=dict)
    """The names that are shown with addresses."""

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self._given: set[str] = set()

    def public(self, count: int) -> list[str]:
        """Return people with addresses of their own, some of them at domains of their own."""
        return [self._private() for _ in range(count)]

    def _private(self) -> str:
        draw = self.random
        while True:
            given, family = draw.choice(GIVEN), draw.choice(FAMILY)
            local = draw.choice((
                f"{given}.{family}", f"{given}{family}{draw.randrange(50, 99)}", f"{given[0]}{family}{draw.randrange(999)}",
                f"{family}.family{draw.randrange(99)}", f"{given}_{draw.choice(['garden', 'boat', 'tonic', 'rugby'])}{draw.randrange(99)}",
            ))  # fmt: skip
            host = (
                draw.choice(HOSTS) if draw.random() < 0.9 else f"{family}{draw.randrange(99)}.test"
            )
            address = f"{local}@{host}"
            if address not in self._given:
                self._given.add(address)
                if draw.random() < 0.5:
                    self.names[address] = f"{given.title()} {family.title()}"
                return address

    def at(self, count: int, *hosts: str) -> list[str]:
        """Return people who work for organisations, in turn."""
        found: list[str] = []
        while len(found) < count:
            given, family = self.random.choice(GIVEN), self.random.choice(FAMILY)
            address = f"{given}.{family}@{hosts[len(found) % len(hosts)]}"
            if address not in self._given:
                self._given.add(address)
                found.append(address)
        return found

    def firms(self, count: int, word: str) -> list[str]:
        """Return one person each at so many firms."""
        return self.at(count, *(f"{word}{n}.example" for n in range(count)))


def roles(count: int, word: str, locals_: Sequence[str] = ("info", "office")) -> list[str]:
    """Return the role addresses of organisations."""
    return [f"{locals_[n % len(locals_)]}@{word}{n}.example" for n in range(count)]
