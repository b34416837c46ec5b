"""Commands that come before a scan: init, rekey, check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scanner.commands import DEFAULT_WORKSPACE, WorkspaceOption, errors
from scanner.model import ContentLevel

KeyOption = Annotated[
    str,
    typer.Option(
        "--key",
        help="Where the key stands: file:PATH, env:NAME or keyring:SERVICE/USER. One that is not "
        "there yet is made, but for env.",
        show_default="a new file in ~/.config/undisclosed/keys",
    ),
]


def init(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    key: KeyOption = "",
    config: Annotated[
        Path, typer.Option(help="Configuration file to write, unless it exists.")
    ] = Path("undisclosed.toml"),
) -> None:
    """Make an encrypted workspace and its key, and a configuration file to fill in.

    A workspace that exists is encrypted, all of it; cut off at any moment, the same command goes
    on. Nothing is overwritten. Whoever loses the key loses the workspace: back it up.

    Example: `undisclosed init -w audit --config audit.toml`
    """
    from scanner import access

    with errors():
        made = access.init(workspace, config, access.parse(key))
        for line in access.created(workspace, config, made):
            typer.echo(line)


def rekey(
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    key: KeyOption = "",
    everything: Annotated[
        bool,
        typer.Option(
            "--everything",
            help="Encrypt all that is stored anew: for when somebody may have had key and copy.",
        ),
    ] = False,
) -> None:
    """Change the key of an encrypted workspace.

    Only the few bytes are written anew that the key wraps, at once or not at all. The new key
    stands elsewhere than the old one, which earlier copies of the workspace still need.

    Example: `undisclosed rekey -w audit --key file:/etc/undisclosed/2027.key`
    """
    from scanner import access

    with errors():
        made = access.rekey(workspace, access.parse(key), everything=everything)
        for line in access.changed(workspace, made):
            typer.echo(line)


def check(
    source: Annotated[str, typer.Argument(help="A name from the configuration file, or a path.")],
    config: Annotated[Path | None, typer.Option(help="Configuration file (TOML).")] = None,
    content: Annotated[
        ContentLevel | None,
        typer.Option(help="How far a scan is to look into messages.", show_default="text"),
    ] = None,
) -> None:
    """Try whether a source can be scanned, and say what is missing and how to mend it.

    Signs in, reads one page of one mailbox, the address book and, unless --content is none, a
    body. Writes nothing. Ends with 3 when something does not hold.

    Example: `undisclosed check m365 --config undisclosed.toml --content none`
    """
    from scanner import terminal
    from scanner.config import load

    with errors():
        held = terminal.check_source(load(config, {"content": content}), source)
    raise typer.Exit(0 if held else 3)
