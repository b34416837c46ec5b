"""Who belongs to the organisation, to a partner or to neither; webmail, roles and groups."""

from __future__ import annotations

import pickle
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.addresses import comparable
from scanner.directory import GROUP_MARK, Directory, Entry, Group, Listing, infer, within

DIRECTORY = Directory(
    frozenset({"org.example", "xn--bcher-kva.example"}),
    frozenset({"chair@gmail.com"}),
    frozenset({"partner.example"}),
)

SIDES = {
    "a@org.example": "internal",
    "a@sub.org.example": "internal",
    "a@deep.sub.org.example": "internal",
    "a+tag@org.example": "internal",
    "a@xn--bcher-kva.example": "internal",
    "chair@gmail.com": "internal",
    "chair+board@gmail.com": "internal",
    "/o=org/cn=recipients/cn=jd": "internal",
    "imceaex-_o=org_cn=jd@org.example": "internal",
    "a@partner.example": "partner",
    "a@eu.partner.example": "partner",
    "a@notorg.example": "external",
    "a@org.example.evil.example": "external",
    "a@org-example": "external",
    "a@orgexample": "external",
    "a@example": "external",
    "a@org.example@evil.example": "external",
    "org.example@evil.example": "external",
    "a@notpartner.example": "external",
    "vicechair@gmail.com": "external",
    "chair@mail.gmail.com": "external",
    "a@": "external",
    "housing-law@lists.bar.example": "group",
    "anna@lists.bar.example": "group",
    "tenants@groups.town.example": "group",
    "any@googlegroups.com": "group",
    "any@sub.groups.io": "group",
    "foodbanks-l@pantry.example": "group",
    "stewards-announce@club.example": "group",
    "info@lists.co.uk": "external",
    "info@lists.example": "external",
    "a@mylists.bar.example": "external",
    "anna-l@firm.example": "external",
    "tom-l@gmail.com": "external",
    "foodbanks-l@gmail.com": "external",
    "l@firm.example": "external",
    "hall@firm.example": "external",
    "a@lists.org.example": "internal",
    "all-staff-list@org.example": "internal",
    "all-l@partner.example": "partner",
    GROUP_MARK + "tenants": "group",
    GROUP_MARK + "all@org.example": "group",
    GROUP_MARK + "all@evil.example": "group",
    GROUP_MARK: "group",
    "": "nobody",
}
"""An address, and which side it is on; near misses beside hits."""


@pytest.mark.parametrize(("address", "side"), SIDES.items())
def test_sides(address: str, side: str) -> None:
    """An address is on one side only, in the vectorised form and in the single one alike."""
    row = DIRECTORY.classify(pa.array([address])).iloc[0]
    sides = [name for name in ("internal", "partner", "external", "group") if row[name]]
    assert sides == ([side] if side != "nobody" else [])
    assert DIRECTORY.is_internal(address) == (side == "internal")
    assert DIRECTORY.is_external(address) == (side == "external")


@pytest.mark.parametrize(
    ("address", "outside"),
    [
        ("law@lists.bar.example", True),
        ("a@lists.org.example", False),
        ("a-l@partner.example", False),
    ],
)
def test_a_mailing_list_is_read_outside(address: str, outside: bool) -> None:
    """What goes to a list elsewhere is read by people outside, nobody knows how many."""
    assert DIRECTORY.reaches_outside(address) == outside


def test_internal_wins_over_partner() -> None:
    """A partner's domain below the organisation's own is the organisation."""
    both = Directory(frozenset({"org.example"}), partner_domains=frozenset({"p.org.example"}))
    row = both.classify(pa.array(["a@p.org.example"])).iloc[0]
    assert (row["internal"], row["partner"]) == (True, False)


