"""An encrypted workspace: what its files hold, and who can open them."""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from scanner.crypto import Cipher, Vault
from scanner.crypto.envelope import MasterKey
from scanner.errors import StoreError
from scanner.store import Workspace, columns

KEY = MasterKey(b"k" * 32, {"env": "AUDIT_KEY"})
OTHER = MasterKey(b"o" * 32, {"file": "/keys/other.key"})


# --- one cipher ---


@pytest.mark.parametrize("text", ["", "Jo", "Zoë \U0001f600", "\x1f\0", "a" * 100_000])
def test_what_is_sealed_opens(text: str) -> None:
    """A sealed text opens to what it was, and no two seals of it are alike; its veils are."""
    cipher = Cipher(b"x" * 32)
    sealed = {cipher.seal(text, "t.c", "row") for _ in range(3)}
    assert len(sealed) == 3
    assert {cipher.open(one, "t.c", "row") for one in sealed} == {text}
    assert cipher.unveil(cipher.veil(text)) == text
    assert cipher.veil(text) == Cipher(b"x" * 32).veil(text) != Cipher(b"y" * 32).veil(text)
    assert cipher.open_file(cipher.seal_file(text.encode(), "a.json"), "a.json") == text.encode()


@pytest.mark.parametrize(
    "elsewhere",
    [
        pytest.param(lambda c, s: c.open(s, "t.c", "another row"), id="row"),
        pytest.param(lambda c, s: c.open(s, "t.d", "row"), id="column"),
        pytest.param(lambda _, s: Cipher(b"y" * 32).open(s, "t.c", "row"), id="key"),
        pytest.param(lambda c, s: c.open(s[:-8] + "AAAAAAA=", "t.c", "row"), id="changed"),
        pytest.param(lambda c, s: c.open("", "t.c", "row") and s, id="blanked"),
        pytest.param(lambda c, s: c.open(s[:8], "t.c", "row"), id="cut"),
        pytest.param(lambda c, s: c.unveil(s), id="as-a-name"),
        pytest.param(lambda c, s: c.unveil(c.seal("other", "t.c", "row")) and s, id="no-name"),
    ],
)
def test_a_sealed_value_opens_at_its_place_only(
    elsewhere: Callable[[Cipher, str], str],
) -> None:
    """A value that is changed, or put into another column, row or workspace, does not open."""
    cipher = Cipher(b"x" * 32)
    with pytest.raises(ValueError, match="not sealed"):
        elsewhere(cipher, cipher.seal("Arrears of Jo", "t.c", "row"))


def test_keys_do_not_show() -> None:
    """Neither a vault nor a master key tells its key when it is printed; both pickle whole."""
    vault = Vault(b"p" * 32, (b"d" * 32,), plain=False)
    for thing, secret in ((vault, b"d" * 32), (vault, b"p" * 32), (KEY, KEY.secret)):
        shown = repr(thing)
        assert secret.decode() not in shown
        assert secret.hex() not in shown
    assert pickle.loads(pickle.dumps(vault)) == vault
    assert vault.ciphers.keys() == pickle.loads(pickle.dumps(vault)).ciphers.keys()


# --- what the state seals ---


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[Workspace]:
    """Yield a new encrypted workspace."""
    with Workspace(tmp_path / "ws", create=True, key=KEY) as opened:
        yield opened


def test_every_text_of_the_state_is_accounted_for(sealed: Workspace) -> None:
    """Each column that can hold text is sealed, veiled, or said to be plain; none is forgotten."""
    texts, declared = set(), set()
    with closing(sqlite3.connect(sealed.root / "state.sqlite")) as state:
        for (table,) in state.execute("SELECT name FROM sqlite_schema WHERE type = 'table'"):
            for _, column, kind, *_ in state.execute(f"PRAGMA table_info({table})"):
                if kind not in {"INTEGER", "REAL"}:
                    texts.add((table, column))
    groups = [{t: names for t, (_, names) in columns.SEALED.items()}, columns.VEILED, columns.PLAIN]
    for group in groups:
        for table, names in group.items():
            for name in names:
                assert (table, name) not in declared
                declared.add((table, name))
    assert texts == declared


def test_a_state_cannot_be_rearranged(sealed: Workspace) -> None:
    """A value that is moved to another row is refused, as damage, and is not shown."""
    sealed.put_meta({"one": "first", "two": "second"})
    with closing(sqlite3.connect(sealed.root / "state.sqlite")) as state, state:
        state.execute(
            "UPDATE meta SET value = (SELECT value FROM meta WHERE key = 'one') WHERE key = 'two'"
        )
    assert sealed.meta("one") == "first"
    with pytest.raises(StoreError, match="restore"):
        sealed.meta("two")


def test_a_forgotten_seal_is_refused(sealed: Workspace) -> None:
    """A statement that would write a personal column as it is fails: its table is a view there."""
    with pytest.raises(sqlite3.OperationalError, match="it is a view"):
        sealed.parts._db.execute("INSERT INTO meta VALUES ('a', 'b')")
