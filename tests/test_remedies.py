"""Apologies and requests to delete are known in eight languages, and footers are none."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from scanner.detectors.aftermath import Aftermath
from scanner.remedies import SORTS, words


@pytest.mark.parametrize(
    ("text", "sort"),
    [
        ("Please delete our last e-mail from this morning.", "delete"),
        ("Bitte löschen Sie die Nachricht, die wir Ihnen versehentlich geschickt haben.", "delete"),
        ("Bitte die gestrige E-Mail löschen.", "delete"),
        ("Leider waren die E-Mail-Adressen aller Mieter sichtbar.", "apology"),
        ("Wir haben einen offenen Verteiler benutzt.", "apology"),
        ("Merci de supprimer notre précédent message, envoyé par erreur.", "delete"),
        ("Les adresses e-mail de chacun étaient visibles.", "apology"),
        ("J'ai mis tout le monde en copie au lieu de la copie cachée.", "apology"),
        ("Wilt u de vorige e-mail verwijderen?", "delete"),
        ("Ons bericht van vanmorgen is per ongeluk aan iedereen verzonden.", "delete"),
        ("Helaas waren de e-mailadressen van alle huurders zichtbaar.", "apology"),
        ("Le rogamos que elimine el correo anterior, enviado por error.", "delete"),
        ("Las direcciones de correo de todos quedaron visibles.", "apology"),
        ("Vi preghiamo di cancellare la nostra precedente e-mail.", "delete"),
        ("Gli indirizzi e-mail erano visibili a tutti.", "apology"),
        ("Prosimy o usunięcie poprzedniej wiadomości.", "delete"),
        ("Wiadomość została omyłkowo wysłana do wszystkich.", "delete"),
        ("Adresy e-mail wszystkich były widoczne.", "apology"),
        ("Dilëwch y neges ddiwethaf os gwelwch yn dda.", "delete"),
        # Near misses: what readers may delete, footers, places, mail received in error.
        ("Alte Nachrichten können Sie im Portal löschen.", ""),
        ("Unsere neue Adresse ist auf der Karte sichtbar.", ""),
        ("Vous pouvez supprimer vos anciens messages dans le portail.", ""),
        ("Si vous avez reçu ce message par erreur, merci de le supprimer.", ""),
        ("U kunt oude berichten verwijderen in de app.", ""),
        ("Indien dit bericht abusievelijk aan u is toegezonden, wordt u verzocht dat te melden en "
         "het bericht te verwijderen.", ""),
        ("Si ha recibido este mensaje por error, le rogamos lo elimine.", ""),
        ("Nuestra nueva dirección es visible desde la calle.", ""),
        ("Se avete ricevuto questo messaggio per errore, siete pregati di cancellarlo.", ""),
        ("Il nostro nuovo indirizzo è visibile sulla mappa.", ""),
        ("Jeśli otrzymali Państwo tę wiadomość przez pomyłkę, prosimy o jej usunięcie.", ""),
        ("Prosimy usunąć samochód z parkingu.", ""),
    ],
)  # fmt: skip
def test_words_of_a_remedy_in_a_text(text: str, sort: str) -> None:
    """A remedy in the sender's own words is told in each language, and nothing else is."""
    assert Aftermath.remedy(text) == sort


@pytest.mark.parametrize(
    ("subject", "sort"),
    [
        ("Please delete my last message", "delete"),
        ("Bitte löschen", "delete"),
        ("Entschuldigung", "apology"),
        ("Merci de supprimer mon message de ce matin", "delete"),
        ("Toutes nos excuses", "apology"),
        ("Verwijder onze vorige e-mail", "delete"),
        ("Graag vorige bericht verwijderen", "delete"),
        ("Onze excuses", "apology"),
        ("Rogamos eliminen el correo de ayer", "delete"),
        ("Nuestras disculpas", "apology"),
        ("Si prega di cancellare", "delete"),
        ("Le nostre scuse", "apology"),
        ("Prosimy o usunięcie wiadomości", "delete"),
        ("Przepraszamy", "apology"),
        ("Ymddiheuriad", "apology"),
        ("Löschwasserübung am Samstag", ""),
        ("Verwijderen van asbest: planning", ""),
        ("Eliminación de residuos", ""),
        ("Cancellazione del corso", ""),
        ("Usuwanie azbestu", ""),
    ],
)
def test_words_of_a_remedy_in_a_subject(subject: str, sort: str) -> None:
    """A subject that asks to delete or apologises is told in each language, and no other."""
    lower = pc.utf8_lower(pa.array([subject]))
    said = words().subjects
    hits = [s for s in SORTS if pc.match_substring_regex(lower, said[s])[0].as_py()]
    assert hits[:1] == ([sort] if sort else [])
