"""Judges exchanges: by Microsoft's published OpenAPI for mail, and by schemas for what it lacks."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from jsonschema import Draft202012Validator
from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

if TYPE_CHECKING:
    from tests.fake_graph.faults import Answer
    from tests.fake_graph.graph import Request

OPENAPI = Path(__file__).parents[3] / "shared" / "reference" / "graph-mail-openapi.yaml"
HOST = "https://graph.microsoft.com"
BEYOND = frozenset({"includeHiddenFolders"})
"""A documented parameter that the published slice of 2021 does not know yet."""

TEXT = {"type": "string"}
MAYBE = {"type": ["string", "null"]}
TEXTS = {"type": "array", "items": TEXT}
FLAG = {"type": ["boolean", "null"]}


def _object(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": [*required], "properties": properties}


def _collection(item: Mapping[str, Any]) -> dict[str, Any]:
    link = {"@odata.nextLink": {"type": "string", "format": "uri"}}
    return _object("value", value={"type": "array", "items": item}, **link)


_GROUP = _object(
    "id", id=TEXT, mail=MAYBE, proxyAddresses=TEXTS, groupTypes=TEXTS, mailEnabled=FLAG,
    securityEnabled=FLAG, visibility={"enum": ["Private", "Public", "HiddenMembership", None]},
)  # fmt: skip
_MEMBER = {
    "type": "object",
    "required": ["@odata.type", "id"],
    "properties": {
        "@odata.type": {"pattern": r"^#microsoft\.graph\.(user|group|orgContact|device)$"},
        "mail": MAYBE,
        "proxyAddresses": {"type": ["array", "null"], "items": TEXT},
    },
}
_USER = _object("id", id=TEXT, userType=MAYBE, mail=MAYBE, proxyAddresses=TEXTS)
_PURPOSES = ["user", "linked", "shared", "room", "equipment", "others"]
DIRECTORY = {"$select", "$filter", "$top", "$skiptoken", "$count", "$orderby"}

OTHERS: dict[str, tuple[set[str], dict[str, Any]]] = {
    # What the published slice has no path for: parameters that may be sent, form of the answer.
    r"/v1.0/me": ({"$select"}, _USER),
    r"/v1.0/users/[^/]+": ({"$select"}, _USER),
    r"/v1.0/users/[^/]+/mailboxSettings": (
        {"$select"},
        _object("userPurpose", userPurpose={"enum": _PURPOSES}),
    ),
    r"/(v1.0|beta)/users/[^/]+/settings/exchange": (
        set(),
        _object(
            "primaryMailboxId",
            primaryMailboxId={"pattern": "^MBX:.+@.+$"},
            inPlaceArchiveMailboxId={"anyOf": [{"pattern": "^MBX:.+@.+$"}, {"type": "null"}]},
        ),
    ),
    r"/v1.0/groups": (DIRECTORY, _collection(_GROUP)),
    r"/v1.0/groups/[^/]+": ({"$select"}, _GROUP),
    r"/v1.0/groups/[^/]+/(members|transitiveMembers)(/microsoft\.graph\.\w+)?": (
        DIRECTORY,
        _collection(_MEMBER),
    ),
    r"/v1.0/domains": (
        {"$select", "$top", "$skiptoken"},
        _collection(_object("id", id=TEXT, isVerified=FLAG, supportedServices=TEXTS)),
    ),
    r"/v1.0/contacts": (
        DIRECTORY,
        _collection(_object("id", id=TEXT, mail=MAYBE, proxyAddresses=TEXTS)),
    ),
    r"/v1.0/users/[^/]+/(mailFolders/[^/]+/)?messages/[^/]+/attachments/[^/]+/\$value": (
        set(),
        {},
    ),
}
_ERROR = _object("error", error=_object("code", "message", code=TEXT, message=TEXT))


@dataclass
class Contract:
    """Judges each exchange and keeps what was wrong with it."""

    violations: list[str] = field(default_factory=list)
    judged: int = 0
    """Exchanges judged by the published OpenAPI."""

    def judge(self, request: Request, answer: Answer) -> None:
        """Hold one exchange to the contract."""
        path = "/" + "/".join(request.steps)
        found = [*self._of_request(request, path), *self._of_answer(request, path, answer)]
        self.violations += [f"{request.line}: {problem}" for problem in found]

    def _of_request(self, request: Request, path: str) -> list[str]:
        if request.method != "GET" and not path.endswith("/$batch"):
            return ["only reading is allowed"]
        allowed = _allowed(path)
        if allowed is None:
            return ["no such path in the contract"]
        problems = []
        unknown = request.parameters.keys() - allowed - BEYOND
        if unknown:
            problems.append(f"unknown parameters {sorted(unknown)}")
        if _published(path) is not None:
            self.judged += 1
            try:
                _openapi().validate_request(_openapi_request(request, path))
            except OpenAPIError as error:
                problems.append(_said(error))
        return problems

    def _of_answer(self, request: Request, path: str, answer: Answer) -> list[str]:
        if not answer.honest or _allowed(path) is None:
            return []
        if answer.status != 200:
            return _problems(_ERROR, answer)
        if _published(path) is None:
            schema = next((s for p, (_, s) in OTHERS.items() if re.fullmatch(p, path)), None)
            return _problems(schema, answer) if schema else []
        kind = answer.headers.get("Content-Type", "")
        if path.endswith("/$value"):
            kind = "application/octet-stream"  # the slice's word for MIME; in truth text/plain
        response = MockResponse(answer.body, answer.status, content_type=kind.partition(";")[0])
        try:
            _openapi().validate_response(_openapi_request(request, path), response)
        except OpenAPIError as error:
            return [_said(error)]
        return []


def _problems(schema: Mapping[str, Any], answer: Answer) -> list[str]:
    return [
        f"answer: {error.json_path}: {error.message}"
        for error in Draft202012Validator(schema).iter_errors(json.loads(answer.body))
    ]


def _said(error: BaseException) -> str:
    causes = [str(error)]
    while error.__cause__ is not None:
        error = error.__cause__
        causes.append(str(error))
    inner = getattr(error, "schema_errors", [])
    causes += [f"{one.json_path}: {one.message}" for one in inner]
    return "; ".join(causes)[:600]


def published() -> bool:
    """Whether Microsoft's OpenAPI document lies beside the checkout."""
    return OPENAPI.is_file()


