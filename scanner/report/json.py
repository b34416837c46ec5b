"""The report as versioned JSON: the summary object itself, field by field."""

from __future__ import annotations

import json

from scanner.report.summary import SUMMARY_VERSION, Summary, to_dict


def render(summary: Summary) -> bytes:
    """Return the summary as JSON in ASCII, which every reader takes, lone surrogates included."""
    return (json.dumps(to_dict(summary), indent=1) + "\n").encode("ascii")


def schema() -> dict[str, object]:
    """Return the JSON Schema (2020-12) of what `render` writes; docs/report.schema.json holds it.

    Fields may be added within a version: readers let pass what they do not know.
    """
    from pydantic import TypeAdapter

    found = TypeAdapter(Summary).json_schema(mode="serialization")
    head = {
        "version": {"const": SUMMARY_VERSION, "title": "Version"},
        "product": {"const": "undisclosed", "title": "Product"},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Undisclosed audit report",
        "type": "object",
        "properties": head | found["properties"],
        "required": [*head, *found["properties"]],
        "$defs": found["$defs"],
    }
