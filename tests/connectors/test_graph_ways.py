"""Each way to sign in, what goes wrong with it, and what becomes of a token in the long run."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from typer.testing import CliRunner

from scanner.cli import app
from scanner.config import GraphCredential, Secret
from scanner.connectors.graph import GraphConnector
from scanner.connectors.graph_auth import AuthorityError, SignIn
from scanner.errors import ConfigError, DeniedError, ScannerError
from scanner.model import ContentLevel, Examination
from tests.benchmarks.test_graph import order
from tests.fake_graph import BASIC, FakeGraph, PrivateCA, served, small_tenant
from tests.fake_graph.serving import source_file
from tests.fake_graph.tenant import CLIENT_ID, JO, SECRET, TENANT_ID

SCOPE = "https://graph.test/.default"
SENTINEL = "sentinel-of-a-secret"


@dataclass
class Site:
    """A fake tenant over https, its identity service over http, and a folder for credentials."""

    graph: FakeGraph
    url: str
    plain: str
    tls: PrivateCA
    folder: Path

    def kept(self, name: str, text: str) -> Path:
        """Write a file of a credential."""
        file = self.folder / name
        file.write_text(text)
        return file

    def sign_in(self, shown: Any, **more: Any) -> SignIn:
        """Return the sign-in of the tenant's app."""
        settings: dict[str, Any] = {
            "authority": f"{self.url}/{TENANT_ID}",
            "ca_file": self.tls.file,
        } | more
        return SignIn(CLIENT_ID, shown, scope=SCOPE, instance_discovery=False, **settings)

    def secret(self, text: str = SECRET) -> GraphCredential:
        """Return a credential by secret."""
        return GraphCredential(secret=Secret(file=self.kept("secret", text)))

    def assertion(self, text: str = "workload-1") -> GraphCredential:
        """Return a credential by federation, and have the tenant take just this token."""
        self.graph.login.assertion = "workload-1"
        return GraphCredential(assertion_file=self.kept("assertion", f"{text}\n"))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Return the small tenant, served both ways."""
    graph = FakeGraph(small_tenant(BASIC))
    tls = PrivateCA.create(tmp_path / "ca")
    with served(graph, tls) as url, served(graph) as plain:
        yield Site(graph, url, plain, tls, tmp_path)


def machine(
    site: Site, monkeypatch: pytest.MonkeyPatch, where: str, identity: str = "system"
) -> GraphCredential:
    """Return a managed identity of a machine of this sort, behind a proxy that leads nowhere."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    token = f"{site.plain}/msi/token"
    environment, site.graph.login.expects = {
        "vm": ({"AZURE_POD_IDENTITY_AUTHORITY_HOST": site.plain}, {"Metadata": "true"}),
        "app service": (
            {"IDENTITY_ENDPOINT": token, "IDENTITY_HEADER": SENTINEL},
            {"X-IDENTITY-HEADER": SENTINEL},
        ),
        "machine learning": ({"MSI_ENDPOINT": token, "MSI_SECRET": SENTINEL}, {"secret": SENTINEL}),
    }[where]
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return GraphCredential(managed_identity=identity)


MACHINES = ["vm", "app service", "machine learning"]


@pytest.mark.parametrize("identity", ["system", "5e1f0000-0000-4000-8000-000000000001"])
@pytest.mark.parametrize("where", MACHINES)
def test_a_machine_signs_in_by_its_identity(
    site: Site, monkeypatch: pytest.MonkeyPatch, where: str, identity: str
) -> None:
    """A managed identity, the machine's own or one of several, gets a token past any proxy."""
    signed_in = site.sign_in(machine(site, monkeypatch, where, identity))
    assert signed_in.get() == signed_in.get() == "token-1"
    ((_, asked),) = site.graph.login.asked
    assert asked["resource"] == "https://graph.test"
    named = {asked.get("client_id"), asked.get("clientid")} - {None}
    assert named == (set() if identity == "system" else {identity})


