"""E-mail text to measure with: prose with values of many kinds planted in it, and without."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from scanner import mime
from scanner.errors import UnreadableError
from scanner.text import body_text, normalise
from tests.data.labelled.make import PLANS

# What the reference's 29 patterns look for: British and American numbers, money, contact, some EU.
REFERENCE_KINDS = (
    "nhs-number", "national-insurance-number", "payment-card", "iban", "bank-account", "sort-code",
    "account-number", "bic", "phone-numbers", "chi-number", "health-and-care-number",
    "unique-taxpayer-reference", "passport-number", "driving-licence", "vehicle-registration",
    "pupil-number", "postcode", "email-addresses", "ip-address", "us-social-security-number",
    "us-taxpayer-number", "personal-vat-number", "german-tax-id", "spanish-identity-number",
    "polish-pesel",
)  # fmt: skip
CARRIERS = (
    "Please note her {n}: {v}, thanks.", "The {n} is {v} as far as I know.", "{n}: {v}",
    "We have {n} {v} on file.", "{n}\t{v}", "(her {n} is {v})",
    "For the form you need the {n}, which is {v}.",
)  # fmt: skip
PROSE = (
    "the papers for this meeting are on our drive and we would like you to read them before "
    "Thursday because several people asked about costs of repairs in spring which nobody could "
    "answer then so please come with your own view of it all best wishes from everyone here"
)
SIZE, PLANTED = 1_900, 8


def invented(count: int) -> list[str]:
    """Return texts without anything to find."""
    rng, words, texts = random.Random(1), PROSE.split(), []
    for _ in range(count):
        lines: list[str] = []
        while sum(map(len, lines)) < SIZE:
            lines.append(" ".join(rng.choices(words, k=rng.randrange(3, 14))))
        texts.append("\n".join(lines))
    return texts


def real(folder: Path, count: int) -> list[str]:
    """Return stretches of real mail, as often over as it takes."""
    texts = []
    for path in sorted(folder.glob("*.eml")):
        try:
            found = mime.parse(path.read_bytes(), bodies=True)
        except UnreadableError:
            continue
        text = body_text(found.plain, found.html)
        texts += [text[at : at + SIZE] for at in range(0, len(text) - 400, SIZE)]
    return [texts[number % len(texts)] for number in range(count)]


def planted(prose: Sequence[str]) -> list[str]:
    """Return texts with eight values each, in sentences of their own."""
    rng = random.Random(7)
    kinds = [kind for kind in REFERENCE_KINDS if kind != "bic"]
    texts = []
    for text in prose:
        lines = text.split("\n")
        for _ in range(PLANTED):
            kind = rng.choice(kinds)
            plan = PLANS[kind]
            value = plan.make(rng)
            if plan.forms and rng.random() < 0.7:
                value = rng.choice(plan.forms)(value)
            if kind == "bank-account":
                value += f" account 5577{rng.randrange(10_000):04}"
            line = rng.choice(CARRIERS).replace("{n}", rng.choice(plan.names))
            lines.insert(rng.randrange(len(lines) + 1), line.replace("{v}", value))
        texts.append(normalise("\n".join(lines)))
    return texts
