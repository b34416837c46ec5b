"""Address lists as people and programs write them, normal forms, and what shows a name."""

from __future__ import annotations

import email.utils
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scanner.addresses import (
    Address,
    comparable,
    domain_of,
    entry,
    normalise,
    one_line,
    parse_list,
    shows_name,
)
from scanner.directory import role_words

A, B = "a@x.example", "b@x.example"
DN = "/O=ORG/OU=X/CN=RECIPIENTS/CN=JD"


def person(name: str, address: str) -> Address:
    """Return an entry that was written in its normal form."""
    return Address(name, address, "smtp")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param("a@x.example", [person("", A)], id="bare"),
        pytest.param("<a@x.example>", [person("", A)], id="brackets-only"),
        pytest.param("Jane Doe <a@x.example>", [person("Jane Doe", A)], id="name"),
        pytest.param('"Doe, Jane" <a@x.example>', [person("Doe, Jane", A)], id="quoted-comma"),
        pytest.param('"Doe; J <x>" <a@x.example>', [person("Doe; J <x>", A)], id="quoted-signs"),
        pytest.param(r'"a\"b" <a@x.example>', [person('a"b', A)], id="quoted-quote"),
        pytest.param("'Jane' <a@x.example>", [person("Jane", A)], id="single-quotes"),
        pytest.param("a@x.example (Jane Doe)", [person("Jane Doe", A)], id="comment-is-name"),
        pytest.param("(Jane) a@x.example", [person("Jane", A)], id="comment-first"),
        pytest.param("Jane <a@x.example> (work)", [person("Jane", A)], id="comment-beside-name"),
        pytest.param("Jane (x, y) Doe <a@x.example>", [person("Jane Doe", A)], id="comment-comma"),
        pytest.param("<a@x.example> Jane", [person("Jane", A)], id="name-behind"),
        pytest.param("a@x.example <a@x.example>", [person("", A)], id="name-is-address"),
        pytest.param("'A@x.example' <a@x.example>", [person("", A)], id="quoted-name-is-address"),
        pytest.param("b@x.example <a@x.example>", [person(B, A)], id="name-is-another-address"),
        pytest.param("Jane Doe a@x.example", [person("Jane Doe", A)], id="no-brackets"),
        pytest.param("Jane Doe [a@x.example]", [person("Jane Doe", A)], id="square-brackets"),
        pytest.param("a@[192.0.2.1]", [person("", "a@[192.0.2.1]")], id="address-literal"),
        pytest.param("<@relay.example:a@x.example>", [person("", A)], id="route"),
        pytest.param("a@\n x.example", [person("", A)], id="folded-at"),
        pytest.param("Jane <a @ x.example>", [person("Jane", A)], id="spaces-around-at"),
        pytest.param(
            '"john smith"@x.example', [person("", "john smith@x.example")], id="quoted-local-part"
        ),
        pytest.param(
            "b1=bounce=tag@x.example", [person("", "b1=bounce=tag@x.example")], id="equals-signs"
        ),
    ],
)
def test_one_person(header: str, expected: list[Address]) -> None:
    """One person is one entry, however the entry is written."""
    assert expected == parse_list(header)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param("a@x.example,b@x.example", [("", A), ("", B)], id="commas"),
        pytest.param("a@x.example; b@x.example;", [("", A), ("", B)], id="semicolons"),
        pytest.param(",, a@x.example ,, b@x.example ,", [("", A), ("", B)], id="empty-between"),
        pytest.param("a@x.example b@x.example", [("", A), ("", B)], id="no-comma"),
        pytest.param("a@x.example\n\tb@x.example", [("", A), ("", B)], id="line-break-no-comma"),
        pytest.param("<a@x.example> <b@x.example>", [("", A), ("", B)], id="brackets-no-comma"),
        pytest.param("<>, a@x.example", [("", A)], id="null-address"),
        pytest.param("Jo <a@x.example, b@x.example", [("Jo", A), ("", B)], id="bracket-not-closed"),
        pytest.param('"Jo <a@x.example>, b@x.example', [("Jo", A), ("", B)], id="quote-not-closed"),
        pytest.param('Jo" <a@x.example>, b@x.example', [("Jo", A), ("", B)], id="quote-not-opened"),
        pytest.param(
            "a@x.example (Jo, b@x.example", [("(Jo", A), ("", B)], id="comment-not-closed"
        ),
        pytest.param(
            "=?utf-8?q?Doe,_Jane?= <a@x.example>, b@x.example",
            [("=?utf-8?q?Doe,_Jane?=", A), ("", B)],
            id="comma-in-encoded-word",
        ),
        pytest.param(
            "=?utf-8?q?Doe, a@x.example, b@x.example",
            [("=?utf-8?q?Doe", ""), ("", A), ("", B)],
            id="encoded-word-not-closed",
        ),
        pytest.param("Board, a@x.example", [("Board", ""), ("", A)], id="bare-name"),
        pytest.param("Doe, Jo <a@x.example>", [("Doe", ""), ("Jo", A)], id="name-not-quoted"),
        pytest.param("Team: a@x.example, b@x.example;", [("", A), ("", B)], id="group-members"),
        pytest.param("Team: a@x.example; b@x.example", [("", A), ("", B)], id="behind-a-group"),
        pytest.param("Team: Jo <a@x.example>", [("Jo", A)], id="group-not-closed"),
        pytest.param("mailto:a@x.example, MAILTO:b@x.example", [("", A), ("", B)], id="mailto"),
        pytest.param("", [], id="empty"),
        pytest.param(' ,;<>""()@ ', [], id="signs-only"),
        pytest.param("@x.example", [], id="no-local-part"),
    ],
)
def test_lists(header: str, expected: list[tuple[str, str]]) -> None:
    """Entries part at commas, semicolons or where a second address begins; nobody is lost."""
    assert expected == [(found.name, found.address) for found in parse_list(header)]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param("Tenants:;", [Address("Tenants", "", "group")], id="empty-group"),
        pytest.param('"Our, Tenants": ;', [Address("Our, Tenants", "", "group")], id="quoted"),
        pytest.param(
            "Tenants:;, Board:;",
            [Address("Tenants", "", "group"), Address("Board", "", "group")],
            id="two-groups",
        ),
        pytest.param("Tenants", [Address("Tenants", "", "none")], id="bare-name"),
        pytest.param("Tenants <>", [Address("Tenants", "", "none")], id="name-null-address"),
        pytest.param("undisclosed-recipients:;", [], id="undisclosed"),
        pytest.param("Undisclosed recipients: ;", [], id="undisclosed-spaced"),
        pytest.param('"Undisclosed-Recipient"@x.example', [
            Address("", "undisclosed-recipient@x.example", "smtp")
        ], id="undisclosed-as-an-address"),
        pytest.param("unlisted-recipients:; (no To-header on input)", [], id="unlisted"),
        pytest.param(
            DN,
            [Address("", DN.lower(), "ex", DN)],
            id="exchange-dn",
        ),
        pytest.param(
            "Jane </o=Org/cn=jd>", [Address("Jane", "/o=org/cn=jd", "ex", "/o=Org/cn=jd")],
            id="exchange-dn-name",
        ),
        pytest.param("/office", [Address("/office", "", "none")], id="no-exchange-dn"),
        pytest.param(
            "IMCEAEX-_O=ORG_CN=JD@x.example",
            [Address("", "imceaex-_o=org_cn=jd@x.example", "smtp")],
            id="encapsulated-dn",
        ),
    ],
)  # fmt: skip
def test_not_an_address(header: str, expected: list[Address]) -> None:
    """A group, a bare name and an Exchange DN are told apart; hidden recipients are nobody."""
    assert expected == parse_list(header)