def test_a_workload_signs_in_by_its_token(site: Site) -> None:
    """What the platform wrote into the file is shown as the assertion, without its line end."""
    assert site.sign_in(site.assertion()).get() == "token-1"
    ((_, form),) = site.graph.login.asked
    assert form["client_assertion"] == "workload-1"


def test_a_person_signs_in_by_a_code(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """The code is shown on standard error, once; later tokens come without anybody."""
    site.graph.login.person = JO[1]
    signed_in = site.sign_in(GraphCredential(device_code=True))
    assert signed_in.get() == "token-1"
    assert signed_in.renew() == "token-2"
    told = capsys.readouterr()
    assert (told.out, told.err.count("type ABCD1234")) == ("", 1)
    assert [form.get("grant_type", "")[-13:] for _, form in site.graph.login.asked][-1] == (
        "refresh_token"
    )


@pytest.mark.parametrize("where", [*MACHINES, "secret", "assertion"])
def test_a_token_that_was_refused_is_replaced(
    site: Site, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Whatever the library keeps in store, what follows a refused token is another."""
    ways: dict[str, Callable[[], GraphCredential]] = {
        "secret": site.secret,
        "assertion": site.assertion,
    }
    make = ways.get(where, lambda: machine(site, monkeypatch, where))
    signed_in = site.sign_in(make())
    assert (signed_in.get(), signed_in.renew(), signed_in.get()) == (
        "token-1",
        "token-2",
        "token-2",
    )


def test_a_renewed_credential_is_read_again(site: Site) -> None:
    """A workload's token and a secret that were renewed on disk count from the next sign-in on."""
    signed_in = site.sign_in(site.assertion())
    signed_in.get()
    site.kept("assertion", "workload-2")
    site.graph.login.assertion = "workload-2"
    assert signed_in.renew() == "token-2"
    site.graph.login.assertion = ""
    by_secret = site.sign_in(site.secret())
    by_secret.get()
    site.kept("secret", "another")
    site.graph.tenant.secret = "another"
    assert by_secret.renew() == "token-4"


# --- what goes wrong ---

REFUSED = [
    ("AADSTS7000215", "secret's value"),
    ("AADSTS7000222", "make a new one"),
    ("AADSTS700016", "tenant and client_id"),
    ("AADSTS700024", "clock"),
    ("AADSTS700027", "upload its public part"),
    ("AADSTS1000502", "certificate has expired"),
    ("AADSTS700213", "issuer, subject and audience"),
    ("AADSTS65001", "grants admin consent"),
    ("AADSTS7000229", "grants admin consent"),
    ("AADSTS7000218", "Allow public client flows"),
    ("AADSTS7000112", "enable it"),
    ("AADSTS500011", "cloud"),
    ("AADSTS53003", "Conditional Access"),
]


@pytest.mark.parametrize(("code", "says"), REFUSED)
def test_a_refusal_says_what_to_do(site: Site, code: str, says: str) -> None:
    """Each code of Microsoft's comes with its meaning; what may quote a secret does not come."""
    site.graph.login.refuses, site.graph.login.adds = code, f"You sent {SENTINEL}."
    with pytest.raises(DeniedError, match=code) as raised:
        site.sign_in(site.secret()).get()
    assert says in str(raised.value)
    assert SENTINEL not in "".join(traceback.format_exception(raised.value))


def test_an_expired_certificate_is_told_from_a_foreign_one(site: Site) -> None:
    """Microsoft has one code for both; what it adds tells which."""
    site.graph.login.refuses = "AADSTS700027"
    site.graph.login.adds = "[Reason - The key used is expired., Thumbprint of key used: 'AB']"
    with pytest.raises(DeniedError, match="has expired: make a new one"):
        site.sign_in(site.secret()).get()


def test_a_code_that_nobody_types(site: Site) -> None:
    """A device code that is declined ends the sign-in, and says to start again."""
    with pytest.raises(DeniedError, match="said no: start again"):
        site.sign_in(GraphCredential(device_code=True)).get()


def test_a_tenant_that_is_not_there(site: Site) -> None:
    """A wrong tenant is a mistake in the configuration, and said with the place to look."""
    wrong = f"{site.url}/00000000-0000-0000-0000-000000000000"
    with pytest.raises(ConfigError, match=r"AADSTS90002: there is no such tenant"):
        site.sign_in(site.secret(), authority=wrong).get()


@pytest.mark.parametrize("where", MACHINES)
def test_a_machine_without_that_identity(
    site: Site, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """An identity that the machine does not have is refused without quoting the answer."""
    shown = machine(site, monkeypatch, where, "5e1f0000-0000-4000-8000-000000000001")
    site.graph.login.refuses, site.graph.login.adds = "AADSTS700016", SENTINEL
    with pytest.raises(DeniedError, match="sign-in refused") as raised:
        site.sign_in(shown).get()
    assert SENTINEL not in str(raised.value)


def test_no_machine_of_azure(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no identity service answers, that is what is said, and no address of Microsoft's."""
    shown = machine(site, monkeypatch, "vm")
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:9")
    with pytest.raises(AuthorityError, match="identity service of this machine: cannot be reached"):
        site.sign_in(shown).get()


@pytest.mark.parametrize("when", ["before", "after the first"])
def test_what_is_no_authority(site: Site, when: str) -> None:
    """A proxy that answers in its place is said, not taken for a refusal."""
    signed_in = site.sign_in(site.secret())
    if when != "before":
        signed_in.get()
    site.graph.login.page = b"<html>Please log in to the proxy</html>"
    with pytest.raises(ScannerError, match=r"to sign in|to a sign-in|cannot sign in") as raised:
        signed_in.renew()
    assert not isinstance(raised.value, DeniedError)


def test_a_refusal_is_not_asked_for_again_by_each_mailbox(site: Site) -> None:
    """A sign-in that was refused is tried once, however many mailboxes wait for it."""
    site.graph.login.refuses = "AADSTS7000222"
    signed_in = site.sign_in(site.secret())
    for _ in range(5):
        with pytest.raises(DeniedError, match="AADSTS7000222"):
            signed_in.get()
    assert len(site.graph.login.asked) == 1


# --- in the long run ---


@pytest.mark.timed
def test_a_busy_authority_costs_nothing_while_a_token_lasts(site: Site) -> None:
    """A token is renewed before its end; where that fails, the one at hand is used to its end."""
    site.graph.login.lifetime = 4
    signed_in = site.sign_in(site.secret())
    assert signed_in.get() == "token-1"
    site.graph.login.busy = 1_000
    time.sleep(3.1)
    assert signed_in.get() == "token-1"
    time.sleep(1)
    with pytest.raises(AuthorityError, match="no answer of use"):
        signed_in.get()


def connected(site: Site, pause: float = 0) -> GraphConnector:
    """Return a connector that signs in for real, and waits so long where it is to wait."""
    shown: Any = site.secret()
    return GraphConnector(
        tenant=TENANT_ID, client_id=CLIENT_ID, credential=shown, ca_file=site.tls.file,
        authority=f"{site.url}/{TENANT_ID}", graph_url=f"{site.url}/v1.0", concurrency=1,
        sleep=lambda _seconds: asyncio.sleep(pause),
    )  # fmt: skip


@pytest.mark.timed
def test_a_token_ends_in_the_middle_of_a_scan(site: Site) -> None:
    """A scan that takes longer than a token lives reads everything, and is never refused."""
    site.graph.login.lifetime = 1
    site.graph.cost = (0.2, 0.0)
    connector = connected(site)
    asked = Examination(None, None, ContentLevel.NONE, frozenset())
    orders = [order(unit, asked) for unit in connector.survey({}).units]
    ends = {o.unit.mailbox: found for o, found in connector.carry_out(iter(orders))}
    assert [mailbox for mailbox, found in ends.items() if found is not None] == [
        "lost@calder.example", "ole@calder.example",
    ]  # fmt: skip
    assert site.graph.login.issued >= 2
    assert 401 not in {seen.status for seen in site.graph.requests}


def test_a_busy_authority_is_waited_for(site: Site) -> None:
    """An authority that fails for a moment holds a scan up, and costs no mailbox."""
    site.graph.login.busy = 1
    survey = connected(site, pause=1).survey({})
    assert [row.unit for row in survey.unreadable] == ["guests"]
    assert len(survey.units) == 8


def run(*arguments: object, code: int) -> tuple[str, str]:
    """Return what a command prints, and what it says on standard error."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.stdout, result.stderr


def test_a_person_reads_the_own_mailbox(site: Site, tmp_path: Path) -> None:
    """With a device code `me` is the mailbox of whoever typed it; output stays clean JSON."""
    site.graph.login.person = JO[1]
    site.graph.tenant.permissions = frozenset({"Mail.ReadBasic.All"})
    config = source_file(
        tmp_path, site.url, site.tls, "{ device_code = true }", mailboxes="me", directory=False
    )
    options = ("--internal-domain", "calder.example", "--content", "none", "--json")
    said, told = run("scan", "m365", "--config", config, "-w", tmp_path / "ws", *options, code=0)
    assert json.loads(said)["messages_read"] == 14
    assert told.count("type ABCD1234") == 1
    assert {seen.mailbox for seen in site.graph.requests if seen.mailbox} == {JO[1]}
    assert site.graph.violations == []


def test_an_app_has_no_own_mailbox(site: Site, tmp_path: Path) -> None:
    """`me` with anything but a device code is a mistake that is named."""
    config = source_file(tmp_path, site.url, site.tls, mailboxes="me")
    _, told = run("check", "m365", "--config", config, code=2)
    assert "an app has none" in told


@pytest.mark.parametrize("way", ["secret", "assertion", "app service"])
def test_no_secret_gets_out(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """Neither logs at their loudest nor messages nor the workspace hold what signs in."""
    caplog.set_level(logging.DEBUG)
    if way == "secret":
        site.graph.tenant.secret = SENTINEL
        shown = f'{{ secret = {{ file = "{site.kept("s", SENTINEL)}" }} }}'
    elif way == "assertion":
        site.graph.login.assertion = SENTINEL
        shown = f'{{ assertion_file = "{site.kept("a", SENTINEL)}" }}'
    else:
        machine(site, monkeypatch, "app service")
        shown = '{ managed_identity = "system" }'
    config = source_file(tmp_path, site.url, site.tls, shown)
    options = ("--content", "none", "--json")
    said = "".join(run("scan", "m365", "--config", config, "-w", tmp_path / "ws", *options, code=3))
    site.graph.login.refuses, site.graph.login.adds = "AADSTS7000215", SENTINEL
    said += "".join(run("check", "m365", "--config", config, code=3))
    assert SENTINEL not in said + caplog.text
    assert "token-1" not in said + caplog.text
    stored = [file for file in (tmp_path / "ws").rglob("*") if file.is_file()]
    assert not [file for file in stored if SENTINEL.encode() in file.read_bytes()]


# --- how long a certificate lasts ---


def lasting(folder: Path, days: int) -> Path:
    """Write a key and a certificate that lasts so many days more."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "an invented app")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=800))
        .not_valid_after(now + timedelta(days=days)).sign(key, hashes.SHA256())
    )  # fmt: skip
    file = folder / "app.pem"
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(secret + made.public_bytes(pem))
    file.chmod(0o600)
    return file


@pytest.mark.parametrize(("days", "ok"), [(-3, False), (20, False), (40, True)])
def test_check_says_when_a_certificate_ends(tmp_path: Path, days: int, ok: bool) -> None:
    """A certificate that ends within a month is told before a night fails for it."""
    shown: Any = GraphCredential(certificate=lasting(tmp_path, days))
    connector = GraphConnector(
        tenant=TENANT_ID, client_id=CLIENT_ID, credential=shown,
        authority=f"https://127.0.0.1:9/{TENANT_ID}", graph_url="https://127.0.0.1:9/v1.0",
    )  # fmt: skip
    first = next(connector.check(ContentLevel.NONE))
    assert (first.what, first.ok) == ("certificate", ok)
    day = datetime.now(UTC) + timedelta(days=days)
    assert f"{day:%Y-%m-%d}" in first.detail
