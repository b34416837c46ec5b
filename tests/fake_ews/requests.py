"""A SOAP request taken apart, and held to what the protocol allows."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lxml import etree

from tests.fake_ews import items
from tests.fake_ews.items import Item

NAMES = {
    "s": "http://schemas.xmlsoap.org/soap/envelope/",
    "t": "http://schemas.microsoft.com/exchange/services/2006/types",
    "m": "http://schemas.microsoft.com/exchange/services/2006/messages",
}

ORDER = {
    "GetFolder": "FolderShape FolderIds",
    "FindFolder": "FolderShape IndexedPageFolderView Restriction ParentFolderIds",
    "FindItem": "ItemShape IndexedPageItemView Restriction SortOrder ParentFolderIds QueryString",
    "GetItem": "ItemShape ItemIds",
    "SyncFolderItems": "ItemShape SyncFolderId SyncState Ignore MaxChangesReturned SyncScope",
    "ResolveNames": "ParentFolderIds UnresolvedEntry",
    "ExpandDL": "Mailbox",
    "GetAttachment": "AttachmentShape AttachmentIds",
    "ConvertId": "SourceIds",
    "GetServerTimeZones": "Ids",
}
"""Each operation's elements in the order of the schema."""

SHAPE = (
    "BaseShape IncludeMimeContent BodyType UniqueBodyType NormalizedBodyType FilterHtmlContent "
    "ConvertHtmlCodePageToUTF8 AdditionalProperties"
)
NEEDED = {
    "GetItem": ("ItemShape", "ItemIds"),
    "SyncFolderItems": ("ItemShape", "SyncFolderId", "MaxChangesReturned"),
    "FindItem": ("ItemShape", "ParentFolderIds"),
    "GetFolder": ("FolderShape", "FolderIds"),
    "FindFolder": ("FolderShape", "ParentFolderIds"),
}
VERSIONS = {
    "Exchange2007", "Exchange2007_SP1", "Exchange2010", "Exchange2010_SP1", "Exchange2010_SP2",
    "Exchange2013", "Exchange2013_SP1", "Exchange2015", "Exchange2015_SP1", "Exchange2016",
}  # fmt: skip
FOLDER_FIELDS = {
    f"folder:{name}"
    for name in [
        "FolderId",
        "ParentFolderId",
        "DisplayName",
        "UnreadCount",
        "TotalCount",
        "ChildFolderCount",
        "FolderClass",
        "SearchParameters",
        "ManagedFolderInformation",
        "PermissionSet",
        "EffectiveRights",
        "DistinguishedFolderId",
        "PolicyTag",
        "ArchiveTag",
        "SharingEffectiveRights",
    ]
}
DATES = {"item:DateTimeSent": "sent", "item:DateTimeCreated": "created"}
"""Fields that a list can be restricted to and ordered by, and where an item holds them."""


class Refused(Exception):  # not an error of this program
    """A request that the protocol does not allow."""


@dataclass
class Request:
    """One request: the operation, whose mailbox it is about, and the ids it names."""

    operation: str
    body: Any
    version: str
    mailbox: str
    ids: list[str]
    impersonated: str = ""
    names = NAMES

    def find(self, path: str) -> Any:
        """Return the first element at a path, None where there is none."""
        return self.body.find(path, NAMES)

    def text(self, path: str) -> str:
        """Return the text of the first element at a path."""
        return self.body.findtext(path, "", NAMES) or ""


def _local(element: Any) -> str:
    return str(etree.QName(element).localname)


def _in_order(parent: Any, order: str, what: str) -> None:
    known = order.split()
    places = []
    for child in parent:
        if _local(child) not in known:
            raise Refused(f"{what} has no {_local(child)}")
        places.append(known.index(_local(child)))
    if places != sorted(places):
        raise Refused(f"{what}: its elements are out of order")