def test_raw_keeps_what_the_normal_form_loses() -> None:
    """An entry as written is kept where more than its case was changed."""
    assert entry("", "a@BÜCHER.example") == (
        "",
        "a@xn--bcher-kva.example",
        "smtp",
        "a@BÜCHER.example",
    )
    assert not entry("", "A@X.example").raw


_local = st.from_regex(r"[A-Za-z][A-Za-z0-9_.+=-]{0,12}[a-z0-9]", fullmatch=True)
_domain = st.from_regex(r"[a-z][a-z0-9-]{0,8}[a-z0-9]\.example", fullmatch=True)
_address = st.builds(lambda local, domain: f"{local}@{domain}", _local, _domain)
_name = st.from_regex(r"[A-Za-z][A-Za-z]{0,9}( [A-Za-z]{1,9}){0,2}", fullmatch=True)


@given(st.lists(st.tuples(st.one_of(st.just(""), _name), _address), max_size=8))
def test_plain_lists_read_as_the_standard_library_reads_them(people: list[tuple[str, str]]) -> None:
    """On a plain list the standard library agrees, entry by entry."""
    header = ", ".join(email.utils.formataddr(pair) for pair in people)
    expected = [(n, a.lower()) for n, a in email.utils.getaddresses([header]) if a]
    assert expected == [(found.name, found.address) for found in parse_list(header)]


