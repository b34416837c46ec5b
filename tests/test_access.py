"""`init` and `rekey`: a workspace gets its key, and whoever has another reads nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from scanner import access, data, messages, runners
from scanner.cli import app
from scanner.config import load
from scanner.crypto import Vault
from scanner.crypto.envelope import MasterKey
from scanner.errors import MasterKeyError, StoreError
from scanner.store import Workspace
from tests.build import JO, mbox, message, put
from tests.fakes import files_of

ROOT = Path(__file__).parents[1]
HEX = "ab" * 32
SECRETS = (b"calder", b"resident", b"webmail", b"Quillfeather", b"Sent.mbox", b"torn.eml")
"""What stands in the mail, in file names and in addresses, and may stand in no file."""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every test in a folder of its own, with settings of its own and no key at hand."""
    for name in ("UNDISCLOSED_WORKSPACE", access.KEY, access.KEY_FILE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    monkeypatch.chdir(tmp_path)


def run(*arguments: object, code: int = 0, **environment: str) -> Result:
    """Run a command; assert how it ends."""
    result = CliRunner().invoke(app, [str(a) for a in arguments], env=environment)
    assert (result.exit_code, result.stderr) == (code, result.stderr)
    return result


@pytest.fixture(scope="module")
def mail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return mail with a visible list, an account number, and a torn message."""
    to = [f"resident{n}@webmail.example" for n in range(30)]
    late = "Mon, 01 Dec 2025 09:00:00 +0000"
    pay = message(2, to=to[:1], date=late, body="IBAN GB82 WEST 1234 5698 7654 32\n")
    listed = message(1, to=to).replace(b"Message 1", b"Quillfeather")
    files = {f"{JO}/Sent.mbox": mbox([listed, pay]), f"{JO}/torn.eml": b"\0" * 300}
    return put(tmp_path_factory.mktemp("calder"), files)


@pytest.fixture(scope="module")
def plain(mail: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace without encryption that has scanned that mail."""
    root = tmp_path_factory.mktemp("plain") / "ws"
    run("scan", mail, "-w", root, code=3)
    run("incidents", "-w", root)
    return root


@pytest.fixture
def sealed(plain: Path, tmp_path: Path) -> Path:
    """Return that workspace, encrypted."""
    shutil.copytree(plain, tmp_path / "ws")
    run("init", "-w", "ws")
    return tmp_path / "ws"


def key_file(root: Path) -> Path:
    """Return where the key of a workspace stands."""
    return Path(json.loads((root / "workspace.key").read_text())["key"]["file"])


def master(root: Path) -> MasterKey:
    """Return the key of a workspace."""
    return MasterKey.parse(key_file(root).read_text(), {"file": str(key_file(root))})


def kept(root: Path, key: MasterKey | None) -> dict[str, object]:
    """Return what a workspace holds, opened."""
    with Workspace(root, key=key) as opened:
        return {
            "messages": opened.messages().to_pylist(),
            "incidents": opened.incidents(),
            "findings": opened.findings(),
            "coverage": opened.coverage(),
            "runs": opened.runs(),
            "log": opened.journal.entries()[:2],
            "broken": opened.journal.broken(),
            "decisions": opened.decisions.all(),
            "reports": [opened.reports.get(one.run_id) for one in opened.runs()],
            "pseudonym": opened.keyed.pseudonym(JO),
            "checkpoints": opened.checkpoints(opened.coverage()[0].source),
            "meta": opened.meta("analysed"),
        }


def told(root: Path) -> list[tuple[str, bytes]]:
    """Return what of the mail stands in the bytes of a workspace, and in which file."""
    return [
        (name, secret)
        for name, content in files_of(root).items()
        for secret in SECRETS
        if secret.lower() in content.lower() or secret.decode().lower() in Path(name).name.lower()
    ]


# --- what init makes ---


def test_init_makes_a_workspace_a_key_and_a_configuration(tmp_path: Path, mail: Path) -> None:
    """What init makes is for the owner only, works as it is, and the key lies elsewhere."""
    shown = run("init", "-w", "audit").stdout
    file = key_file(tmp_path / "audit")
    assert file.is_relative_to(tmp_path / "settings")
    assert re.fullmatch(r"[0-9a-f]{64}\n", file.read_text())
    for path in (file, tmp_path / "undisclosed.toml", tmp_path / "audit" / "workspace.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "Back up the key" in shown
    assert str(file) in shown
    config = load(tmp_path / "undisclosed.toml", {})
    assert config.workspace == tmp_path / "audit"
    run("scan", mail, "--config", "undisclosed.toml", code=3)
    assert told(tmp_path / "audit") == []
    assert len(json.loads(run("incidents", "-w", "audit", "--format", "json").stdout)) == 2


def test_every_example_of_the_configuration_works(tmp_path: Path) -> None:
    """The commented examples are a valid configuration, each of them and all together."""
    text = data.read("configuration.toml")
    examples = re.sub(r"^#(?=[\w\[])", "", text, flags=re.MULTILINE)
    assert examples != text
    (tmp_path / "all.toml").write_text(examples)
    config = load(tmp_path / "all.toml", {})
    assert {source.type for source in config.sources.values()} == {"archive", "graph", "ews"}
    assert config.privacy_contacts == ("dpo@example.org",)
    assert config.key is not None
    assert config.notify.channels.keys() == {"dpo", "team", "siem"}
    assert "key" in text


def test_init_overwrites_nothing(sealed: Path, tmp_path: Path) -> None:
    """A second init changes no byte of workspace, key or configuration, and says so."""
    (tmp_path / "undisclosed.toml").write_text('organisation = "Calder"\n')
    before = files_of(tmp_path)
    shown = run("init", "-w", sealed).stdout
    assert "is encrypted already" in shown
    assert "stays as it is" in shown
    assert files_of(tmp_path) == before


@pytest.mark.parametrize("exists", [True, False])
def test_a_key_can_stand_where_it_is_named(tmp_path: Path, exists: bool) -> None:
    """A named key file is made where it is not there, and used as it is where it is."""
    file = tmp_path / "keys" / "audit.key"
    if exists:
        put(tmp_path, {"keys/audit.key": HEX.encode()})
        file.chmod(0o600)
    run("init", "-w", "ws", "--key", f"file:{file}")
    assert (file.read_text() == HEX) == exists
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    run("runs", "-w", "ws")


def test_a_key_in_the_environment(tmp_path: Path) -> None:
    """A key in a variable is only named in the workspace, and must be set each time."""
    assert (
        "AUDIT_KEY is not set" in run("init", "-w", "ws", "--key", "env:AUDIT_KEY", code=2).stderr
    )
    assert not (tmp_path / "ws").exists()
    run("init", "-w", "ws", "--key", "env:AUDIT_KEY", AUDIT_KEY=HEX)
    run("runs", "-w", "ws", AUDIT_KEY=HEX)
    assert "AUDIT_KEY is not set" in run("runs", "-w", "ws", code=2).stderr
    assert not [name for name, content in files_of(tmp_path).items() if HEX.encode() in content]


def test_a_key_in_the_keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key is put into the system's keyring and taken from there."""
    entries: dict[tuple[str, str], str] = {}
    keyring = types.ModuleType("keyring")
    keyring.get_password = lambda *name: entries.get(name)  # type: ignore[attr-defined]
    keyring.set_password = (  # type: ignore[attr-defined]
        lambda service, user, value: entries.__setitem__((service, user), value)
    )
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    run("init", "-w", "ws", "--key", "keyring:undisclosed/audit")
    assert re.fullmatch("[0-9a-f]{64}", entries["undisclosed", "audit"])
    run("runs", "-w", "ws")
    entries.clear()
    assert "holds no secret undisclosed/audit" in run("runs", "-w", "ws", code=2).stderr


def test_a_new_workspace_is_encrypted_where_a_key_is_named(tmp_path: Path, mail: Path) -> None:
    """A scan encrypts what it makes when environment or configuration name a key."""
    run("scan", mail, "-w", "one", code=3, UNDISCLOSED_KEY=HEX)
    assert told(tmp_path / "one") == []
    put(tmp_path, {"audit.key": HEX.encode(), "c.toml": b'key = { file = "audit.key" }'})
    (tmp_path / "audit.key").chmod(0o600)
    run("scan", mail, "-w", "two", "--config", "c.toml", code=3)
    assert told(tmp_path / "two") == []
    run("runs", "-w", "two", UNDISCLOSED_KEY_FILE="audit.key")


def test_a_key_of_the_configuration_serves_every_command(
    tmp_path: Path, mail: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a scan's configuration names, the workspace keeps: also a relative or moved file."""
    put(tmp_path, {"old.key": HEX.encode(), "c.toml": b'key = { file = "old.key" }'})
    (tmp_path / "old.key").chmod(0o600)
    run("scan", mail, "-w", "ws", "--config", "c.toml", code=3)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    run("incidents", "-w", tmp_path / "ws")
    (tmp_path / "old.key").rename(tmp_path / "new.key")
    assert "old.key" in run("incidents", "-w", tmp_path / "ws", code=2).stderr
    put(tmp_path, {"c.toml": f'key = {{ file = "{tmp_path}/new.key" }}'.encode()})
    run("scan", mail, "-w", tmp_path / "ws", "--config", tmp_path / "c.toml", code=3)
    run("incidents", "-w", tmp_path / "ws")
    assert key_file(tmp_path / "ws") == tmp_path / "new.key"
    log = json.loads(run("log", "show", "-w", tmp_path / "ws", "--format", "json").stdout)
    assert "noted where the key stands" in [entry["action"] for entry in log]


def test_the_environment_comes_before_the_configuration(tmp_path: Path, mail: Path) -> None:
    """Who names a key in the environment, as errors advise, gets it; the place is not kept."""
    put(tmp_path, {"a.key": HEX.encode(), "c.toml": b'key = { file = "gone.key" }'})
    (tmp_path / "a.key").chmod(0o600)
    run("init", "-w", "ws", "--key", f"file:{tmp_path}/a.key")
    assert "gone.key" in run("scan", mail, "-w", "ws", "--config", "c.toml", code=2).stderr
    run("scan", mail, "-w", "ws", "--config", "c.toml", code=3, UNDISCLOSED_KEY=HEX)
    assert key_file(tmp_path / "ws") == tmp_path / "a.key"


def test_init_takes_the_key_of_a_configuration_that_is_there(tmp_path: Path, mail: Path) -> None:
    """A configuration with a key, then init, then a scan: all with that key."""
    put(tmp_path, {"undisclosed.toml": f'key = {{ file = "{tmp_path}/own.key" }}'.encode()})
    run("init", "-w", "ws")
    assert key_file(tmp_path / "ws") == tmp_path / "own.key"
    run("scan", mail, "-w", "ws", "--config", "undisclosed.toml", code=3)


def test_a_plain_workspace_is_not_scanned_into_where_a_key_is_named(
    plain: Path, mail: Path, tmp_path: Path
) -> None:
    """Who names a key wants encryption: a scan into a plain workspace is refused."""
    shutil.copytree(plain, tmp_path / "ws")
    refused = run("scan", mail, "-w", "ws", code=2, UNDISCLOSED_KEY=HEX).stderr
    assert "is not encrypted, though a key is named" in refused
    run("runs", "-w", "ws", UNDISCLOSED_KEY=HEX)


# --- a workspace that is there ---


def test_a_plain_workspace_is_encrypted_whole(plain: Path, sealed: Path) -> None:
    """All that it held opens to what it was, and no byte on disk tells any of it."""
    assert {name for name, _ in told(plain)} >= {"state.sqlite"}
    assert kept(sealed, master(sealed)) == kept(plain, None)
    assert told(sealed) == []
    was = (plain / "workspace.key").read_bytes().strip()
    assert was not in b"".join(files_of(sealed).values())
    assert bytes.fromhex(was.decode()) not in b"".join(files_of(sealed).values())


def test_an_encrypted_workspace_goes_on(sealed: Path, mail: Path, tmp_path: Path) -> None:
    """A scan reads nothing again, reports and queries work, and the report of a run opens."""
    again = json.loads(run("scan", mail, "-w", sealed, "--json", code=3).stdout)
    assert (again["messages_read"], again["incidents"]) == (0, 2)
    assert again["reports"] == [str(sealed / "reports" / f"{again['run_id']}.html.sealed")]
    run("report", "-w", sealed, "--run", again["run_id"], "-o", tmp_path / "r.html")
    assert b"<!doctype html>" in (tmp_path / "r.html").read_bytes().lower()[:100]
    run("report", "-w", sealed, "--run", "none", "-o", "no.html", code=2)
    run("report", "-w", sealed, "--run", again["run_id"], "-o", "no.pdf", code=2)
    assert "report -w" in run("scan", mail, "-w", sealed, code=3).stdout
    assert told(sealed) == []


MOMENTS = [
    ("rename", "workspace.key", 1),
    ("sql", "UPDATE main.incidents", 1),
    ("sql", "PRAGMA application_id = ", 1),
    ("sql", "VACUUM", 1),
    ("rename", ".html.sealed", 1),
    ("remove", ".html", 1),
    ("chmod", ".parquet", 1),
    ("sql", "UPDATE main.parts", 2),
    ("remove", ".parquet", 1),
    ("rename", "workspace.key", 1),
]
"""See `tests/killing.py`; each kill finds what the one before has left."""


def killed(moment: tuple[str, str, int], *command: object) -> None:
    """Run a command until a moment comes, and assert that it did."""
    where, text, count = moment
    done = subprocess.run(
        [sys.executable, "-m", "tests.killing", where, text, str(count), *map(str, command)],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    assert (moment, done.returncode) == (moment, -signal.SIGKILL), done.stderr


def test_encrypting_can_be_cut_off_anywhere(plain: Path, tmp_path: Path) -> None:
    """Killed at ten moments, init goes on each time, loses nothing and leaves nothing in clear."""
    root = tmp_path / "ws"
    shutil.copytree(plain, root)
    file = tmp_path / "audit.key"
    for number, moment in enumerate(MOMENTS):
        killed(moment, "init", "-w", root, "--key", f"file:{file}", "--config", tmp_path / "c.toml")
        key = MasterKey.parse(file.read_text(), {}) if number else None
        assert kept(root, key)["incidents"] == kept(plain, None)["incidents"]
    run("init", "-w", root, "--key", f"file:{file}")
    assert kept(root, master(root)) == kept(plain, None)
    assert told(root) == []
    assert {path.suffix for path in root.rglob("*.*") if path.is_file()} <= {
        ".key", ".sqlite", ".parquet", ".sealed", ".lock", ".txt", ".head",
    }  # fmt: skip


# --- who has no key, or another ---


def missing(file: Path) -> None:
    """Take the key away."""
    file.unlink()


def others_can_read(file: Path) -> None:
    """Let everybody read the key."""
    file.chmod(0o644)


def another(file: Path) -> None:
    """Put another key in its place."""
    file.write_text(HEX)


def no_key(file: Path) -> None:
    """Put something else in its place."""
    file.write_text("correct horse battery staple")


def unreadable(file: Path) -> None:
    """Put a folder in its place: not even root can read that."""
    file.unlink()
    file.mkdir(mode=0o700)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        pytest.param(missing, "cannot be read: No such file", id="missing"),
        pytest.param(others_can_read, "others can read or change this key; run chmod", id="open"),
        pytest.param(another, "was encrypted with another key than that in", id="another"),
        pytest.param(no_key, "holds no encryption key; one is 64 hexadecimal digits", id="no-key"),
        pytest.param(unreadable, "cannot be read: Is a directory", id="unreadable"),
    ],
)
def test_a_key_that_does_not_open(
    sealed: Path, mail: Path, damage: Callable[[Path], None], says: str
) -> None:
    """Every command ends with 2 and one sentence; also right after the right key was used."""
    run("incidents", "-w", sealed)
    damage(key_file(sealed))
    before = files_of(sealed)
    for command in (
        ("incidents",), ("scan", mail), ("report", "-o", "r.html"), ("log", "verify"),
        ("init",), ("rekey",),
    ):  # fmt: skip
        result = run(*command, "-w", sealed, code=2)
        assert says in result.stderr
        assert result.stderr.count("\n") == 1
        assert result.stdout == ""
    assert files_of(sealed) == before


def test_another_key_reads_no_part_file_in_the_same_process(sealed: Path, tmp_path: Path) -> None:
    """Part files open with their own key only, whatever the process has opened before."""
    key = master(sealed)
    with Workspace(sealed, key=key) as opened:
        assert opened.messages().num_rows == 2
        paths = opened.parts.paths()
    with Workspace(tmp_path / "other", create=True, key=key) as other:
        with pytest.raises(Exception, match="sealed with a key that"):
            other.parts.read(paths)
        lured = tmp_path / f"{'0' * 32}.{other.vault.current.id}.parquet"  # type: ignore[union-attr]
        shutil.copy(paths[0], lured)
        with pytest.raises(Exception, match="missing or damaged"):
            other.parts.read([lured])
    with Workspace(sealed, key=key) as opened:
        renamed = paths[0].with_name(f"{'0' * 32}{''.join(paths[0].suffixes)}")
        shutil.copy(paths[0], renamed)
        with pytest.raises(Exception, match="missing or damaged"):
            opened.parts.read([renamed])
    with pytest.raises(MasterKeyError, match="another key"):
        Workspace(sealed, key=MasterKey.parse(HEX, {"env": "X"}))


def test_a_group_that_can_read_the_key_is_told(
    sealed: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A key that a group can read works, as secrets of systemd are, with a warning."""
    key_file(sealed).chmod(0o640)
    access.open_workspace(sealed).close()
    assert "its group can read this key" in caplog.text


def test_a_key_in_the_workspace_is_refused(tmp_path: Path) -> None:
    """A key that would be copied with what it opens protects nothing."""
    refused = run("init", "-w", "ws", "--key", f"file:{tmp_path}/ws/my.key", code=2).stderr
    assert "a key inside the workspace protects nothing" in refused
    assert not (tmp_path / "ws").exists()


@pytest.mark.parametrize("text", ["audit.key", "file:", "vault:x", "keyring"])
def test_a_reference_that_is_none(text: str) -> None:
    """What names no key is refused with the forms that do."""
    assert "write file:PATH, env:NAME or keyring" in run("init", "--key", text, code=2).stderr


def test_a_changed_key_file_is_refused(sealed: Path) -> None:
    """Whoever changes the wrapped keys, or what stands beside them, is noticed: exit 4."""
    file = sealed / "workspace.key"
    key = key_file(sealed)
    whole = json.loads(file.read_text())
    wrapped = whole["wrapped"]
    file.write_text(json.dumps(whole | {"wrapped": wrapped[:60] + "AAAA" + wrapped[64:]}))
    assert "damaged, or changed" in run("runs", "-w", sealed, code=4).stderr
    file.write_text(json.dumps(whole | {"key": {"env": "EVIL"}}))
    assert (
        "damaged, or changed"
        in run("runs", "-w", sealed, code=4, UNDISCLOSED_KEY_FILE=str(key)).stderr
    )
    file.write_text("{}")
    assert "not a workspace key" in run("runs", "-w", sealed, code=4).stderr


def test_what_is_not_sealed_is_refused(sealed: Path, plain: Path) -> None:
    """A plain file in the place of a sealed one is not read, nor a plain state."""
    key = master(sealed)
    with Workspace(sealed, key=key) as opened:
        one = opened.reports.path(opened.runs()[0].run_id)
        one.write_bytes(b"<html>forged")
        with pytest.raises(Exception, match="not sealed, as all of this workspace is"):
            opened.reports.get(opened.runs()[0].run_id)
        forged = opened.parts.paths()[0].with_name("forged.parquet")
        shutil.copy(next((plain / "messages").rglob("*.parquet")), forged)
        with pytest.raises(Exception, match="not sealed, as all of this workspace is"):
            opened.parts.read([forged])
    shutil.copy(plain / "state.sqlite", sealed / "state.sqlite")
    assert "the state is not sealed" in run("runs", "-w", sealed, code=4).stderr


# --- another key ---


def test_a_key_is_changed_without_touching_the_rest(sealed: Path, plain: Path) -> None:
    """After rekey the new key opens and the old one does not; the message store is as it was."""
    old, files = master(sealed), files_of(sealed / "messages")
    shown = run("rekey", "-w", sealed).stdout
    new = master(sealed)
    assert new != old
    assert files_of(sealed / "messages") == files
    assert kept(sealed, new) == kept(plain, None)
    with pytest.raises(MasterKeyError, match="another key"):
        Workspace(sealed, key=old)
    assert "Back up the new key" in shown
    assert MasterKey.parse(Path(str(old.reference["file"])).read_text(), {}) == old
    assert str(old.reference["file"]) in shown
    log = json.loads(run("log", "show", "-w", sealed, "--format", "json").stdout)
    assert [entry["action"] for entry in log[-2:]] == ["encrypted", "changed the key"]


def test_everything_can_be_encrypted_anew(sealed: Path, plain: Path) -> None:
    """With --everything no sealed byte is what it was, and the old data key is gone."""
    old = files_of(sealed)
    with Workspace(sealed, key=master(sealed)) as opened:
        before = opened.vault
    run("rekey", "-w", sealed, "--everything")
    new = files_of(sealed)
    lasting = {"scan.lock", "scan.lock.txt", "journal.head", "workspace.key", "state.sqlite"}
    assert not {name for name in new if name in old and new[name] == old[name]} - lasting
    assert not {name for name in new if name.endswith("parquet")} & old.keys()
    with Workspace(sealed, key=master(sealed)) as opened:
        assert not opened.vault.ciphers.keys() & before.ciphers.keys()
        assert opened.vault.settled
    assert kept(sealed, master(sealed)) == kept(plain, None)
    assert told(sealed) == []


@pytest.mark.parametrize("everything", [True, False])
def test_changing_a_key_can_be_cut_off_anywhere(
    sealed: Path, plain: Path, tmp_path: Path, everything: bool
) -> None:
    """Killed at any moment, rekey leaves a workspace that one of both keys opens, whole."""
    flags = ("--everything",) if everything else ()
    moments = (
        MOMENTS
        if everything
        else [("rename", "workspace.key", 1), ("sql", "INSERT INTO main.journal", 1)]
    )
    for number, moment in enumerate(moments):
        if ".html" in moment[1]:
            continue
        new = tmp_path / f"{number}.key"
        killed(moment, "rekey", "-w", sealed, "--key", f"file:{new}", *flags)
        assert kept(sealed, master(sealed)) == kept(plain, None)
    run("rekey", "-w", sealed, *flags)
    run("init", "-w", sealed)
    assert kept(sealed, master(sealed)) == kept(plain, None)
    with Workspace(sealed, key=master(sealed)) as opened:
        assert opened.vault.settled


def test_the_same_key_again_is_refused(sealed: Path) -> None:
    """The key in use is no other key; a plain workspace has none to change."""
    same = run("rekey", "-w", sealed, "--key", f"file:{key_file(sealed)}", code=2).stderr
    assert "is the key in use" in same


def test_a_plain_workspace_has_no_key_to_change(plain: Path) -> None:
    """Rekey of a plain workspace says how it is encrypted first."""
    assert "undisclosed init -w" in run("rekey", "-w", plain, code=2).stderr


def test_a_key_in_the_environment_needs_a_new_place(tmp_path: Path) -> None:
    """Where the key stands in a variable, rekey asks where the new one does."""
    run("init", "-w", "ws", "--key", "env:AUDIT_KEY", AUDIT_KEY=HEX)
    assert "say where the new one stands" in run("rekey", "-w", "ws", code=2, AUDIT_KEY=HEX).stderr
    new = ("rekey", "-w", "ws", "--key", "env:AUDIT_KEY_2")
    run(*new, AUDIT_KEY=HEX, AUDIT_KEY_2="cd" * 32)
    run("runs", "-w", "ws", AUDIT_KEY_2="cd" * 32)


# --- who may read what, and where the key goes ---


@pytest.mark.parametrize(
    ("key", "umask"),
    [
        pytest.param("", 0o777, id="plain-777"),
        pytest.param(HEX, 0o000, id="encrypted-000"),
        pytest.param(HEX, 0o277, id="encrypted-277"),
    ],
)
def test_nobody_else_can_read_what_commands_leave(
    mail: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int, key: str
) -> None:
    """Folders of a workspace are 0700 and files 0600, whatever the umask is and the command was."""
    if key:
        monkeypatch.setenv(access.KEY, key)
    root = tmp_path / "new" / "ws"
    (tmp_path / "new").mkdir()
    before = os.umask(umask)
    try:
        run("scan", mail, "-w", root, code=3)
        held = json.loads(run("incidents", "-w", root, "--format", "json").stdout)[0]["incident_id"]
        run("decide", held, "near-miss", "-w", root, "--reason", "bounced")
        run("scope", held, "-w", root, "-o", root / "scope.json", "--pack", root / "pack.zip")
        run("report", "-w", root, "-o", root / "board.pdf")
        run("export", "-w", root, "-o", root / "decisions.json")
        run("scan", mail, "-w", root, code=3)
        run("purge", "-w", root, "--older-than", "2025-11-15", "--with-open")
        found = [root, *root.rglob("*")]
        modes = {path: stat.S_IMODE(path.stat().st_mode) for path in found}
        with Workspace(root, key=MasterKey.parse(key, {}) if key else None) as opened:
            opened.lock()
            opened.put_meta({"a": "b"})
            modes |= {path: stat.S_IMODE(path.stat().st_mode) for path in root.iterdir()}
    finally:
        os.umask(before)
    assert {path.name for path in modes} >= {"state.sqlite-wal", "pack.zip", "board.pdf"}
    wrong = {p.name: oct(m) for p, m in modes.items() if m != (0o700 if p.is_dir() else 0o600)}
    assert wrong == {}


@dataclass(frozen=True)
class Look:
    """What a worker process is given, as `candidates.Task` is: where to look, and the keys."""

    folder: Path
    vault: Vault


def surroundings(look: Look) -> tuple[list[str], int]:
    """Return what of the keys stands around this process, and how many rows it could read."""
    told = [Path(f"/proc/self/{name}").read_bytes() for name in ("cmdline", "environ")] + [
        path.read_bytes() for path in look.folder.rglob("*") if path.is_file()
    ]
    keys = [look.vault.pseudonyms, *look.vault.data]
    shown = [
        key.hex() for key in keys for text in told if key in text or key.hex().encode() in text
    ]
    paths = sorted((look.folder / "messages").rglob("*.parquet"))
    return shown, messages.read(paths, ["subject"], look.vault).num_rows


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_workers_get_the_keys_in_memory(sealed: Path) -> None:
    """Worker processes open part files; the keys are in no argument, variable or file."""
    with Workspace(sealed, key=master(sealed)) as opened:
        tasks = [Look(sealed, opened.vault)] * 3
        assert list(runners.run(surroundings, tasks, processes=True)) == [([], 2)] * 3


def test_who_opened_before_the_keys_changed_writes_nothing(sealed: Path) -> None:
    """A process that opened a workspace before `rekey --everything` is told to begin again."""
    with access.open_workspace(sealed) as before:
        run("rekey", "-w", sealed, "--everything")
        with pytest.raises(MasterKeyError, match="another key"):
            before.lock()
    with access.open_workspace(sealed) as after:
        master = after.master
        assert master is not None
    with Workspace(sealed, key=master) as before:
        with Workspace(sealed, key=master) as other:
            other.rewrap(master, new_key=True)
        with pytest.raises(StoreError, match="its keys were changed meanwhile; run this again"):
            before.lock()
    with Workspace(sealed, key=master) as after:
        after.seal_anew()
