"""Where the fake signs in: Microsoft's authority, and the identity services of Azure's machines."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from tests.fake_graph.faults import Answer

if TYPE_CHECKING:
    from tests.fake_graph.graph import Request
    from tests.fake_graph.tenant import Tenant

JSON = {"Content-Type": "application/json"}
REFUSALS = {
    "AADSTS7000215": ("invalid_client", "Invalid client secret provided."),
    "AADSTS7000222": ("invalid_client", "The provided client secret keys are expired."),
    "AADSTS700016": ("unauthorized_client", "Application was not found in the directory."),
    "AADSTS700024": ("invalid_client", "Client assertion is not within its valid time range."),
    "AADSTS700027": ("invalid_client", "Client assertion contains an invalid signature."),
    "AADSTS1000502": ("invalid_client", "The provided certificate is not within its time range."),
    "AADSTS700213": ("invalid_request", "No matching federated identity record found."),
    "AADSTS65001": ("invalid_grant", "Nobody has consented to use the application."),
    "AADSTS7000229": ("unauthorized_client", "The application misses its service principal."),
    "AADSTS7000218": ("invalid_client", "The request body must contain client_secret."),
    "AADSTS7000112": ("unauthorized_client", "Application is disabled."),
    "AADSTS500011": ("invalid_resource", "The resource principal was not found in the tenant."),
    "AADSTS53003": ("access_denied", "Access has been blocked by Conditional Access policies."),
}
"""What Microsoft says with a code: its OAuth error, and the first sentence of the description."""


@dataclass
class Login:
    """Gives tokens, counts them, and knows which count no longer."""

    issued: int = 0
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Each request for a token: the last step of its path, and its form or query."""

    lifetime: int = 3599
    refuses: str = ""
    """The code that each request for a token is refused with."""

    adds: str = ""
    """What a refusal says beyond its first sentence."""

    busy: int = 0
    """So many further requests for a token are answered 503."""

    assertion: str = ""
    """The token of a workload that counts now, where apps sign in by federation."""

    person: str = ""
    """Who types the code that a device shows; nobody does where empty."""

    pending: int = 1
    """How often a device asks before the code is typed."""

    expects: Mapping[str, str] = field(default_factory=dict)
    """The headers that the identity service of a machine insists on."""

    page: bytes = b""
    """What a proxy answers in place of any of it."""

    _ends: dict[str, float] = field(default_factory=dict)
    _people: dict[str, str] = field(default_factory=dict)

    def over(self, token: str) -> bool:
        """Tell whether a token has ended."""
        return time.monotonic() > self._ends.get(token, float("inf"))

    def person_of(self, token: str) -> str:
        """Return whose delegated token it is, empty for that of an app."""
        return self._people.get(token, "")

    def answer(self, request: Request, tenant: Tenant) -> Answer | None:
        """Return what signing in gets; None for a request that is about something else."""
        steps = request.steps
        if steps[:3] in (["metadata", "identity", "oauth2"], ["msi", "token"]):
            return self._machine(request)
        if steps[-1] != "openid-configuration" and steps[:1] != [tenant.tenant_id]:
            return None
        if self.page:
            return Answer(200, self.page, {"Content-Type": "text/html"})
        if steps[0] != tenant.tenant_id:
            return refused("AADSTS90002", "invalid_tenant", f"Tenant '{steps[0]}' not found.")
        if steps[-1] == "openid-configuration":
            return _shown(_configuration(f"{request.base}/{tenant.tenant_id}"))
        form = {k: v[-1] for k, v in parse_qs(request.body.decode()).items()}
        return self._token(steps[-1], form, tenant)

    def _token(self, what: str, form: dict[str, str], tenant: Tenant) -> Answer:
        self.asked.append((what, form))
        if self.busy:
            self.busy -= 1
            return Answer(503, b"Service Unavailable", {"Content-Type": "text/plain"})
        if self.refuses:
            return refused(self.refuses, *REFUSALS[self.refuses], self.adds)
        if form.get("client_id") != tenant.client_id:
            return refused("AADSTS700016", *REFUSALS["AADSTS700016"])
        if what == "devicecode":
            return _shown(
                {"device_code": "device", "user_code": "ABCD1234", "interval": 1, "expires_in": 900}
                | {"verification_uri": "https://login.test/device"}
                | {"message": "To sign in, open https://login.test/device and type ABCD1234"}
            )
        if "device_code" in form or form.get("grant_type") == "refresh_token":
            return self._delegated(form)
        if self.assertion:
            if form.get("client_assertion") != self.assertion:
                return refused("AADSTS700024", *REFUSALS["AADSTS700024"])
        elif form.get("client_secret") != tenant.secret:
            return refused("AADSTS7000215", *REFUSALS["AADSTS7000215"], self.adds)
        return _shown({"token_type": "Bearer", "expires_in": self.lifetime} | self._issue())

    def _delegated(self, form: Mapping[str, str]) -> Answer:
        if "device_code" in form and not self.person:
            return refused("AADSTS70018", "authorization_declined", "The user declined.")
        if "device_code" in form and self.pending:
            self.pending -= 1
            return refused("AADSTS70016", "authorization_pending", "The code was not typed yet.")
        claims = {"aud": form["client_id"], "iss": "https://login.test/v2.0", "sub": "person"}
        more = {
            "refresh_token": "refresh",
            "scope": "https://graph.test/Mail.Read",
            "id_token": f"{_encoded({})}.{_encoded(claims | {'exp': time.time() + 600})}.x",
            "client_info": _encoded({"uid": "person", "utid": "tenant"}),
        }
        return _shown(
            {"token_type": "Bearer", "expires_in": self.lifetime} | more | self._issue(self.person)
        )

    def _machine(self, request: Request) -> Answer:
        self.asked.append(("machine", dict(request.parameters)))
        if self.busy:
            self.busy -= 1
            return Answer(503, b"{}", JSON)
        headers = {name.lower(): value for name, value in self.expects.items()}
        if any(request.headers.get(name) != value for name, value in headers.items()):
            return Answer(
                400, b'{"error": "invalid_request", "error_description": "headers"}', JSON
            )
        if self.refuses:
            said = {
                "error": "invalid_request",
                "error_description": f"Identity not found{self.adds}",
            }
            return Answer(400, json.dumps(said).encode(), JSON)
        lifetime = str(self.lifetime)
        ends = str(int(time.time()) + self.lifetime)
        return _shown(self._issue() | {"expires_in": lifetime, "expires_on": ends})

    def _issue(self, person: str = "") -> dict[str, str]:
        self.issued += 1
        token = f"token-{self.issued}"
        self._ends[token] = time.monotonic() + self.lifetime
        if person:
            self._people[token] = person
        return {"access_token": token}


def refused(code: str, error: str, sentence: str, more: str = "") -> Answer:
    """Return a refusal in Microsoft's form."""
    told = f"{code}: {sentence} {more}\r\nTrace ID: 0\r\nTimestamp: 2026-01-01 00:00:00Z"
    body = {"error": error, "error_description": told, "error_codes": [int(code[6:])]}
    status = 401 if error == "invalid_client" else 400
    return Answer(status, json.dumps(body).encode(), dict(JSON))


def _configuration(here: str) -> dict[str, Any]:
    return {
        "issuer": f"{here}/v2.0",
        "authorization_endpoint": f"{here}/oauth2/v2.0/authorize",
        "token_endpoint": f"{here}/oauth2/v2.0/token",
        "device_authorization_endpoint": f"{here}/oauth2/v2.0/devicecode",
        "jwks_uri": f"{here}/discovery/v2.0/keys",
    }


def _encoded(body: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(body).encode()).rstrip(b"=").decode()


def _shown(body: Mapping[str, Any]) -> Answer:
    return Answer(200, json.dumps(body).encode(), dict(JSON))
