"""The part of OData that Graph's mail and directory paths understand, as strict as the real one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

MAX_TOP = 1_000
DEFAULT_TOP = 10

MESSAGE = (
    "id", "createdDateTime", "lastModifiedDateTime", "changeKey", "categories", "receivedDateTime",
    "sentDateTime", "hasAttachments", "internetMessageId", "subject", "bodyPreview", "importance",
    "parentFolderId", "conversationId", "conversationIndex", "isDeliveryReceiptRequested",
    "isReadReceiptRequested", "isRead", "isDraft", "webLink", "inferenceClassification", "body",
    "uniqueBody", "sender", "from", "toRecipients", "ccRecipients", "bccRecipients", "replyTo",
    "flag", "internetMessageHeaders",
)  # fmt: skip
"""The properties of a message; there is no size and no sensitivity among them."""

BODY = frozenset({"body", "bodyPreview", "uniqueBody"})
"""What `Mail.ReadBasic` does not show, attachments and extended properties apart."""

ON_REQUEST = frozenset({"uniqueBody", "internetMessageHeaders"})

_COMPARISON = re.compile(r"([\w/]+) (eq|ne|ge|gt|le|lt) ('(?:[^']|'')*'|\S+)")
_CONTAINS = re.compile(r"(contains|startswith)\((\w+), ?'((?:[^']|'')*)'\)")
_PROPERTY_ID = re.compile(r"id eq '(\w+) 0x([0-9A-Fa-f]+)'")

Condition = tuple[str, str, Any]


class Refused(Exception):
    """Graph says no: status, code and message of the answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(slots=True)
class Query:
    """What a request for messages asks for."""

    select: Sequence[str] | None = None
    conditions: list[Condition] = field(default_factory=list)
    order: list[tuple[str, bool]] = field(default_factory=list)
    top: int = DEFAULT_TOP
    skip: int = 0
    count: bool = False
    extended: list[tuple[str, int]] = field(default_factory=list)
    expands_attachments: bool = False
    immutable: bool = False
    body_type: str = "html"

    def fields(self, *, basic: bool) -> Sequence[str]:
        """Return the properties to show."""
        if self.select is not None:
            return self.select
        hidden = ON_REQUEST | (BODY if basic else frozenset())
        return [name for name in MESSAGE if name not in hidden]

    @property
    def needs_read(self) -> bool:
        """Whether `Mail.ReadBasic` is not enough."""
        return bool(BODY & set(self.select or ()) or self.extended or self.expands_attachments)

    def matches(self, row: Mapping[str, Any]) -> bool:
        """Whether a message is wanted."""
        return all(_holds(_value(row, name), op, value) for name, op, value in self.conditions)

    @staticmethod
    def sort_value(row: Mapping[str, Any], name: str) -> str:
        """Return what to sort by."""
        return str(_value(row, name))


def message_query(parameters: Mapping[str, str], prefer: str) -> Query:
    """Return the query that a request's parameters and `Prefer` header make, or refuse it."""
    query = Query(
        select=_select(parameters.get("$select"), MESSAGE),
        conditions=conditions(parameters.get("$filter", "")),
        order=_order(parameters.get("$orderby", "")),
        top=number(parameters, "$top", DEFAULT_TOP),
        skip=number(parameters, "$skip", 0),
        count=parameters.get("$count") == "true",
        immutable='IdType="ImmutableId"' in prefer,
        body_type="text" if 'outlook.body-content-type="text"' in prefer else "html",
    )
    if not 1 <= query.top <= MAX_TOP:
        raise Refused(400, "ErrorInvalidUrlQuery", f"The limit of '{MAX_TOP}' is exceeded.")
    expand = parameters.get("$expand", "")
    if "singleValueExtendedProperties" in expand:
        query.extended = [
            # In lower case and without the leading zero, whatever was asked for.
            (f"{kind.capitalize()} 0x{int(digits, 16):x}", int(digits, 16))
            for kind, digits in _PROPERTY_ID.findall(expand)
        ]
    query.expands_attachments = "attachments" in expand
    if "$search" in parameters and ("$filter" in parameters or "$orderby" in parameters):
        raise Refused(400, "SearchWithFilter", "$search cannot be used with $filter or $orderby.")
    _refuse_inefficient(query)
    return query


