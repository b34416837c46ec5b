"""Who is internal, partner or external; what is private webmail, a role address or a group."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scanner.addresses import comparable, domain_of, given_names, normalise
from scanner.crypto import PLAIN, Vault
from scanner.data import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path


@cache
def webmail_domains() -> frozenset[str]:
    """Return the domains of private mailbox providers."""
    return frozenset(words("webmail_domains.txt"))


@cache
def role_words() -> frozenset[str]:
    """Return the words that begin the address of a function (`info`, `newsdesk`)."""
    return frozenset(words("role_words.txt"))


class _ListHosts(NamedTuple):
    """What the data file says of mailing lists."""

    domains: frozenset[str]
    labels: frozenset[str]
    endings: str
    """An RE2 pattern of how the name before the @ ends."""


@cache
def _list_hosts() -> _ListHosts:
    entries = words("list_hosts.txt")
    endings = sorted(e for e in entries if e.endswith("@"))
    labels = frozenset(e[:-1] for e in entries if e.endswith("."))
    return _ListHosts(
        frozenset(e for e in entries if e[-1] not in ".@"),
        labels,
        rf"[^@]({'|'.join(map(re.escape, endings))})",
    )


_REGISTRY = re.compile(r"(?:com?|org|net|gov|ac|edu|sch|ltd|plc|nhs|police)\.[a-z]{2}")
"""What many domains of a country end with: `lists.co.uk` is a name, not a host of lists."""


def keeps_lists(domain: str) -> bool:
    """Tell whether a domain is a host of mailing lists."""
    known = _list_hosts()
    label, _, rest = domain.partition(".")
    own = label in known.labels and "." in rest and not _REGISTRY.fullmatch(rest)
    return own or within(domain, known.domains)


def is_mailing_list(address: str) -> bool:
    """Tell whether an address, in normal form, is a mailing list's, by its look."""
    local, _, domain = address.rpartition("@")
    if keeps_lists(domain):
        return bool(local)
    if domain in webmail_domains() or not re.search(_list_hosts().endings, f"{local}@"):
        return False
    return re.split(r"[._-]", local, maxsplit=1)[0] not in given_names()


GROUP_MARK = "group:"
"""Stands before the name of a group or list whose members the message does not show."""


def within(domain: str, parents: frozenset[str]) -> bool:
    """Tell whether `domain` is one of `parents` or lies below one."""
    while domain:
        if domain in parents:
            return True
        domain = domain.partition(".")[2]
    return False


class Group(NamedTuple):
    """A distribution list or group of the address book."""

    members: int | None = None
    """People it reaches; None where nobody counted."""

    outsiders: int = 0
    """Those of them who do not belong to the organisation."""

    hidden: bool = False
    """Whether its membership may not be seen."""


class Entry(NamedTuple):
    """One entry of an address book, as a connector reads it."""

    kind: str
    """`person`, `outsider` (a guest or contact) or `group`."""

    primary: str
    """The address that stands for it."""

    others: Sequence[str] = ()
    """Its further addresses and Exchange DNs, with or without `smtp:` and `X500:` before them."""

    group: Group = Group()


