# ruff: noqa: E501 (sentences of a table)
"""Apologies and requests to delete are known in eight languages, and footers are none."""

from __future__ import annotations

import time

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from scanner.detectors.aftermath import Aftermath
from scanner.remedies import SORTS, confirmed, told, words


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
    assert told(" ".join(Aftermath.own_words(text).split())) == sort


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


@pytest.mark.parametrize(
    "text",
    [
        "I have deleted the e-mail.", "I've now deleted it.", "I deleted your message unread.",
        "Deleted, thanks", "Hi Jo,\nDeleted, thanks\nSam", "Done, deleted.", "Now deleted as requested",
        "I did not open it and have deleted the attachment.",
        "Please be assured that we have permanently destroyed all copies.",
        "We confirm the deletion of the file.", "The e-mail you sent in error has been deleted.",
        "I can confirm that it has been\ndeleted from my inbox.", "I have deleted both, and so has Ann.",
        "Wir haben die Mail geloescht.", "Ich habe Ihre E-Mail soeben gelöscht.",
        "Die Nachricht wurde umgehend gelöscht.", "Hiermit bestätige ich die Löschung der Datei.",
        "Ich bestätige, dass ich die Mail gelöscht habe.", "Ist gelöscht, danke", "Hab ich gelöscht.",
        "C'est supprimé.", "J'ai bien supprimé votre message.", "Je l'ai effacé.", "Nous avons détruit le fichier.",
        "Le mail a été supprimé.", "Je vous confirme avoir supprimé le courriel.", "Supprimé, merci",
        "Ik heb de mail verwijderd.", "De e-mail is inmiddels verwijderd.", "Verwijderd, groet",
        "Ik bevestig dat ik het bericht heb verwijderd.",
        "He eliminado el correo.", "Ya lo hemos borrado.", "El mensaje ha sido eliminado.", "Borrado, gracias",
        "Ho cancellato la mail.", "L'ho già eliminata.", "Il messaggio è stato cancellato.", "Cancellata, grazie",
        "Usunąłem wiadomość.", "Usunęłam ten mail.", "Wiadomość została usunięta.", "Potwierdzam usunięcie pliku.",
        "Rydw i wedi dileu'r neges.", "Mae'r neges wedi'i dileu.",
    ],
)  # fmt: skip
def test_words_of_a_confirmation(text: str) -> None:
    """That something was deleted is told in each language, in whole sentences and in one word."""
    assert confirmed(text)


@pytest.mark.parametrize(
    "text",
    [
        "Please delete the e-mail.", "I did not delete it.", "I have not deleted your message.",
        "Could you delete the e-mail?", "Has it been deleted?", "I will delete it.", "I'll delete it tonight.",
        "Please confirm that it has been deleted.", "Please confirm once you have deleted the e-mail.",
        "Have you deleted it?", "You have deleted the message.", "I thought I had deleted it.",
        "Let me know when the message is deleted.", "If the e-mail was deleted, all is well.",
        "The e-mail should have been deleted.", "It will be deleted.", "It cannot be deleted.",
        "I do not believe it was deleted.", "I have deleted the app from my phone.",
        "Look in the folder\ndeleted\nitems.", "Deleted items", "Deleted?", "I deleted my account.",
        "I was going to delete it.", "Accidentally deleted, please send again.", "I have it in my deleted items.",
        "Ann said it was deleted.", "I asked Ann to ensure it was deleted.",
        "Bitte löschen Sie die Mail.", "Ich habe die Mail nicht gelöscht.", "Haben Sie die Mail gelöscht?",
        "Ich habe noch nichts, die Mail wird gelöscht.", "Bitte bestätigen Sie, dass die Mail gelöscht wurde.",
        "Ich werde sie löschen.", "Wir haben keine Mail gelöscht.", "Ich habe die Mail zu löschen versucht.",
        "Merci de supprimer ce message.", "Je n'ai pas supprimé le mail.", "Le mail a-t-il été supprimé ?",
        "Je vais le supprimer.", "Merci de confirmer que le message est supprimé.", "Avez-vous supprimé le mail ?",
        "Wilt u de mail verwijderen?", "Ik heb de mail niet verwijderd.", "Ik zal de mail verwijderen.",
        "Graag bevestigen dat de mail is verwijderd.",
        "Por favor, elimine el correo.", "No he eliminado el correo.", "¿Ha sido eliminado?", "Lo eliminaré.",
        "Si prega di cancellare la mail.", "Non ho cancellato la mail.", "È stata cancellata?", "La cancellerò.",
        "Prosimy o usunięcie wiadomości.", "Nie usunąłem wiadomości.", "Czy wiadomość została usunięta?",
        "Usunę to jutro.", "Dilëwch y neges.", "Heb ei dileu.",
    ],
)  # fmt: skip
def test_near_misses_of_a_confirmation(text: str) -> None:
    """What is asked, asked for, denied, planned or supposed is no confirmation."""
    assert not confirmed(text)


@pytest.mark.timed
@pytest.mark.parametrize(
    "text", ["i have " * 3_000, "ich habe wir " * 1_600, "deleted it " * 1_900]
)
def test_hostile_text_takes_no_time(text: str) -> None:
    """Twenty thousand characters that begin a confirmation over and over end within a second."""
    begun = time.monotonic()
    confirmed("deleted " + text)
    assert time.monotonic() - begun < 1
