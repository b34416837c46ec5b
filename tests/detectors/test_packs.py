"""Kinds of one's own: what a pack file gives, and why one is refused; regions and kinds."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from scanner.detectors import (
    PERSONAL_DATA,
    SENSITIVE_WORDS,
    Detectors,
    catalogue,
    compose,
    kinds,
    remembered,
)
from scanner.detectors.finder import PatternDetector
from scanner.detectors.packs import load_pack
from scanner.detectors.sensitive import ABOUT, SensitiveDetector
from scanner.errors import ConfigError
from scanner.messages import Document
from scanner.model import AttachedTable

HEAD = '[[kind]]\nid = "staff-number"\ntitle = "Staff numbers"\nexample = "ST-1234"\n'
CARE = (
    'language = "en"\n[foster-care]\ntitle = "foster care"\ndpc = 3\n'
    'strong = ["placement order"]\nwords = ["foster (?:carer|parent)s?"]\n'
)
STAFF = HEAD + "form = 'ST-[0-9]{4}'\n"


def pack(folder: Path, text: str) -> Path:
    """Return a pack file."""
    path = folder / "own.toml"
    path.write_text(text, "utf-8")
    return path


def personal(chosen: Detectors) -> PatternDetector:
    """Return the detector of patterns."""
    first = chosen.content[0]
    assert isinstance(first, PatternDetector)
    return first


def sensitive(chosen: Detectors) -> SensitiveDetector:
    """Return the detector of sensitive words."""
    second = chosen.content[1]
    assert isinstance(second, SensitiveDetector)
    return second


def found(path: Path, text: str) -> list[tuple[str, str]]:
    """Return kind and value of what a detector with a pack finds."""
    own = personal(compose(packs=[path]))
    assert own.values(text) == own.values(text, prefilter=False)
    return [(kind.id, value.value) for kind, value in own.values(text)]


@pytest.mark.parametrize(
    ("more", "text", "expected"),
    [
        pytest.param("", "see ST-1234.", ["ST1234"], id="form"),
        pytest.param("", "st-1234, ST-9999", ["ST1234", "ST9999"], id="two"),
        pytest.param("", "XST-1234 ST-12345", [], id="edges"),
        pytest.param(
            "names = ['staff (?:no|number)']\n", "staff no: ST-1234", ["ST1234"], id="name"
        ),
        pytest.param("names = ['staff (?:no|number)']\n", "part ST-1234", [], id="no-name"),
    ],
)
def test_own_kind(tmp_path: Path, more: str, text: str, expected: list[str]) -> None:
    """A pack's kind is found by its form, with a name beside it where it asks for one."""
    assert found(pack(tmp_path, STAFF + more), text) == [("staff-number", v) for v in expected]


