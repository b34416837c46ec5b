"""Lets `python -m scanner` stand for the `undisclosed` command."""

from scanner.cli import main

main()