def read(body: bytes) -> Request:
    """Return a request; raises `Refused` for what the schema does not allow."""
    try:
        root = etree.fromstring(body)
    except etree.XMLSyntaxError as error:
        raise Refused("no XML") from error
    inside = root.find("s:Body", NAMES)
    if inside is None or len(inside) != 1:
        raise Refused("a SOAP body holds one request")
    found = inside[0]
    operation = _local(found)
    if operation not in ORDER:
        raise Refused(f"{operation}: no such operation here")
    _in_order(found, ORDER[operation], operation)
    for name in NEEDED.get(operation, ()):
        if found.find(f"m:{name}", NAMES) is None:
            raise Refused(f"{operation} without {name}")
    for shape in (found.find("m:ItemShape", NAMES), found.find("m:FolderShape", NAMES)):
        if shape is not None:
            _check_shape(shape, operation)
    header = root.find("s:Header/t:RequestServerVersion", NAMES)
    version = "" if header is None else header.get("Version", "")
    if version not in VERSIONS:
        raise Refused(f"RequestServerVersion {version!r} is none")
    ids = [
        element.get("Id", "")
        for element in found.iter()
        if _local(element) in {"ItemId", "FolderId", "DistinguishedFolderId", "AttachmentId"}
    ]
    who = root.find("s:Header/t:ExchangeImpersonation/t:ConnectingSID", NAMES)
    impersonated = "" if who is None or not len(who) else (who[0].text or "")
    return Request(operation, found, version, _mailbox(impersonated, found), ids, impersonated)


def _check_shape(shape: Any, operation: str) -> None:
    _in_order(shape, SHAPE, f"{operation}'s shape")
    if shape.findtext("t:BaseShape", "", NAMES) not in {"IdOnly", "Default", "AllProperties"}:
        raise Refused(f"{operation} without a BaseShape")
    known = items.ALL | items.UNKNOWN_HERE | FOLDER_FIELDS
    for field in shape.iterfind("t:AdditionalProperties/*", NAMES):
        if _local(field) == "FieldURI" and field.get("FieldURI") not in known:
            raise Refused(f"{operation}: no field {field.get('FieldURI')!r}")


def _mailbox(impersonated: str, found: Any) -> str:
    """Return whose mailbox a request is about: named with a folder, else impersonated."""
    named = found.findtext(".//t:DistinguishedFolderId/t:Mailbox/t:EmailAddress", "", NAMES)
    return str(named or impersonated or _of_ids(found))


def _of_ids(found: Any) -> str:
    """Return the mailbox that an id names, as real ids do."""
    for element in found.iter():
        key = element.get("Id", "")
        if "@" in key:
            return str(key.partition("/")[0])
        if _local(element) in {"ItemId", "AttachmentId"}:
            try:
                plain = base64.urlsafe_b64decode(key.partition("/")[0]).decode()
            except ValueError:
                return ""
            return str(plain.partition("/")[0])
    return ""


def fields_of(request: Request) -> frozenset[str]:
    """Return the fields that a request asks for."""
    found = request.body.iterfind(".//t:AdditionalProperties/t:FieldURI", NAMES)
    names = frozenset(element.get("FieldURI", "") for element in found)
    if request.text(".//t:IncludeMimeContent") == "true":
        names |= {items.MIME}
    if request.text(".//t:BaseShape") == "AllProperties":
        names |= items.ALL - items.NOT_IN_LISTS if "Find" in request.operation else items.ALL
    return names


def condition(request: Request) -> Callable[[Item], bool]:
    """Return what a restriction keeps: conditions on dates, joined by And."""
    found = request.find("m:Restriction")
    if found is None:
        return lambda _item: True
    tests = list(found[0]) if _local(found[0]) == "And" else [found[0]]
    limits = []
    for test in tests:
        field = test.find("t:FieldURI", NAMES)
        value = test.find("t:FieldURIOrConstant/t:Constant", NAMES)
        if field is None or field.get("FieldURI") not in DATES or value is None:
            raise Refused("a restriction on anything but a date")
        limits.append((_local(test), DATES[field.get("FieldURI")], value.get("Value", "")[:19]))
    compare: dict[str, Callable[[str, str], bool]] = {
        "IsGreaterThanOrEqualTo": lambda a, b: a >= b,
        "IsGreaterThan": lambda a, b: a > b,
        "IsLessThan": lambda a, b: a < b,
        "IsLessThanOrEqualTo": lambda a, b: a <= b,
    }
    return lambda item: all(
        bool(getattr(item, date)) and compare[name](getattr(item, date)[:19], value)
        for name, date, value in limits
    )
