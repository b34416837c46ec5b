"""Kinds of one's own: what a pack file gives, and why one is refused; regions and kinds."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from scanner.detectors import PERSONAL_DATA, SENSITIVE_WORDS, catalogue, detector, kinds
from scanner.detectors.packs import load_pack
from scanner.errors import ConfigError

HEAD = '[[kind]]\nid = "staff-number"\ntitle = "Staff numbers"\nexample = "ST-1234"\n'
STAFF = HEAD + "form = 'ST-[0-9]{4}'\n"


def pack(folder: Path, text: str) -> Path:
    """Return a pack file."""
    path = folder / "own.toml"
    path.write_text(text, "utf-8")
    return path


def found(path: Path, text: str) -> list[tuple[str, str]]:
    """Return kind and value of what a detector with a pack finds."""
    own = detector(packs=load_pack(path))
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
        pytest.param("", "kind: no", id="empty"),
        pytest.param("[other]\n", "unknown key 'other'", id="other-table"),
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
    own = detector(packs=load_pack(pack(tmp_path, STAFF)))
    assert len(pickle.loads(pickle.dumps(own)).values("ST-1234")) == 1


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
    assert [kind.id for kind, _ in detector(regions, without).values(text)] == expected


@pytest.mark.parametrize(
    ("regions", "without"),
    [pytest.param(["mars"], [], id="region"), pytest.param(None, ["none-such"], id="kind")],
)
def test_unknown_names_are_refused(regions: list[str] | None, without: list[str]) -> None:
    """A region or kind that does not exist is an error, not a silent gap."""
    with pytest.raises(ConfigError, match=r"mars|none-such"):
        detector(regions, without)


def test_catalogue() -> None:
    """Each kind has a row with what it needs and an example."""
    rows = catalogue()
    assert [row.kind for row in rows] == [kind.id for kind in kinds()]
    assert all(row.title and row.example and row.region for row in rows)
    own = {kind.id for kind in (*PERSONAL_DATA.kinds, *SENSITIVE_WORDS.kinds)}
    assert all(row.needs for row in rows if row.kind in own)