@pytest.mark.parametrize(
    ("address", "webmail"),
    [
        ("a@gmail.com", True),
        ("a+b@btinternet.com", True),
        ("chair@gmail.com", True),
        ("a@mail.gmail.com", False),
        ("a@notgmail.com", False),
        ("a@gmail.com.evil.example", False),
        ("gmail.com@x.example", False),
        ("gmail.com", False),
        ("a@org.example", False),
    ],
)
def test_webmail(address: str, webmail: bool) -> None:
    """Private webmail is a provider's own domain, not one that looks like it."""
    assert DIRECTORY.classify(pa.array([address]))["webmail"].tolist() == [webmail]


@pytest.mark.parametrize(
    "local",
    ["info", "info2", "info-2", "info.uk", "info_uk", "info-uk", "info+ticket", "no-reply",
     "mailer-daemon", "hr", "housing.team", "customer.services", "newsdesk", "it"],
)  # fmt: skip
def test_role(local: str) -> None:
    """An address that begins with the word of a function is a function's."""
    assert DIRECTORY.classify(pa.array([f"{local}@x.example"]))["role"].tolist() == [True]


@pytest.mark.parametrize(
    "local",
    ["infomercial", "jane.info", "inform", "itsy", "hrvoje", "lister", "salesh", "j.sales",
     "information2go", "postman", "editha", "lawson", "carey", "+info", "x+info"],
)  # fmt: skip
def test_no_role(local: str) -> None:
    """A word that only begins like a function's, or stands behind a name, is a person's."""
    assert DIRECTORY.classify(pa.array([f"{local}@x.example"]))["role"].tolist() == [False]


@given(
    st.lists(st.from_regex(r"\+?[ab]{1,2}(\+[ab]?){0,2}@[xy]\.example", fullmatch=True), max_size=8)
)
def test_one_person_has_one_code(addresses: list[str]) -> None:
    """Two addresses are one person just where their comparable forms are equal."""
    person = DIRECTORY.classify(pa.array(addresses, pa.string()))["person"].tolist()
    forms = [comparable(address) for address in addresses]
    assert [a == b for a in person for b in person] == [a == b for a in forms for b in forms]


def test_rows_follow_the_input() -> None:
    """There is a row for each address, repeated ones included, and none for none."""
    table = DIRECTORY.classify(pa.array(["b@x.example", "a@y.example", "c@x.example"]))
    assert table["domain"].tolist() == [0, 1, 0]
    repeated = pa.array(["a@x.example", "a@x.example"]).dictionary_encode()
    assert len(DIRECTORY.classify(repeated)) == 2
    assert DIRECTORY.classify(pa.array([], pa.string())).empty


@pytest.mark.parametrize(
    ("domain", "expected"),
    [("org.example", True), ("a.b.org.example", True), ("notorg.example", False),
     ("example", False),
     ("org.example.", False), ("", False), (".org.example", True), ("." * 1_000, False)],
)  # fmt: skip
def test_within(domain: str, expected: bool) -> None:
    """A domain lies within another at a dot only."""
    assert within(domain, frozenset({"org.example"})) == expected


def test_infer() -> None:
    """Owners' domains are internal, a webmail owner by address alone, and the basis says so."""
    owners = ["jo@calder.example", "SAM@Calder.example", "Me+x@gmail.com", "Archive 2025", ""]
    found = infer(owners, ["partner.example"])
    assert found.internal_domains == {"calder.example"}
    assert found.partner_domains == {"partner.example"}
    assert found.is_internal("me@gmail.com")
    assert found.is_internal("me+y@gmail.com")
    assert found.is_external("you@gmail.com")
    assert found.basis == (
        "inferred from the owners of the mailboxes: calder.example, me@gmail.com"
    )


def test_infer_from_nothing() -> None:
    """Without an owner nobody is internal, and the basis says that."""
    found = infer([])
    assert found.is_external("a@x.example")
    assert found.basis.endswith(": none")


