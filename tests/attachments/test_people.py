"""How many people a table is about: headers in seven languages, keys, near misses."""

from __future__ import annotations

import pytest

from scanner.attachments.people import estimate, role_of

HEADERS = [
    pytest.param(header, role, id=f"{role}-{header}")
    for role, headers in {
        "given": ("First name", "Vorname", "Prénom", "Nombre de pila", "Voornaam", "Imię"),
        "family": ("Surname", "Nachname", "Nom de famille", "Apellidos", "Cognome", "Achternaam",
                   "Nazwisko"),
        "full": ("Full Name", "Tenant name", "Nom et prénom", "Nombre y apellidos",
                 "Imię i nazwisko"),
        "name": ("Name", "Nom", "Nombre", "Nome", "Naam"),
        "birth": ("Date of birth", "DOB", "D.O.B.", "Geburtsdatum", "Date de naissance",
                  "Fecha de nacimiento", "Data di nascita", "Geboortedatum", "Data urodzenia"),
        "email": ("E-mail", "email_address", "E-Mail-Adresse", "Courriel", "Correo electrónico",
                  "Posta elettronica", "Adres e-mail"),
        "phone": ("Phone", "Mobile no", "Telefonnummer", "Téléphone", "Móvil", "Cellulare",
                  "Telefoon"),
        "address": ("Address", "Address line 1", "Post code", "Anschrift", "Straße", "Adresse",
                    "Dirección", "Indirizzo", "Adres", "Ulica"),
        "person": ("NHS No.", "NI number", "Sozialversicherungsnummer", "DNI", "Codice fiscale",
                   "BSN", "PESEL"),
        "record": ("Tenancy ref", "Customer No", "Payroll number", "Kundennummer",
                   "Numéro de client", "Número de cliente", "Klantnummer"),
        "reference": ("Ref", "ID", "Reference number", "Aktenzeichen"),
        "": ("Order number", "Product name", "Amount", "Company name", "Filename", "Street name?",
             "Rechnungsnummer", "Date", "", "12", "NHS number 999 000 0018",
             "Emailed the council about the namesake's road"),
    }.items()
    for header in headers
]  # fmt: skip


@pytest.mark.parametrize(("header", "role"), HEADERS)
def test_role_of_a_header(header: str, role: str) -> None:
    """A header says what its column holds about a person, or nothing."""
    assert role_of(header) == role


CASES = [
    pytest.param(
        [["Customer no", "Name"], ["7", "Ada"], ["7", "Ada"], ["8", "Ben"]],
        (3, 2, "distinct customer, member or case numbers"), id="customer-and-given-name",
    ),
    pytest.param(
        [["Tenancy ref", "Name", "Phone"], ["7", "A", "1"], ["7", "A", "2"], ["8", "B", "3"]],
        (3, 2, "distinct customer, member or case numbers"), id="key-repeated",
    ),
    pytest.param(
        [["Name", "Date of birth"], ["Jo Fenn", "1961"], ["Jo Fenn", "1990"], ["Jo Fenn", "1961"]],
        (3, 2, "distinct names with birth date"), id="name-and-birth-date",
    ),
    pytest.param(
        [["Full name"], ["John Smith"], ["John Smith"]],
        (2, 2, "rows: no column tells people apart"), id="a-name-alone-is-no-key",
    ),
    pytest.param(
        [["Name", "E-mail"], ["A", "a@x.example"], ["B", "A@x.example "], ["C", ""],
         ["D", "d@x.example"]],
        (4, 3, "distinct e-mail addresses"), id="e-mail-in-two-spellings-and-one-missing",
    ),
    pytest.param(
        [["Title of the list"], [], ["Surname", "First name"], ["Marsh", "Ada"], ["", ""]],
        (1, 1, "rows: no column tells people apart"), id="header-below-a-title",
    ),
    pytest.param(
        [["a@x.example", "x"], ["b@x.example", "y"]],
        (2, 2, "distinct e-mail addresses"), id="addresses-without-a-header",
    ),
    pytest.param(
        [["John Smith", "3 Mill Lane"], ["Mary Jones", "9 Quay Road"], ["Ann Lee", ""]],
        (3, 3, "rows: no column tells people apart"), id="names-without-a-header",
    ),
    pytest.param(
        [["NHS number"], ["943 476 5919"], ["943 476 5870"]],
        (2, 2, "distinct personal numbers"), id="personal-numbers-alone",
    ),
    pytest.param([["Tak/Nie", "Uwagi"], ["Tak", "brak"]], None, id="yes-and-no-in-polish"),
    pytest.param([["Main Street", "open"], ["High Street", "shut"]], None, id="streets"),
    pytest.param([["Name", "Price"], ["Chair", "3"], ["Table", "4"]], None, id="products"),
    pytest.param(
        [["Name", "Amount"], ["John Smith", "3"], ["Mary Jones", "4"]],
        (2, 2, "rows: no column tells people apart"), id="debtors",
    ),
    pytest.param([["Month", "Total"], ["May", "3"]], None, id="figures"),
    pytest.param([["Name", "E-mail"]], None, id="header-only"),
    pytest.param([], None, id="empty"),
]  # fmt: skip


@pytest.mark.parametrize(("rows", "expected"), CASES)
def test_estimate(rows: list[list[str]], expected: tuple[int, int, str] | None) -> None:
    """A table is about as many people as its key has values, else as it has rows, or about none."""
    assert estimate(rows) == expected


def test_many_rows_are_counted_as_they_stream_by() -> None:
    """A long table is counted without being held."""
    rows = (["Email", "Name"] if n == 0 else [f"p{n % 900}@x.example", "A"] for n in range(5_001))
    found = estimate(rows)
    assert found is not None
    assert (found.rows, found.people) == (5_000, 900)