@dataclass(frozen=True)
class Listing:
    """What an organisation's own address book says: domains, people, guests, groups."""

    domains: frozenset[str] = frozenset()
    primary: Mapping[str, str] = field(default_factory=dict)
    """Every address and Exchange DN, in normal form, to the one that stands for its owner."""

    outsiders: frozenset[str] = frozenset()
    """Guests and contacts: external, although their address may lie in an own domain."""

    groups: Mapping[str, Group] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    """Parts of it that should have been read and could not be, each as a sentence."""

    remarks: tuple[str, ...] = ()
    """What it leaves open, where a scan is complete all the same."""

    file: Path | None = field(default=None, compare=False)
    """Where it is kept: worker processes read it there, each once."""

    vault: Vault = field(default=PLAIN, compare=False, repr=False)
    """What opens that file."""

    @classmethod
    def of(
        cls,
        domains: Iterable[str],
        entries: Iterable[Entry],
        missing: Iterable[str] = (),
        remarks: Iterable[str] = (),
    ) -> Listing:
        """Return the listing of an address book's entries."""
        primary: dict[str, str] = {}
        outsiders: set[str] = set()
        groups: dict[str, Group] = {}
        for entry in entries:
            address = _listed_form(entry.primary)
            if "@" not in address:
                continue
            primary[address] = address
            for other in map(_listed_form, entry.others):
                if other:
                    primary.setdefault(other, address)
            if entry.kind == "outsider":
                outsiders.add(address)
            elif entry.kind == "group":
                groups[address] = entry.group
        own = frozenset(domain.lower() for domain in domains)
        said = tuple(missing), tuple(remarks)
        return cls(own, primary, frozenset(outsiders), groups, *said)

    @property
    def empty(self) -> bool:
        """Whether it says nothing."""
        return not (self.domains or self.primary)

    def merged(self, other: Listing) -> Listing:
        """Return both as one; what this one says counts first."""
        return Listing(
            self.domains | other.domains,
            {**other.primary, **self.primary},
            self.outsiders | other.outsiders,
            {**other.groups, **self.groups},
            (*self.missing, *other.missing),
            (*self.remarks, *other.remarks),
        )

    def counted(self, groups: Mapping[str, Group]) -> Listing:
        """Return it with what became known of its groups: members, outsiders, hidden or not."""
        known = {address: groups.get(address, group) for address, group in self.groups.items()}
        return replace(self, groups=known, file=None)

    @cached_property
    def mixed(self) -> frozenset[str]:
        """The groups that hold people of the organisation and others."""
        return frozenset(address for address, group in self.groups.items() if group.outsiders)

    @cached_property
    def _told(self) -> tuple[np.ndarray, np.ndarray]:
        """The hashes of its addresses, ascending, and one of what it says of each."""
        known, addresses = self.primary, [*self.primary]
        facts = [
            f"{whose} {whose in known} {whose in self.outsiders} {whose in self.mixed}"
            for whose in known.values()
        ]
        hashed = _hashes(addresses)
        order = np.argsort(hashed)
        return hashed[order], _hashes(facts)[order]

    def says_of(self, hashes: np.ndarray) -> str:
        """Return a hash of all that it says of some addresses, of which `address_hashes` are given.

        It is empty where it names none of them, and stays the same whatever changes about others.
        """
        addresses, facts = self._told
        # The book may be far larger than the mailbox: look up what is few.
        at = np.searchsorted(addresses, hashes)
        at = at[at < len(addresses)]
        at = at[addresses[at] == hashes[: len(at)]]
        if not len(at):
            return ""
        told = np.stack([addresses[at], facts[at]])
        return hashlib.blake2b(told.tobytes(), digest_size=16).hexdigest()

    def fingerprint(self) -> str:
        """Return a hash that changes whenever what it says does."""
        return hashlib.blake2b(self._text().encode(), digest_size=8).hexdigest()

    def save(self, path: Path, vault: Vault = PLAIN) -> Listing:
        """Write it to a file that only its owner may read; return it with that file."""
        vault.write(path, self._text().encode())
        _loaded.cache_clear()
        return _loaded(path, vault)

    @staticmethod
    def load(path: Path, vault: Vault = PLAIN) -> Listing:
        """Return the listing that a file holds."""
        return _loaded(path, vault)

    def _text(self) -> str:
        body = {
            "domains": sorted(self.domains),
            "primary": dict(sorted(self.primary.items())),
            "outsiders": sorted(self.outsiders),
            "groups": dict(sorted(self.groups.items())),
            "missing": self.missing,
            "remarks": self.remarks,
        }
        return json.dumps(body, ensure_ascii=False)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.file is not None:
            return _loaded, (self.file, self.vault)
        said = self.missing, self.remarks
        return Listing, (self.domains, self.primary, self.outsiders, self.groups, *said)


@lru_cache(maxsize=8)
def _loaded(path: Path, vault: Vault) -> Listing:
    body = json.loads(vault.read(path))
    groups = {address: Group(*values) for address, values in body["groups"].items()}
    domains, outsiders = frozenset(body["domains"]), frozenset(body["outsiders"])
    said = tuple(body["missing"]), tuple(body["remarks"])
    return Listing(domains, body["primary"], outsiders, groups, *said, path, vault)


def _hashes(texts: Sequence[str]) -> np.ndarray:
    return np.asarray(pd.util.hash_array(np.array([*texts, ""], object)[:-1], categorize=False))


_TAGGED = r"^([^+]+)\+[^@]*@"
"""An address with a plus-tag; RE2."""


def address_hashes(addresses: pa.Array) -> np.ndarray:
    """Return the distinct 64-bit hashes, ascending, under which a listing may know addresses.

    Of each as it stands, and without its plus-tag.
    """
    tagged = addresses.filter(pc.match_substring(addresses, "+"))
    bare = pc.replace_substring_regex(tagged, _TAGGED, r"\1@")
    return np.unique(_hashes([*addresses.to_pylist(), *bare.to_pylist()]))


def _listed_form(address: str) -> str:
    """Return an address or DN of an address book as messages have it, empty for other kinds."""
    scheme, colon, rest = address.strip().partition(":")
    if colon and scheme.lower() not in {"smtp", "x500"}:
        return ""
    address = rest if colon else address
    return address.lower() if address.startswith("/") else normalise(address)


