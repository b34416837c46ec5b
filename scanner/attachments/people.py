"""How many people a table is about: from its header in seven languages, and a key where it has one.

A name alone is no key: two people share one. Where no column tells people apart, each row counts.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from scanner.addresses import given_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

HEADER_ROWS = 25
SAMPLE_ROWS = 60
MAX_COLUMNS = 300


class Estimate(NamedTuple):
    """Rows about people, the people they are about, and what the number rests on."""

    rows: int
    people: int
    basis: str


# Header words without accents, lower case; en, de, fr, es, it, nl, pl. The order decides.
_ROLES: tuple[tuple[str, str], ...] = (
    ("other", r"(?:order|invoice|job|repair|ticket|transaction|product|item|file|sheet|page|event"
     r"|company|supplier|vendor|project|team|course|school|street|road|bank|brand|asset|serial"
     r"|rechnung|bestell|auftrag|artikel|projekt|firma|facture|commande|produit|article|societe"
     r"|factura|pedido|producto|empresa|fattura|ordine|prodotto|azienda|factuur|bestelling|bedrijf"
     r"|faktura|zamowieni|produkt)\w*\W*(?:name|no|nr|number|nummer|ref\w*|id|num\w*|nome|nombre"
     r"|nom|naam|nazwa)?"),
    ("email", r".*\b(?:e ?mail|mail|email|courriel|correo(?: electronico)?|posta elettronica)\b.*"),
    ("birth", r"(?:.*\b(?:date of birth|birth ?(?:date|day)?|dob|d o b|born|geburts\w*|geb\w{0,6}"
     r"|geboren|naissance|ne le|nee le|nacimiento|nascita|nato il|geboorte\w*|urodzenia"
     r"|data ur)\b.*)"),
    ("person", r"(?:dni|nie|nif|nir)(?: .*)?|.*\b(?:nhs|nino|national insurance|ni (?:no|number)"
     r"|ssn|social security|chi|upn|passport|driving licen[cs]e|personal(?:nummer|ausweis)"
     r"|sozialversicherung\w*|steuer ?id\w*|securite sociale|insee|seguridad social"
     r"|codice fiscale|bsn|burgerservicenummer|pesel|paszport\w*|passeport|pasaporte|passaporto"
     r"|reisepass)\b.*"),
    ("record", r".*\b(?:(?:tenant|tenancy|customer|client|patient|member(?:ship)?|employee|staff"
     r"|payroll|pupil|student|person|resident|claimant|user|account|case|policy|hospital"
     r"|service|warrant|collar|kunden?|mieter|patienten?|mitglieds?|mitarbeiter|schuler|klient"
     r"|locataire|adherent|eleve|salarie|dossier|cliente|paciente|socio|empleado|alumno"
     r"|paziente|dipendente|studente|klant|huurder|patient|lid|medewerker|leerling|klienta"
     r"|pacjenta|pracownika|ucznia)s?\W*(?:id|no|nr|num\w*|number|nummer|ref\w*|code|key|nummero"
     r"|numero)|(?:numero|num|no|n|nr|numer|id|ref\w*|code) (?:de |du |del |di |d )?(?:client"
     r"|patient|locataire|dossier|adherent|eleve|salarie|cliente|paciente|socio|empleado|alumno|paziente"
     r"|dipendente|studente|klienta|pacjenta|pracownika|ucznia)"
     r"|(?:kunden?|mieter|patienten?|mitglieds?|mitarbeiter|klant|klanten|patient|personeels"
     r"|huurders|leerling)(?:nummer|nr|id))\b.*|urn|uprn"),
    ("reference", r"(?:(?:unique )?(?:ref(?:erence|erenz|erentie|erencia|erenza)?|id|identifier"
     r"|kennung|kennzeichen|aktenzeichen|identifiant|identificador|kenmerk|numer ewidencyjny)"
     r"(?: (?:no|nr|number|nummer))?)"),
    ("given", r"(?:(?:first|given|fore|christian) ?names?|vornamen?|prenoms?|nombres? de pila"
     r"|nome di battesimo|voornaam|voornamen|imie|imiona)"),
    ("family", r"(?:(?:last|family|sur) ?names?|(?:nach|familien|zu)namen?|noms? de famille"
     r"|apellidos?|cognomen?|achternaam|familienaam|nazwisk[oa])"),
    ("phone", r".*\b(?:(?:tele)?phone\w*|tel|mobile|cell|telefoo?n\w*|handy\w*|mobil\w*|portable"
     r"|movil|cellulare|gsm|komork\w*)\b.*"),
    ("address", r".*\b(?:address(?: ?line)? ?\d*|addr|postcode|post code|zip(?: ?code)?|street"
     r"|anschrift|adresse?\w*|strasse|plz|postleitzahl|rue|code postal|direccion|domicilio"
     r"|codigo postal|calle|indirizzo|cap|adres|straat|postcode|woonplaats|ulica"
     r"|kod pocztowy)\b.*"),
    ("full", r"(?:full ?names?|(?:tenant|customer|client|patient|member|employee|staff|pupil"
     r"|student|child|parent|person|resident|applicant|claimant|contact|next of kin)s?(?: full)?"
     r" ?names?|(?:kunden|mieter|patienten|mitarbeiter)name|vor und (?:nach|zu)name"
     r"|nom (?:et|complet|du|de l|de la)\b.*|nom prenom|nombre (?:completo|y apellidos|del?)\b.*"
     r"|nome (?:e cognome|completo)|volledige naam|imie i nazwisko|tenants?|patients?|pupils?"
     r"|employees?|residents?|mieter|locataires?|inquilinos?|huurders?|najemca)"),
    ("name", r"(?:names?|namen|nom|nombre|nome|naam|nazwa|names? of .*)"),
)  # fmt: skip
_PATTERNS = tuple((role, re.compile(pattern)) for role, pattern in _ROLES)
_EMAIL = re.compile(r"[^\s@<>,;]{1,64}@[^\s@<>,;]{1,200}\.[a-zA-Z]{2,24}\Z")
_STRONG = frozenset({"email", "birth", "person", "given", "family", "full"})
_BASIS = {
    "person": "distinct personal numbers",
    "record": "distinct customer, member or case numbers",
    "birth": "distinct names with birth date",
    "email": "distinct e-mail addresses",
    "reference": "distinct references",
    "": "rows: no column tells people apart",
}


@lru_cache(maxsize=20_000)
def role_of(header: str) -> str:
    """Return what a column of this header holds about a person, empty for nothing known."""
    if not header or len(header) > 60 or sum(map(str.isdigit, header)) > 4:
        return ""  # `NHS number 999 000 0018` is a value
    plain = unicodedata.normalize("NFKD", header.replace("ł", "l").replace("Ł", "L")).casefold()
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    words = " ".join(re.sub(r"[^a-z0-9]+", " ", plain).split())
    if not words or words.isdigit():
        return ""
    for role, pattern in _PATTERNS:
        if pattern.fullmatch(words):
            return "" if role == "other" else role
    return ""


def estimate(rows: Iterable[Sequence[str]]) -> Estimate | None:
    """Return how many people `rows` are about, None for a table that is not about people."""
    source = iter(rows)
    head = [row[:MAX_COLUMNS] for row in islice(source, HEADER_ROWS + SAMPLE_ROWS)]
    start, roles = _header(head)
    body = head[start:]
    if not roles:
        roles = _by_values(body)
    if not roles or not _about_people(roles, body):
        return None
    return _count(roles, chain(body, source))


def _header(head: Sequence[Sequence[str]]) -> tuple[int, dict[int, str]]:
    """Return the row behind the header, and what each column is; nothing where there is none.

    The first row with two known columns is it: a title above has one at most.
    """
    best: tuple[int, dict[int, str]] = (0, {})
    for number, row in enumerate(head[:HEADER_ROWS]):
        roles = {i: role for i, cell in enumerate(row) if cell and (role := role_of(cell.strip()))}
        if len(roles) > len(best[1]):
            best = number + 1, roles
        if len(roles) > 1:
            break
    return best


def _by_values(body: Sequence[Sequence[str]]) -> dict[int, str]:
    """Return the columns of e-mail addresses and full names, of a table without a header."""
    counts: dict[tuple[int, str], int] = {}
    for row in body:
        for i, cell in enumerate(row):
            role = _role_of_value(cell)
            if role:
                counts[i, role] = counts.get((i, role), 0) + 1
    return {i: role for (i, role), n in counts.items() if n >= max(1, 0.6 * len(body))}


def _role_of_value(cell: str) -> str:
    if "@" in cell:
        return "email" if _EMAIL.match(cell.strip()) else ""
    words = cell.split() if 5 < len(cell) < 60 else []
    named = 2 <= len(words) <= 4 and words[0].isalpha() and words[-1][:1].isupper()
    return "full" if named and words[0].lower() in given_names() else ""


def _about_people(roles: dict[int, str], body: Sequence[Sequence[str]]) -> bool:
    kinds = set(roles.values())
    if kinds & _STRONG:
        return True
    if kinds & {"name", "record"} and kinds & {"address", "phone", "birth"}:
        return True
    if "name" not in kinds:
        return False
    # `Name` heads people and products alike: look whether given names stand below it.
    column = next(i for i, role in roles.items() if role == "name")
    cells = [row[column] for row in body if len(row) > column and row[column].strip()]
    known = sum(1 for cell in cells if given_names() & set(re.findall(r"\w{3,}", cell.lower())))
    return known >= max(1, 0.3 * len(cells))


def _count(roles: dict[int, str], body: Iterable[Sequence[str]]) -> Estimate | None:
    columns = sorted(roles)
    by_role: dict[str, list[int]] = {}
    for i in columns:
        by_role.setdefault(roles[i], []).append(i)
    names = [i for role in ("full", "name", "given", "family") for i in by_role.get(role, ())]
    keys = [(role, cols) for role in _BASIS if (cols := by_role.get(role))]
    keys = [
        (role, names + cols if role == "birth" else cols[:1])
        for role, cols in keys
        if role != "birth" or names
    ]
    total = 0
    distinct: list[set[int]] = [set() for _ in keys]
    blank = [0] * len(keys)
    for row in body:
        width = len(row)
        if not any(i < width and row[i] and not row[i].isspace() for i in columns):
            continue
        total += 1
        for n, (role, cols) in enumerate(keys):
            value = [row[i].strip().casefold() if i < width else "" for i in cols]
            if value[-1] and (role != "birth" or any(value[:-1])):
                distinct[n].add(hash(tuple(value)))
            else:
                blank[n] += 1
    if not total:
        return None
    for (role, _), found, empty in zip(keys, distinct, blank, strict=True):
        # A key that is missing in most rows, or the same in all of them, is none.
        if empty * 2 <= total and (len(found) > 1 or total == 1):
            return Estimate(total, len(found) + empty, _BASIS[role])
    return Estimate(total, total, _BASIS[""])


def header_of(rows: Sequence[Sequence[str]]) -> int | None:
    """Return which of the first rows is the header, None where none is known."""
    behind, roles = _header(rows[:HEADER_ROWS])
    return behind - 1 if roles else None


def columns_of(rows: Iterable[Sequence[str]], keep: Sequence[int]) -> Iterator[list[str]]:
    """Yield each row with these columns only."""
    for row in rows:
        width = len(row)
        yield [row[i] if i < width else "" for i in keep]
