"""What an Exchange server's refusals mean, in words that say what to do, and as coverage."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from scanner.errors import (
    CheckpointLostError,
    ConnectorError,
    DeniedError,
    NotEnabledError,
    ParkedError,
)

if TYPE_CHECKING:
    from scanner.connectors.ews_access import Access

MESSAGES = "{http://schemas.microsoft.com/exchange/services/2006/messages}"
TYPES = "{http://schemas.microsoft.com/exchange/services/2006/types}"


class UnsupportedError(ConnectorError):
    """The server does not have this operation, or not in this form."""


class SignInError(DeniedError):
    """The server lets nobody in with these credentials: no other mailbox is tried."""


class UnreachableError(ParkedError):
    """The server cannot be reached, or is none: no other mailbox is tried."""


NO_EWS = (
    "what answers at the endpoint is no Exchange Web Services; check the endpoint, which ends in "
    "/EWS/Exchange.asmx"
)
_DENIED = {
    "ErrorAccessDenied": (
        "no permission to read it; grant the service account impersonation or full access "
        "(docs/exchange.md)"
    ),
    "ErrorImpersonateUserDenied": (
        "the service account may not impersonate this mailbox; put it into the management scope "
        "of its role ApplicationImpersonation (docs/exchange.md)"
    ),
    "ErrorImpersonationDenied": (
        "the service account may not impersonate anybody; give it the role "
        'ApplicationImpersonation, or set access = "delegate" (docs/exchange.md)'
    ),
    "ErrorImpersonationFailed": (
        "impersonation failed; check the role ApplicationImpersonation and its scope "
        "(docs/exchange.md)"
    ),
    "ErrorAccountDisabled": "its account is disabled; enable the account, or leave it out",
}
_NOT_ENABLED = {
    "ErrorNonExistentMailbox": (
        "there is no such mailbox on this server; check that it is its primary address, or leave "
        "it out"
    ),
    "ErrorNonPrimarySmtpAddress": (
        "the address is an alias; name the mailbox by its primary address"
    ),
    "ErrorInvalidSmtpAddress": "no valid address; correct it, or leave it out",
    "ErrorMissingEmailAddress": "the account has no mailbox; leave it out",
    "ErrorUnsupportedMailbox": "no mailbox of a kind that can be read",
    "ErrorFolderNotFound": "the mailbox has no such folder",
    "ErrorItemNotFound": "the mailbox has no such folder",
    "ErrorArchiveMailboxNotEnabled": "the mailbox has no archive",
}
PARKED = {
    "ErrorMailboxMoveInProgress": "the mailbox is being moved; the next scan tries again",
    "ErrorMailboxStoreUnavailable": "its database is not available; the next scan tries again",
    "ErrorMailboxFailover": "its database is being failed over; the next scan tries again",
    "ErrorConnectionFailed": "the server cannot reach the mailbox; the next scan tries again",
    "ErrorADUnavailable": "the server cannot reach its directory; the next scan tries again",
    "ErrorADOperation": "the server's directory fails; the next scan tries again",
    "ErrorServerBusy": (
        "throttled: the server kept asking to wait; the next scan goes on from here, with fewer "
        "workers or a throttling policy of its own it gets further (docs/exchange.md)"
    ),
    "ErrorExceededConnectionCount": (
        "the server allows no more connections; the next scan tries again, with fewer workers it "
        "gets further"
    ),
    "ErrorInternalServerError": "the server fails on it; the next scan tries again",
    "ErrorQuotaExceeded": "a quota of the server is exceeded; the next scan tries again",
}
_AFAR = ("ErrorProxy", "ErrorNoDestinationCAS", "ErrorNoRespondingCAS")
"""So begin the codes of a server that cannot hand a call on to the one with the mailbox."""

_LOST = {"ErrorInvalidSyncStateData", "ErrorSyncFolderNotFound"}
BUSY = {
    "ErrorServerBusy", "ErrorTooManyObjectsOpened", "ErrorInternalServerTransientError",
    "ErrorExceededConnectionCount", "ErrorTimeoutExpired",
}  # fmt: skip
"""What passes; in one answer it may follow on items that were given."""

_UNSUPPORTED = {
    "ErrorInvalidRequest", "ErrorSchemaValidation", "ErrorInvalidServerVersion",
    "ErrorInvalidSchemaVersionForMailboxVersion", "ErrorIncorrectSchemaVersion",
    "ErrorInvalidOperation", "ErrorNotSupported", "ErrorInvalidPropertyRequest",
    "ErrorUnsupportedPathForQuery", "ErrorUnsupportedPathForSortGroup",
}  # fmt: skip
_ITEM = {
    "ErrorItemNotFound": "it was moved or deleted while the folder was read",
    "ErrorAccessDenied": "no permission to read it",
    "ErrorItemCorrupt": "the server says that it is damaged",
    "ErrorCorruptData": "the server says that it is damaged",
    "ErrorMimeContentConversionFailed": "the server cannot convert it",
    "ErrorContentConversionFailed": "the server cannot convert it",
    "ErrorMessageSizeExceeded": "larger than the server gives out",
}


def code_of(message: Any) -> str:
    """Return the code of a response message."""
    found = (message.findtext(f"{MESSAGES}ResponseCode") or "").strip()
    return found or ("NoError" if message.get("ResponseClass") == "Success" else "no code")


def back_off(message: Any) -> float | None:
    """Return the seconds that a server asks to wait, None where it names none."""
    for value in message.iterfind(f"{MESSAGES}MessageXml/{TYPES}Value"):
        if value.get("Name") == "BackOffMilliseconds":
            with suppress(TypeError, ValueError):
                return int(value.text) / 1000
    return None


def refusal(code: str) -> ConnectorError:
    """Return the error that a code stands for, where a mailbox or folder cannot be read."""
    if code in _DENIED:
        return DeniedError(_DENIED[code])
    if code in _NOT_ENABLED:
        return NotEnabledError(_NOT_ENABLED[code])
    if code in PARKED:
        return ParkedError(PARKED[code])
    if code.startswith(_AFAR):
        return ParkedError(
            "the server cannot reach the one that holds the mailbox; the next scan tries again, or "
            "name that server's own endpoint"
        )
    if code in _LOST:
        return CheckpointLostError("the server no longer knows how far it was read")
    if code in _UNSUPPORTED:
        return UnsupportedError(f"the server does not do what is asked of it ({code})")
    return ConnectorError(f"the server refuses it ({code})")


def item_problem(code: str) -> str:
    """Return why one item cannot be read."""
    if code == "NoError":
        return "the server's answer about it is empty"
    return _ITEM.get(code, f"the server refuses it ({code})")


def explained(error: Exception, access: Access) -> ConnectorError:
    """Return the error of a call as a scan words it: never in the server's words, which may quote.

    Of exchangelib's errors each class of EWS has the code's name.
    """
    name = type(error).__name__
    if name in {"UnauthorizedError", *_TOKEN_REFUSED}:
        offers = getattr(error, "offers", "")
        instead = "check user, password and auth, and that the account is not locked"
        if offers and access.auth not in offers:
            instead = f"it offers {offers}: set auth to that"
        return SignInError(
            f"the server refuses to sign in {access.username or access.client_id or 'this user'} "
            f"by {access.auth}; {instead}"
        )
    if name == "RateLimitError":
        return ParkedError(PARKED["ErrorServerBusy"])
    if name in {"SOAPError", "NotImplementedError"}:
        return UnsupportedError("the server does not do what is asked of it (a SOAP fault)")
    if name in {"TransportError", "SSLError"}:
        return UnreachableError(
            "no secure connection to the server: its certificate is not trusted; name the file of "
            "your certification authority as ca_file"
        )
    if name == "CASError":
        return ConnectorError("the server's client access refuses the call; ask its administrator")
    if name in {"RedirectError", "MalformedResponseError"}:
        return UnreachableError(NO_EWS)
    if name in {"ErrorTimeoutExpired", "ConnectionError", "Timeout", "ConnectTimeout"}:
        return UnreachableError(
            "the connection to the server fails or takes too long; check the endpoint and the "
            "network; the next scan tries again"
        )
    return refusal(name)


_TOKEN_REFUSED = {
    "InvalidClientError", "UnauthorizedClientError", "InvalidScopeError", "InvalidGrantError",
    "MissingTokenError", "CustomOAuth2Error", "AccessDeniedError",
}  # fmt: skip
"""What oauthlib raises where an authority gives no token."""