def test_luhn(tmp_path: Path) -> None:
    """A check digit can be asked for."""
    path = pack(tmp_path, HEAD + "form = 'M[0-9]{8}'\ncheck = 'none'\n")
    assert len(found(path, "M12345678")) == 1
    path = pack(tmp_path, HEAD + "form = '77[0-9]{6}'\ncheck = 'luhn'\n")
    values = [
        v for kind, v in found(path, "x 77123457 x 77123458 x 77123450") if kind == "staff-number"
    ]
    assert len(values) <= 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("[[kind]\n", "own.toml", id="no-toml"),
        pytest.param("", "neither a [[kind]] table", id="empty"),
        pytest.param("[other]\n", "language: missing", id="other-table"),
        pytest.param("kind = 1\n", "kind: a pack has [[kind]]", id="kind-no-table"),
        pytest.param(f"#{'x' * 1_000_000}\n", "larger than 1,000,000", id="too-large"),
        pytest.param("x = " + "[" * 20_000, "no valid TOML", id="nested-toml"),
        pytest.param(STAFF * 201, "more than 200", id="many-kinds"),
        pytest.param(CARE.replace('"en"', '"english"'), "language: missing", id="language"),
        pytest.param(CARE.replace("title", "tittle"), "foster-care.title: missing", id="title"),
        pytest.param(CARE.replace("dpc = 3", "dpc = 5"), "foster-care.dpc: ", id="dpc-of-words"),
        pytest.param(CARE.replace("dpc = 3", "dpc = 'x'"), "foster-care.dpc: ", id="dpc-text"),
        pytest.param(CARE.replace("foster-care", "Foster"), "Foster: not kebab", id="category"),
        pytest.param(CARE.replace("strong", "sure"), "foster-care.sure: unknown key", id="sure"),
        pytest.param(CARE.replace('"placement order"', "1"), "not a list of words", id="no-word"),
        pytest.param(CARE.replace("s?", ".*"), "more than 100 characters", id="word-unbounded"),
        pytest.param(CARE.replace("s?", "(?:s?){9}"), "repeat within", id="word-nested"),
        pytest.param(CARE.replace("s?", "("), "foster-care.words: ", id="word-broken"),
        pytest.param(CARE.replace("order", "(?=x)y"), "Vectorscan refuses", id="word-ahead"),
        pytest.param('language = "en"\npeople = 3\n', "people: no list", id="people"),
        pytest.param(f'language = "en"\npeople = {["x"] * 5_001}\n', "more than 5,000", id="words"),
        pytest.param(HEAD, "form: missing", id="no-form"),
        pytest.param(STAFF + "colour = 1\n", "colour: unknown key", id="unknown"),
        pytest.param(STAFF + "names = 'x'\n", "names: not of type list", id="names"),
        pytest.param(STAFF + "names = [1]\n", "names: not a list of texts", id="names-numbers"),
        pytest.param(STAFF + "dpc = [3, 1]\n", "dpc: not two", id="dpc"),
        pytest.param(STAFF + "ei = [0, 1]\n", "ei: not two", id="ei"),
        pytest.param(STAFF + "check = 'md5'\n", "check: 'md5'", id="check"),
        pytest.param(STAFF + "region = 'mars'\n", "region: 'mars'", id="region"),
        pytest.param(STAFF + "confidence = 1.0\n", "confidence: 1.0", id="confidence"),
        pytest.param(STAFF.replace("staff-number", "Staff_1"), "kebab-case", id="id"),
        pytest.param(STAFF + STAFF, "'staff-number' stands twice", id="twice"),
        pytest.param(HEAD + "form = '[0-9'\n", "form: unterminated", id="broken"),
        pytest.param(HEAD + "form = '[0-9]+'\n", "more than 100 characters", id="unbounded"),
        pytest.param(HEAD + "form = 'a{0,5}'\n", "matches nothing", id="empty-match"),
        pytest.param(HEAD + "form = '(?:a{1,5}){1,9}'\n", "repeat within a repeat", id="nested"),
        pytest.param(HEAD + "form = '(?:a?){30}a{30}'\n", "repeat within a repeat", id="explodes"),
        pytest.param(HEAD + "form = '(a)b'\n", "groups are written", id="group"),
        pytest.param(HEAD + "form = '(?=a)abc'\n", "Vectorscan refuses", id="look-ahead"),
    ],
)
def test_refused(tmp_path: Path, text: str, reason: str) -> None:
    """What is wrong is told with its key, before anything is read."""
    with pytest.raises(ConfigError, match=r"own\.toml") as caught:
        load_pack(pack(tmp_path, text))
    assert reason in str(caught.value)


def test_no_such_file(tmp_path: Path) -> None:
    """A pack that is not there is an error of the configuration."""
    with pytest.raises(ConfigError):
        load_pack(tmp_path / "none.toml")


def test_a_pack_pickles(tmp_path: Path) -> None:
    """A detector with a pack works after a journey to a worker process."""
    path = pack(tmp_path, CARE + STAFF)
    chosen = compose(packs=[path])
    assert len(pickle.loads(pickle.dumps(personal(chosen))).values("ST-1234")) == 1
    assert pickle.loads(pickle.dumps(sensitive(chosen))).mentions("her placement order")


@pytest.mark.parametrize(
    ("regions", "without", "text", "expected"),
    [
        pytest.param(None, (), "PESEL 44051401359", ["polish-pesel"], id="all"),
        pytest.param(["uk"], (), "PESEL 44051401359", [], id="uk-only"),
        pytest.param(["uk"], (), "Visa 4111111111111111", ["payment-card"], id="any-stays"),
        pytest.param(["uk", "eu"], (), "PESEL 44051401359", ["polish-pesel"], id="two"),
        pytest.param(None, ["payment-card"], "Visa 4111111111111111", [], id="without"),
    ],
)
def test_regions_and_kinds(
    regions: list[str] | None, without: list[str], text: str, expected: list[str]
) -> None:
    """Kinds are switched off by region and one by one."""
    chosen = personal(compose(regions, without))
    assert [kind.id for kind, _ in chosen.values(text)] == expected


@pytest.mark.parametrize(
    ("regions", "without"),
    [pytest.param(["mars"], [], id="region"), pytest.param(None, ["none-such"], id="kind")],
)
def test_unknown_names_are_refused(regions: list[str] | None, without: list[str]) -> None:
    """A region or kind that does not exist is an error, not a silent gap."""
    with pytest.raises(ConfigError, match=r"mars|none-such"):
        compose(regions, without)