@given(st.lists(st.tuples(st.text('ab"\\,;:<>@() ', max_size=9), _address), max_size=5))
def test_every_quoted_entry_is_found(people: list[tuple[str, str]]) -> None:
    """Whatever stands in a quoted name, each address behind one is found, in order."""
    quoted = [(name.replace("\\", r"\\").replace('"', r"\""), address) for name, address in people]
    header = ", ".join(f'"{name}" <{address}>' for name, address in quoted)
    assert [address.lower() for _, address in people] == [e.address for e in parse_list(header)]


@given(st.text())
@example('"\\')
@example("=?a?q?")
@example("a:;b:;@")
def test_any_text_is_a_list(text: str) -> None:
    """No text raises, and each entry of it says something on one printable line."""
    for found in parse_list(text):
        assert found.name or found.address
        assert found.address == "" or found.kind in {"smtp", "ex"}
        assert one_line(found.name + found.address) == found.name + found.address


HOSTILE = [
    "(",
    "<",
    '"',
    "\\",
    '"\\',
    "a:",
    "@",
    ",",
    ";",
    "a@b,",
    "a@b ",
    "a:;",
    "\\(",
    "=?",
    "[",
    " @ ",
]


def took(text: str) -> float:
    """Return the processor time of parsing a list, the less of two."""
    times = []
    for _ in range(2):
        begin = time.process_time()
        parse_list(text)
        times.append(time.process_time() - begin)
    return min(times)


@pytest.mark.timed
@pytest.mark.usefixtures("own_heap")
@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_lists_take_linear_time(piece: str) -> None:
    """100 kB of one repeated piece take no second, and twice as much not four times as long."""
    text = (piece * 100_000)[:100_000]
    once = took(text)
    assert once < 1.5
    assert took(text * 2) < 3.5 * once + 0.1


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param("A.B@X.Example", "a.b@x.example", id="case"),
        pytest.param(" <a@x.example> ".strip(" <>"), A, id="spaces"),
        pytest.param("\"a@x.example\"", A, id="quotes"),
        pytest.param("'a@x.example'", A, id="single-quotes"),
        pytest.param('"john.smith"@x.example', "john.smith@x.example", id="quoted-local-part"),
        pytest.param("mailto:A@x.example", A, id="mailto"),
        pytest.param("a@x.example.", A, id="final-dot"),
        pytest.param("a@BÜCHER.example", "a@xn--bcher-kva.example", id="idna"),
        pytest.param("a@xn--bcher-kva.example", "a@xn--bcher-kva.example", id="idna-encoded"),
        pytest.param("a@x。example", A, id="full-width-dot"),
        pytest.param("Ä@x.example", "ä@x.example", id="local-part-stays-unicode"),
        pytest.param("a+News@x.example", "a+news@x.example", id="plus-tag-stays"),
        pytest.param("a@x..é", "a@x..é", id="no-valid-domain"),
        pytest.param(f"a@{'é' * 80}.example", f"a@{'é' * 80}.example", id="label-too-long"),
        pytest.param("a@\ud800.example", "a@\ud800.example", id="lone-surrogate"),
        pytest.param("", "", id="empty"),
    ],
)  # fmt: skip
def test_normalise(address: str, expected: str) -> None:
    """Spellings of one address have one normal form; what has none stays as it is."""
    assert expected == normalise(address)
    assert expected == normalise(expected)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param("a+news@x.example", A, id="tag"),
        pytest.param("a+b+c@x.example", A, id="two-tags"),
        pytest.param("a+@x.example", A, id="empty-tag"),
        pytest.param("+a@x.example", "+a@x.example", id="nothing-before-the-tag"),
        pytest.param("a-news@x.example", "a-news@x.example", id="hyphen"),
        pytest.param("a@x+y.example", "a@x+y.example", id="plus-in-domain"),
        pytest.param("group:a+b", "group:a+b", id="group"),
    ],
)
def test_comparable(address: str, expected: str) -> None:
    """Only a plus-tag in the local part is taken away, and never the whole of it."""
    assert expected == comparable(address)
    assert expected == comparable(expected)