def _refuse_inefficient(query: Query) -> None:
    """Refuse an order whose properties do not lead the filter in the same order."""
    if not query.order or not query.conditions:
        return
    names: list[str] = []
    for name, _, _ in query.conditions:
        if name not in names:
            names.append(name)
    if names[: len(query.order)] != [name for name, _ in query.order]:
        message = "The restriction or sort order is too complex for this operation."
        raise Refused(400, "InefficientFilter", message)


def conditions(text: str) -> list[Condition]:
    """Return the comparisons of a `$filter` that are joined by `and`; refuse any other form."""
    found: list[Condition] = []
    rest = text.strip()
    while rest:
        if match := _COMPARISON.match(rest):
            found.append((match[1], match[2], _literal(match[3])))
        elif match := _CONTAINS.match(rest):
            found.append((match[2], match[1], match[3].replace("''", "'")))
        else:
            raise Refused(400, "ErrorInvalidUrlQueryFilter", "The query filter is invalid.")
        rest = rest[match.end() :]
        if rest and not rest.startswith(" and "):
            raise Refused(400, "ErrorInvalidUrlQueryFilter", "The query filter is invalid.")
        rest = rest.removeprefix(" and ")
    return found


def _literal(text: str) -> Any:
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    if text in {"true", "false"}:
        return text == "true"
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(400, "ErrorInvalidUrlQueryFilter", "Invalid literal.") from None
    if at.tzinfo is None:
        raise Refused(400, "ErrorInvalidUrlQueryFilter", "A time needs its zone.")
    return at.astimezone(UTC)


def _holds(value: Any, operator: str, wanted: Any) -> bool:
    if isinstance(wanted, datetime):
        value = datetime.fromisoformat(value)
    if operator in {"contains", "startswith"}:
        text, part = str(value).lower(), str(wanted).lower()
        return part in text if operator == "contains" else text.startswith(part)
    if isinstance(value, str) and isinstance(wanted, str):
        value, wanted = value.lower(), wanted.lower()
    return bool(
        {
            "eq": lambda: value == wanted,
            "ne": lambda: value != wanted,
            "ge": lambda: value >= wanted,
            "gt": lambda: value > wanted,
            "le": lambda: value <= wanted,
            "lt": lambda: value < wanted,
        }[operator]()
    )


def _value(row: Mapping[str, Any], name: str) -> Any:
    found: Any = row
    for step in name.split("/"):
        if not isinstance(found, Mapping) or step not in found:
            raise Refused(400, "BadRequest", f"Could not find a property named '{step}'.")
        found = found[step]
    return found


def select_rows(
    rows: Sequence[Mapping[str, Any]], parameters: Mapping[str, str], known: Sequence[str]
) -> list[dict[str, Any]]:
    """Return directory objects that match `$filter`, cut to `$select`."""
    wanted = conditions(parameters.get("$filter", ""))
    chosen = _select(parameters.get("$select"), known)
    kept = [r for r in rows if all(_holds(_value(r, name), op, v) for name, op, v in wanted)]
    if chosen is None:
        return [dict(row) for row in kept]
    names = {*chosen, "id", "@odata.type"} if "id" in known else {*chosen}
    return [{name: row[name] for name in row if name in names} for row in kept]


def _select(text: str | None, known: Sequence[str]) -> list[str] | None:
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in known:
            message = f"Parsing OData Select and Expand failed: Could not find '{name}'."
            raise Refused(400, "RequestBroker--ParseUri", message)
    return names


def _order(text: str) -> list[tuple[str, bool]]:
    found = []
    for part in filter(None, text.split(",")):
        name, _, direction = part.strip().partition(" ")
        if direction not in {"", "asc", "desc"}:
            raise Refused(400, "ErrorInvalidUrlQuery", "The order is invalid.")
        found.append((name, direction == "desc"))
    return found


def number(parameters: Mapping[str, str], name: str, default: int) -> int:
    """Return a parameter that must be a number."""
    text = parameters.get(name, str(default))
    if not text.isdigit():
        raise Refused(400, "ErrorInvalidUrlQuery", f"{name} is no number.")
    return int(text)