DN = "/o=calder/ou=exchange/cn=recipients/cn=jo"
LISTING = Listing.of(
    ["org.example"],
    [
        Entry("person", "Jo@org.example", ["SMTP:jo@org.example", "smtp:j.roe@old.example",
              f"X500:{DN.upper()}", "SIP:jo@sip.example", "eum:1;phone-context=x"]),
        Entry("outsider", "guest@webmail.example", ["guest_webmail.example#EXT#@org.example"]),
        Entry("outsider", "contractor@org.example", ["x500:/o=calder/cn=contractor"]),
        Entry("group", "staff@org.example", [], Group(12)),
        Entry("group", "board@org.example", ["smtp:trustees@org.example"], Group(6, 2)),
        Entry("group", "secret@org.example", [], Group(hidden=True)),
        Entry("person", "", ["smtp:nobody@org.example"]),
    ],
)  # fmt: skip
LISTED = Directory(frozenset(), frozenset(), frozenset({"old.example"}), "", LISTING)


@pytest.mark.parametrize(
    ("address", "side", "whose"),
    [
        ("jo@org.example", "internal", "jo@org.example"),
        ("j.roe@old.example", "internal", "jo@org.example"),
        ("jo+news@org.example", "internal", "jo@org.example"),
        (DN, "internal", "jo@org.example"),
        (f"{DN}2", "internal", f"{DN}2"),
        ("guest_webmail.example#ext#@org.example", "external", "guest@webmail.example"),
        ("contractor@org.example", "external", "contractor@org.example"),
        ("/o=calder/cn=contractor", "external", "contractor@org.example"),
        ("staff@org.example", "internal", "staff@org.example"),
        ("secret@org.example", "internal", "secret@org.example"),
        ("trustees@org.example", "group", "board@org.example"),
        ("jo@sip.example", "external", "jo@sip.example"),
        ("x@old.example", "partner", "x@old.example"),
        ("nobody@org.example", "external", "nobody@org.example"),
    ],
)
def test_an_address_book_knows_better(address: str, side: str, whose: str) -> None:
    """Aliases and DNs are their owner's; guests and contacts are external, mixed groups neither."""
    row = LISTED.classify(pa.array([address])).iloc[0]
    sides = [name for name in ("internal", "partner", "external", "group") if row[name]]
    assert (sides, row["primary"], LISTED.primary(address)) == ([side], whose, whose)
    assert LISTED.is_internal(address) == (side == "internal")
    assert LISTED.is_external(address) == (side == "external")
    assert LISTED.reaches_outside(address) == (side in {"external", "group"})


def test_aliases_are_one_person() -> None:
    """All addresses of one owner have one code."""
    found = LISTED.classify(pa.array([DN, "jo@org.example", "j.roe@old.example", "a@b.example"]))
    codes = found["person"].tolist()
    assert (len(set(codes[:3])), codes[3] in codes[:3]) == (1, False)


def test_unresolved_names() -> None:
    """Only an Exchange DN that no entry explains is unresolved."""
    assert [LISTED.resolves(a) for a in (DN, f"{DN}2", "a@b.example")] == [True, False, True]


def test_a_listing_is_kept_in_a_file(tmp_path: Path) -> None:
    """What was saved is loaded alike, by a worker process too, and only its owner may read it."""
    kept = LISTING.save(tmp_path / "book" / "a.json")
    assert (kept, kept.fingerprint()) == (LISTING, LISTING.fingerprint())
    assert pickle.loads(pickle.dumps(kept)) is kept
    assert pickle.loads(pickle.dumps(LISTING)) == LISTING
    assert len(pickle.dumps(kept)) < 300
    assert (tmp_path / "book" / "a.json").stat().st_mode & 0o77 == 0


def test_two_address_books_are_one() -> None:
    """What either says is known; where both speak of an address, the first counts."""
    other = Listing.of(["b.example"], [Entry("person", "x@b.example", ["j.roe@old.example"])])
    both = LISTING.merged(other)
    assert both.domains == {"org.example", "b.example"}
    assert both.primary["x@b.example"] == "x@b.example"
    assert both.primary["j.roe@old.example"] == "jo@org.example"
    assert both.fingerprint() != LISTING.fingerprint()
