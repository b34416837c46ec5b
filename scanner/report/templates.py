"""The templates of the reports, with the filters that all of them use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from scanner import data
from scanner.report import changes, front, words

if TYPE_CHECKING:
    from collections.abc import Callable


def environment(finalize: Callable[..., Any] | None = None) -> Environment:
    """Return the environment of a template: it escapes, and refuses names that are not there.

    `finalize` turns each value into what the template prints.
    """
    made = Environment(
        loader=FileSystemLoader(data.folder("templates")),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=finalize,
    )
    shared = ("number", "count", "band", "span", "day", "moment", "stamp", "because", "clip")
    made.filters |= {name: getattr(words, name) for name in shared}
    made.filters["month"] = changes.month
    made.globals |= {"words": words, "changes": changes, "front": front}
    return made
