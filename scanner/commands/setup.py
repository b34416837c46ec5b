"""Commands that look before a scan does: check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scanner.commands import errors
from scanner.model import ContentLevel


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