@pytest.mark.parametrize(
    ("address", "expected"),
    [("a@b@x.example", "x.example"), ("a", ""), ("", ""), ("group:jo", "")],
)
def test_domain_of(address: str, expected: str) -> None:
    """The domain follows the last `@`; without one there is none."""
    assert expected == domain_of(address)


@pytest.mark.parametrize(
    ("address", "display"),
    [
        pytest.param("jane.doe@x.example", "", id="dot"),
        pytest.param("jane_doe@x.example", "", id="underscore"),
        pytest.param("jean-luc@x.example", "", id="hyphen"),
        pytest.param("mary.ann.smith82@x.example", "", id="three-words-digits"),
        pytest.param("jane.doe+tag@x.example", "", id="tagged"),
        pytest.param("janedoe82@x.example", "", id="given-name-and-letters"),
        pytest.param("x1@x.example", "Jane Doe", id="display-name"),
        pytest.param("x1@x.example", "Doe, Jane", id="display-name-turned"),
        pytest.param("x1@x.example", "Zoë O'Neill", id="display-name-accents"),
        pytest.param("x1@x.example", "Зоя Иванова", id="cyrillic"),
        pytest.param("info@x.example", "Jane Doe", id="person-behind-a-role-address"),
        pytest.param("", "Jane Doe", id="name-alone"),
    ],
)
def test_shows_a_name(address: str, display: str) -> None:
    """Two name-like words, or a given name with more letters, show who it is."""
    assert shows_name(address, display, role_words())


@pytest.mark.parametrize(
    ("address", "display"),
    [
        pytest.param("jane@x.example", "", id="given-name-alone"),
        pytest.param("jane82@x.example", "", id="given-name-digits"),
        pytest.param("jdoe@x.example", "", id="initial-and-name-run-together"),
        pytest.param("j.doe@x.example", "", id="initial-short-name"),
        pytest.param("j.doherty@x.example", "", id="initial-long-name"),
        pytest.param("jd82@x.example", "", id="initials"),
        pytest.param("a.b.c@x.example", "", id="letters"),
        pytest.param("bluesky@x.example", "", id="one-word"),
        pytest.param("tag+jane.doe@x.example", "", id="name-in-the-tag-only"),
        pytest.param("info.desk@x.example", "", id="role"),
        pytest.param("customer.services@x.example", "", id="role-two-words"),
        pytest.param("info@x.example", "Info Desk", id="role-name"),
        pytest.param("x1@x.example", "Sales Team", id="role-words-only"),
        pytest.param("x1@x.example", "Jane", id="one-name"),
        pytest.param("x1@x.example", "J Doe", id="initial"),
        pytest.param("x1@x.example", "Flat 12 Mill Lane", id="name-with-digits"),
        pytest.param("x1@x.example", "jane.doe@y.example", id="name-is-an-address"),
        pytest.param("1234567@x.example", "", id="number"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_shows_no_name(address: str, display: str) -> None:
    """Initials, one word, a role or a number do not show who it is."""
    assert not shows_name(address, display, role_words())
