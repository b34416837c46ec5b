"""Who is internal, partner or external; what is private webmail, a role address or a group."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scanner.addresses import comparable, domain_of, normalise
from scanner.data import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@cache
def webmail_domains() -> frozenset[str]:
    """Return the domains of private mailbox providers."""
    return frozenset(words("webmail_domains.txt"))


@cache
def role_words() -> frozenset[str]:
    """Return the words that begin the address of a function (`info`, `newsdesk`)."""
    return frozenset(words("role_words.txt"))


GROUP_MARK = "group:"
"""Stands before the name of a group or list whose members the message does not show."""


def within(domain: str, parents: frozenset[str]) -> bool:
    """Tell whether `domain` is one of `parents` or lies below one."""
    while domain:
        if domain in parents:
            return True
        domain = domain.partition(".")[2]
    return False


@dataclass(frozen=True)
class Directory:
    """Sorts addresses. Internal and partner domains include what lies below them."""

    internal_domains: frozenset[str]
    internal_addresses: frozenset[str] = frozenset()
    partner_domains: frozenset[str] = frozenset()
    basis: str = "configured"
    """How the internal domains came about, as the report says it."""

    _memo: dict[str, bool] = field(default_factory=dict, repr=False, compare=False)

    def is_internal(self, address: str) -> bool:
        """Tell whether an address, in normal form, belongs to the organisation.

        An Exchange DN does: it names an entry of the organisation's own address book.
        """
        if address.startswith(("/", GROUP_MARK)):
            return address.startswith("/")
        if {address, comparable(address)} & self.internal_addresses:
            return True
        domain = domain_of(address)
        known = self._memo.get(domain)
        if known is None:
            known = self._memo[domain] = within(domain, self.internal_domains)
        return known

    def is_external(self, address: str) -> bool:
        """Tell whether an address is neither internal nor a partner's; a group is neither."""
        if not address or address.startswith(GROUP_MARK) or self.is_internal(address):
            return False
        return not within(domain_of(address), self.partner_domains)

    def classify(self, unique: pa.Array) -> pd.DataFrame:
        """Return a row for each address of `unique`, in its order.

        Columns: `person` (int32, equal for addresses that are one person's: plus-tags off),
        `internal`, `partner`, `external`, `webmail`, `role`, `group` (bool), `domain` (int32 code
        of the domain). An address is just one of internal, partner, external and group.
        """
        plain = unique.cast(pa.string())
        group = pc.starts_with(plain, GROUP_MARK).to_numpy(zero_copy_only=False)
        domains = pc.replace_substring_regex(plain, r"^.*@", "").dictionary_encode()
        codes = domains.indices.to_numpy(zero_copy_only=False)
        names: list[str] = domains.dictionary.to_pylist()
        addressed = pc.match_substring(plain, "@").to_numpy(zero_copy_only=False)
        empty = (pc.utf8_length(plain).to_numpy(zero_copy_only=False) == 0) & ~group

        def by_domain(test: Iterable[bool]) -> np.ndarray:
            return np.fromiter(test, bool, len(names))[codes] if names else np.zeros(0, bool)

        bare = pc.replace_substring_regex(plain, r"^([^+]+)\+[^@]*@", r"\1@")
        internal = by_domain(within(n, self.internal_domains) for n in names) & addressed
        internal |= pc.starts_with(plain, "/").to_numpy(zero_copy_only=False)
        if self.internal_addresses:
            known = pa.array(sorted(self.internal_addresses), pa.string())
            for form in (plain, bare):
                internal |= pc.is_in(form, known).to_numpy(zero_copy_only=False)
        partner = by_domain(within(n, self.partner_domains) for n in names) & addressed & ~internal
        return pd.DataFrame(
            {
                "person": bare.dictionary_encode().indices.to_numpy(zero_copy_only=False),
                "internal": internal & ~group,
                "partner": partner & ~group,
                "external": ~(internal | partner | group | empty),
                "webmail": by_domain(n in webmail_domains() for n in names) & addressed,
                "role": pc.match_substring_regex(plain, role_pattern()).to_numpy(
                    zero_copy_only=False
                ),
                "group": group,
                "domain": codes,
            }
        )


@cache
def role_pattern() -> str:
    """Return an RE2 pattern that matches the address of a function."""
    return rf"^({'|'.join(map(re.escape, sorted(role_words())))})([._\-]?\d*|[._\-+][^@]*)@"


def infer(owners: Sequence[str], partners: Iterable[str] = ()) -> Directory:
    """Return the directory that the mailboxes' owners suggest, for want of a configured one.

    An owner's domain is internal unless it is a webmail provider's; such an owner is internal by
    address alone.
    """
    found = {normalise(owner) for owner in owners if "@" in owner}
    domains = {domain_of(owner) for owner in found} - webmail_domains()
    private = {comparable(owner) for owner in found if domain_of(owner) not in domains}
    names = ", ".join(sorted(domains | private)) or "none"
    return Directory(
        frozenset(domains),
        frozenset(private),
        frozenset(partners),
        f"inferred from the owners of the mailboxes: {names}",
    )
