"""The examples for a nightly scan are valid, and call commands that exist."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from lxml import etree
from typer.testing import CliRunner

from scanner.cli import app
from scanner.config import Config, load

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
NIGHTLY = (EXAMPLES.parent / "nightly.md").read_text("utf-8")


def configuration() -> Config:
    """Return the example configuration."""
    return load(EXAMPLES / "undisclosed.toml", {})


def test_every_example_stands_in_the_page() -> None:
    """docs/nightly.md links each file of the folder, and no other."""
    linked = set(re.findall(r"\(examples/([^)]+)\)", NIGHTLY))
    assert linked == {path.name for path in EXAMPLES.iterdir()}


def test_the_configuration_loads() -> None:
    """The example configuration is valid and has a channel of each type."""
    types = {channel.type for channel in configuration().notify.channels.values()}
    assert types == {"smtp", "teams", "webhook", "file", "syslog"}


@pytest.mark.parametrize("name", sorted(p.name for p in EXAMPLES.iterdir()))
def test_each_example_calls_a_scan_that_parses(name: str, tmp_path: Path) -> None:
    """What an example runs are the program's own options, on a source of the configuration."""
    text = (EXAMPLES / name).read_text("utf-8").replace('", "', " ")
    calls = re.findall(r"(?:--log json )?scan (\w+) --config \S+ --json", text)
    if name.endswith((".timer", ".toml")):
        assert calls == []
        return
    assert set(calls) <= set(configuration().sources)
    assert calls
    run = CliRunner().invoke(app, ["--log", "json", "scan", calls[0], "--config",
                                   str(tmp_path / "none.toml"), "--json"])  # fmt: skip
    assert run.exit_code == 2
    assert "cannot be read" in run.stderr


@pytest.mark.parametrize("name", ["undisclosed.service", "undisclosed.timer"])
def test_units_are_sections_of_settings(name: str) -> None:
    """The systemd units have the sections that their kind needs."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(EXAMPLES / name)
    if name.endswith("service"):
        assert parser["Service"]["Type"] == "oneshot"
        assert parser["Service"]["SuccessExitStatus"] == "1 3"
    else:
        assert parser["Timer"]["Persistent"] == "true"
        assert parser["Install"]["WantedBy"] == "timers.target"


@pytest.mark.parametrize("name", ["cronjob.yaml", "github-actions.yaml", "azure-pipelines.yaml"])
def test_yaml_is_valid(name: str) -> None:
    """Each YAML example parses to a mapping with a nightly schedule."""
    found: dict[Any, Any] = yaml.safe_load((EXAMPLES / name).read_text("utf-8"))
    assert "15 2 * * *" in str(found)


def test_the_task_is_valid_xml() -> None:
    """The Windows task names one command, and refuses a second run beside the first."""
    root = etree.parse(EXAMPLES / "task.xml").getroot()
    names = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
    assert root.findtext(".//t:MultipleInstancesPolicy", namespaces=names) == "IgnoreNew"
    assert len(root.findall(".//t:Exec", names)) == 1


def test_the_crontab_has_five_times_and_a_user() -> None:
    """The line of the crontab is one that /etc/cron.d takes."""
    lines = (EXAMPLES / "crontab").read_text("utf-8").splitlines()
    (line,) = [line for line in lines if line[:1].isdigit()]
    assert re.match(r"15 2 \* \* \* undisclosed /opt/\S+/undisclosed scan ", line)


HANDED = {
    "undisclosed.service": r"^Environment=UNDISCLOSED_KEY_FILE=%d/audit\.key$",
    "crontab": r"^UNDISCLOSED_KEY_FILE=/etc/undisclosed/audit\.key$",
    "cronjob.yaml": r"name: UNDISCLOSED_KEY_FILE, value: /run/secrets/undisclosed/audit\.key",
    "github-actions.yaml": r"UNDISCLOSED_KEY: \$\{\{ secrets\.UNDISCLOSED_KEY \}\}",
    "azure-pipelines.yaml": r"UNDISCLOSED_KEY: \$\(UNDISCLOSED_KEY\)",
    "task.xml": r"^ +key = \{ file = '",
}
"""How each example hands the workspace's key to the scan."""


def test_each_example_hands_over_the_key() -> None:
    """Every example that scans says where the key of an encrypted workspace comes from."""
    silent = {"undisclosed.timer", "undisclosed.toml"}
    assert HANDED.keys() == {path.name for path in EXAMPLES.iterdir()} - silent
    for name, form in HANDED.items():
        text = (EXAMPLES / name).read_text("utf-8")
        assert re.search(form, text, re.MULTILINE), name


def test_the_key_of_the_task_is_valid_toml(tmp_path: Path) -> None:
    """The line that the Windows task quotes is one that the configuration takes."""
    line = re.search(r"key = \{.*?\}", (EXAMPLES / "task.xml").read_text("utf-8"))
    assert line
    (tmp_path / "c.toml").write_text(line[0])
    key = load(tmp_path / "c.toml", {}).key
    assert key is not None
    assert str(key.file).endswith("audit.key")


def test_the_pod_mounts_the_key() -> None:
    """The key's file lies in a Secret that the container mounts, apart from the configuration."""
    job = yaml.safe_load((EXAMPLES / "cronjob.yaml").read_text("utf-8"))
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    mounts = {one["name"]: one["mountPath"] for one in pod["containers"][0]["volumeMounts"]}
    volumes = {one["name"]: one for one in pod["volumes"]}
    assert mounts.keys() == volumes.keys()
    file = {one["name"]: one.get("value") for one in pod["containers"][0]["env"]}
    assert Path(file["UNDISCLOSED_KEY_FILE"]).parent == Path(mounts["key"])
    assert volumes["key"]["secret"]["secretName"] != volumes["config"]["secret"]["secretName"]


def test_the_service_hands_over_credentials_and_may_write_where_it_must() -> None:
    """The unit loads the key that it names, and strict protection leaves open what is written."""
    unit = (EXAMPLES / "undisclosed.service").read_text("utf-8")
    assert "LoadCredential=audit.key:/etc/undisclosed/audit.key" in unit
    config = configuration()
    written = [config.workspace, config.notify.metrics]
    written += [
        channel.path for channel in config.notify.channels.values() if channel.type == "file"
    ]
    allowed = re.findall(r"^ReadWritePaths=(.*)$", unit, re.MULTILINE)[0].split()
    allowed += [f"/var/log/{name}" for name in re.findall(r"^LogsDirectory=(.*)$", unit, re.M)]
    for path in written:
        assert path is not None
        assert any(path.is_relative_to(folder) for folder in allowed), path


def test_every_secret_of_the_configuration_is_given_where_no_file_holds_it() -> None:
    """The variables that the configuration names are set in each example that sets any."""
    text = (EXAMPLES / "undisclosed.toml").read_text("utf-8")
    names = re.findall(r'env = "(\w+)"', text)
    assert names
    for name in (
        "undisclosed.service",
        "cronjob.yaml",
        "github-actions.yaml",
        "azure-pipelines.yaml",
    ):
        example = (EXAMPLES / name).read_text("utf-8")
        assert [one for one in names if one not in example] == [], name