@dataclass(frozen=True)
class Directory:
    """Sorts addresses. Internal and partner domains include what lies below them."""

    internal_domains: frozenset[str]
    internal_addresses: frozenset[str] = frozenset()
    partner_domains: frozenset[str] = frozenset()
    basis: str = "configured"
    """How the internal domains came about, as the report says it."""

    listing: Listing = Listing()
    """What the address book says; it knows people better than their domains do."""

    _memo: dict[str, bool] = field(default_factory=dict, repr=False, compare=False)

    def primary(self, address: str) -> str:
        """Return the address that stands for whoever has this one: no alias, no plus-tag.

        Rows keep what the message says; a DN is looked up here, so that nothing stored depends on
        what the address book knew at the time.
        """
        bare = comparable(address)
        known = self.listing.primary
        return known.get(address) or known.get(bare, bare)

    def resolves(self, address: str) -> bool:
        """Tell whether it is known whose address this is; of a DN only the address book knows."""
        return not address.startswith("/") or address in self.listing.primary

    def is_internal(self, address: str) -> bool:
        """Tell whether an address, in normal form, belongs to the organisation.

        An Exchange DN does, unless the address book knows better: it names an entry of it.
        """
        if address.startswith(GROUP_MARK):
            return False
        whose = self.primary(address)
        if whose in self.listing.outsiders or whose in self.listing.mixed:
            return False
        if whose.startswith("/") or whose in self.listing.primary:
            return True
        if {address, whose} & self.internal_addresses:
            return True
        domain = domain_of(whose)
        known = self._memo.get(domain)
        if known is None:
            known = self._memo[domain] = within(domain, self.internal_domains)
        return known

    def is_external(self, address: str) -> bool:
        """Tell whether an address is neither internal nor a partner's; a group is neither."""
        if not address or address.startswith(GROUP_MARK) or self.is_internal(address):
            return False
        whose = self.primary(address)
        if whose in self.listing.mixed or is_mailing_list(whose):
            return False
        return not within(domain_of(whose), self.partner_domains)

    def reaches_outside(self, address: str) -> bool:
        """Tell whether what is sent to an address is read outside: by its owner or by a group."""
        whose = self.primary(address)
        if whose in self.listing.mixed or self.is_external(address):
            return True
        partner = within(domain_of(whose), self.partner_domains)
        return is_mailing_list(whose) and not (partner or self.is_internal(address))

    def classify(self, unique: pa.Array) -> pd.DataFrame:
        """Return a row for each address of `unique`, in its order.

        Columns: `primary` (str, the address that stands for its owner), `person` (int32, equal for
        addresses that are one person's), `internal`, `partner`, `external`, `webmail`, `role`,
        `group` (bool), `domain` (int32 code of the domain). An address is just one of internal,
        partner, external and group.
        """
        plain = unique.cast(pa.string())
        group = pc.starts_with(plain, GROUP_MARK).to_numpy(zero_copy_only=False).copy()
        bare = pc.replace_substring_regex(plain, _TAGGED, r"\1@")
        listed = outsider = np.zeros(len(plain), bool)
        if not self.listing.empty:
            known = self.listing.primary
            texts = zip(plain.to_pylist(), bare.to_pylist(), strict=True)
            bare = pa.array([known.get(a) or known.get(b, b) for a, b in texts], pa.string())
            listed = self._among(bare, known)
            outsider = self._among(bare, self.listing.outsiders)
            group |= self._among(bare, self.listing.mixed)
        domains = pc.replace_substring_regex(bare, r"^.*@", "").dictionary_encode()
        codes = domains.indices.to_numpy(zero_copy_only=False)
        names: list[str] = domains.dictionary.to_pylist()
        addressed = pc.match_substring(bare, "@").to_numpy(zero_copy_only=False)
        empty = (pc.utf8_length(plain).to_numpy(zero_copy_only=False) == 0) & ~group

        def by_domain(test: Iterable[bool]) -> np.ndarray:
            return np.fromiter(test, bool, len(names))[codes] if names else np.zeros(0, bool)

        internal = by_domain(within(n, self.internal_domains) for n in names) & addressed
        internal |= pc.starts_with(bare, "/").to_numpy(zero_copy_only=False) | listed
        if self.internal_addresses:
            own = pa.array(sorted(self.internal_addresses), pa.string())
            for form in (plain, bare):
                internal |= pc.is_in(form, own).to_numpy(zero_copy_only=False)
        internal &= ~outsider
        partner = by_domain(within(n, self.partner_domains) for n in names) & addressed & ~internal
        likely = by_domain(keeps_lists(n) for n in names) & addressed
        likely |= pc.match_substring_regex(bare, _list_hosts().endings).to_numpy(
            zero_copy_only=False
        )
        for at in np.flatnonzero(likely & ~(internal | partner | group)).tolist():
            group[at] = is_mailing_list(bare[at].as_py())
        return pd.DataFrame(
            {
                "primary": pd.Series(bare.to_pandas(), dtype="str"),
                "person": bare.dictionary_encode().indices.to_numpy(zero_copy_only=False),
                "internal": internal & ~group,
                "partner": partner & ~group,
                "external": ~(internal | partner | group | empty),
                "webmail": by_domain(n in webmail_domains() for n in names) & addressed,
                "role": pc.match_substring_regex(bare, role_pattern()).to_numpy(
                    zero_copy_only=False
                ),
                "group": group,
                "domain": codes,
            }
        )

    @staticmethod
    def _among(addresses: pa.Array, known: Mapping[str, str] | frozenset[str]) -> np.ndarray:
        return np.fromiter((a in known for a in addresses.to_pylist()), bool, len(addresses))


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