@cache
def _document() -> dict[str, Any]:
    if not published():
        return {"paths": {}}
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document: dict[str, Any] = yaml.load(OPENAPI.read_text("utf-8"), loader)
    document["servers"] = [{"url": f"{HOST}/v1.0"}]
    return document


@cache
def _openapi() -> OpenAPI:
    return OpenAPI.from_dict(_document())


@cache
def _templates() -> list[tuple[re.Pattern[str], str, frozenset[str]]]:
    """Return each path of the document: its expression, itself, its query parameters."""
    document = _document()
    found = []
    for template, item in document["paths"].items():
        names = set()
        for parameter in item["get"]["parameters"]:
            if "$ref" in parameter:
                name = parameter["$ref"].rpartition("/")[2]
                parameter = document["components"]["parameters"][name]
            if parameter["in"] == "query":
                names.add(parameter["name"])
        parts = [
            "[^/]+" if part.startswith("{") else re.escape(part) for part in template.split("/")
        ]
        found.append((re.compile("/v1.0" + "/".join(parts)), template, frozenset(names)))
    return found


@cache
def _published(path: str) -> tuple[str, frozenset[str]] | None:
    """Return the template and the parameters of a path in the document."""
    return next(((t, names) for p, t, names in _templates() if p.fullmatch(path)), None)


def _allowed(path: str) -> frozenset[str] | None:
    """Return the query parameters a path may have; None where the path is unknown."""
    if path.endswith("/$batch"):
        return frozenset()
    known = _published(path)
    if known is not None:
        # Opaque parts of a nextLink are the server's own.
        return known[1] | {"$skiptoken"}
    for pattern, (names, _) in OTHERS.items():
        if re.fullmatch(pattern, path):
            return frozenset(names)
    mail_path = re.match(r"/v1.0/users/[^/]+/(mailFolders|messages)", path)
    if not published() and (mail_path or path == "/v1.0/users"):
        return frozenset(
            {"$select", "$filter", "$orderby", "$top", "$skip", "$count", "$expand", "$search"}
            | {"$skiptoken"}
        )
    return None


def _openapi_request(request: Request, path: str) -> MockRequest:
    arguments = dict(request.parameters)
    if "$expand" in arguments:
        # The document lists names only; options in brackets are OData's.
        arguments["$expand"] = re.sub(r"\(.*?\)(?=,|$)", "", arguments["$expand"])
    return MockRequest(HOST, request.method, path, args=arguments, headers=dict(request.headers))