def test_every_kind_in_content_can_be_off() -> None:
    """Sensitive words and tables of people, too; visible lists are what the audit is for."""
    tables = [AttachedTable("a.xlsx", "", 40, 40, "rows")]
    document = Document("key", "", ["She has epilepsy and is in rent arrears"], [], tables=tables)

    def seen(*without: str) -> set[str]:
        content = compose(without=without).content
        return {f.kind for one in content for f in one.detect([document], str)}

    assert seen() == {"sensitive-health", "sensitive-money", "people-table"}
    assert seen("sensitive-health", "people-table") == {"sensitive-money"}
    assert "sensitive-health" not in {k.id for k in compose(without=["sensitive-health"]).kinds}
    with pytest.raises(ConfigError, match="visible-recipients"):
        compose(without=["visible-recipients"])


def test_own_words(tmp_path: Path) -> None:
    """A pack adds words to a category, and categories of its own, beside those of the program."""
    path = pack(tmp_path, CARE + '[abuse]\nwords = ["safe flat"]\n')
    own = sensitive(compose(packs=[path]))
    texts = {
        "the placement order for her son": "foster-care",
        "his foster carers": "foster-care",
        "Her safe flat": "abuse",
        "She has epilepsy": "health",
    }
    for text, category in texts.items():
        mentions = {(m.category, m.confidence >= ABOUT) for m in own.mentions(text)}
        assert (category, True) in mentions, text
    assert not own.mentions("no placement order for her son")
    assert not SENSITIVE_WORDS.mentions("the placement order")
    (finding,) = own.detect([Document("key", "", ["his placement order"], [])], str)
    assert (finding.kind, finding.why) == (
        "sensitive-foster-care", "1 mention of foster care, 1 beside a person",
    )  # fmt: skip


def test_a_word_with_accents(tmp_path: Path) -> None:
    """Words of any script are found as they are written."""
    text = 'language = "fr"\n[health]\nstrong = ["n\u00e9phrop[a\u00e0]thie"]\n'
    own = sensitive(compose(packs=[pack(tmp_path, text)]))
    (mention,) = own.mentions("Elle a une n\u00e9phropathie.")
    assert mention.category == "health"


@pytest.mark.parametrize("again", ["iban", "sensitive-health", "visible-recipients"])
def test_an_id_is_not_taken_twice(tmp_path: Path, again: str) -> None:
    """A kind of a pack that the program has already is refused, and one of two packs."""
    path = pack(tmp_path, STAFF.replace("staff-number", again))
    with pytest.raises(ConfigError, match=rf"detectors\.packs: '{again}'"):
        compose(packs=[path])
    path = pack(tmp_path, STAFF)
    with pytest.raises(ConfigError, match="staff-number"):
        compose(packs=[path, path])


def test_kinds_of_packs_are_remembered(tmp_path: Path) -> None:
    """What a pack's kind is outlives the pack; what the program knows itself goes first."""
    first = compose(packs=[pack(tmp_path, CARE + STAFF)]).own
    kept = remembered(first, None)
    again = remembered(compose(packs=[pack(tmp_path, STAFF.replace("Staff", "Our"))]).own, kept)
    known = {kind.id: kind for kind in kinds(again)}
    assert known["staff-number"].title == "Our numbers"
    assert known["sensitive-foster-care"].context_only
    assert (known["sensitive-foster-care"].dpc, known["staff-number"].ei) == ((1, 3), (0.25, 0.75))
    assert remembered((), again) == again
    assert {kind.id for kind in kinds()} == {kind.id for kind in kinds("[]")}


def test_catalogue() -> None:
    """Each kind has a row with what it needs and an example."""
    rows = catalogue()
    assert {row.on for row in rows} == {"on"}
    assert [row.kind for row in rows] == [kind.id for kind in kinds()]
    assert all(row.title and row.example and row.region for row in rows)
    own = {kind.id for kind in (*PERSONAL_DATA.kinds, *SENSITIVE_WORDS.kinds)}
    assert all(row.needs for row in rows if row.kind in own)


def test_the_catalogue_of_a_configuration(tmp_path: Path) -> None:
    """It tells what is off, and what comes from packs."""
    path = pack(tmp_path, CARE + STAFF)
    rows = {row.kind: row for row in catalogue(compose(["uk"], ["ip-address"], [path]))}
    assert rows["staff-number"].on == rows["sensitive-foster-care"].on == "own"
    assert rows["ip-address"].on == rows["polish-pesel"].on == "off"
    assert rows["nhs-number"].on == rows["visible-recipients"].on == "on"
    assert rows["staff-number"].example == "ST-1234"
