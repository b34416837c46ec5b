"""The disclosures hidden in the year, each with what is true about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from documents import attachment, workbook
from mime import Mail
from office import Office, later, moment
from people import (
    COMMS,
    DAVE_OUTSIDE,
    DEE,
    DPO,
    GRACE,
    JO,
    LEANNE,
    MINA,
    OWEN,
    RAFI,
    REPAIRS,
    SAM,
    SERVICES,
    STREETS,
    TEAM,
    Person,
    Resident,
    mobile,
    postcode,
    spaced,
    stream,
    ten_digits,
)


@dataclass(frozen=True, slots=True)
class Fact:
    """What is true about a story, beside its messages."""

    what: str
    exposure: str
    """How people were exposed: visible-recipients, content, or none."""
    people_in_content: int = 0
    data: tuple[str, ...] = ()
    """What kinds of personal data the content shows."""
    more: dict[str, int | str] = field(default_factory=dict)


FACTS = {
    "policy-consultation": Fact(
        "A customer experience officer asked 994 residents, all visible in To and sorted from "
        "'1' to 'n', for views on a draft policy, and apologised the next day by Bcc.",
        "visible-recipients",
    ),
    "portal-launch": Fact(
        "A resident's call on launch day about other people's documents in the new portal was "
        "logged and not passed on; five days later a mass mail promoted the portal and four more "
        "residents reported it.",
        "none",
    ),
    "case-notes": Fact(
        "While reviewing the portal, anti-social-behaviour case notes on four people went to a "
        "fencing contractor whose name resembles a colleague's.",
        "content",
        4,
        ("name", "address", "date-of-birth", "case-reference"),
        {"trail": "portal-launch"},
    ),
    "coffee-morning": Fact(
        "An invitation to a support group for survivors of domestic abuse showed its 15 members "
        "to one another in Cc; three earlier ones had used Bcc.",
        "visible-recipients",
    ),
    "arrears-reminder": Fact(
        "A reminder about rent arrears went to 60 tenants in two visible batches of 30, twelve "
        "minutes apart; a recall repeated the second list.",
        "visible-recipients",
    ),
    "health-details": Fact(
        "A tenant's NHS number and illness went to an adaptations firm.",
        "content",
        1,
        ("nhs-number", "health"),
    ),
    "card-number": Fact(
        "A full payment card number went to a private address.",
        "content",
        1,
        ("payment-card",),
    ),
    "refund-account": Fact(
        "A tenant's sort code and account number went to a private address.",
        "content",
        1,
        ("sort-code-account",),
    ),
    "compensation-iban": Fact(
        "A tenant's IBAN went to a supplier.",
        "content",
        1,
        ("iban",),
    ),
    "hidden-sheet": Fact(
        "Figures on damp repairs went to a newspaper as a workbook; the tenants behind them, with "
        "address, birth date and e-mail, stood on a hidden sheet.",
        "content",
        62,
        ("hidden-people-table",),
    ),
    "volunteer-rota": Fact(
        "A rota with the mobile numbers of twelve tenant volunteers went to a cleaning firm.",
        "content",
        12,
        ("phone-numbers",),
    ),
}


HIDDEN_ROWS = 62
"""Tenants on the hidden sheet behind the figures for the press."""


def write_stories(office: Office) -> None:
    """Write every story, in the order of its first message."""
    _Consultation(office).write()
    _portal(office)
    _case_notes(office)
    _coffee_morning(office)
    _arrears(office)
    _content(office)
    _hidden_sheet(office)


def _tell(office: Office, story: str, part: str, mail: Mail) -> Mail:
    """Send `mail` as a part of `story`; sign it unless it has an ending."""
    mail.story, mail.part = story, part
    mail.ending = mail.ending or office.sign(mail.sender, stream(story + part), mail.parent)
    return office.send(mail)


class _Consultation:
    """The mail to 994 residents."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.people = [person for person in office.residents if person.address[0] <= "n"]

    def write(self) -> None:
        """Send the draft policy, take the answers, apologise."""
        everyone: list[Person] = [*self.people]
        policy = attachment(
            "Draft Complaints and Compliments Policy v3.docx",
            (
                "Calderbrook Homes: draft complaints and compliments policy, version 3",
                "We want to hear when we get it wrong, and when we get it right.",
                "Stage 1: we answer within ten working days. Stage 2: within twenty.",
                "This draft is for comment by residents until 31 October 2025.",
            ),
        )
        first = _tell(
            self.office,
            "policy-consultation",
            "disclosure",
            Mail(
                JO,
                everyone,
                "Have your say: draft complaints and compliments policy",
                "Dear resident,\n\nWe are rewriting our complaints and compliments policy and "
                "would like your views. The draft is attached.\nPlease answer by 31 October.",
                moment("2025-10-15", "13:32:08"),
                named=False,
                rich=True,
                attachments=[policy],
            ),
        )
        self._answers(first)
        _tell(
            self.office,
            "policy-consultation",
            "apology",
            Mail(
                JO,
                [TEAM],
                "Sorry: our message of yesterday",
                "Dear resident,\n\nYesterday we sent you a draft policy. By mistake everyone's "
                "e-mail address could be seen. We are very sorry.\nPlease delete that message, "
                "and do not use or pass on any address in it.",
                moment("2025-10-16", "08:05:40"),
                bcc=everyone,
                named=False,
                rich=True,
            ),
        )
        self._press(first)

    def _answers(self, first: Mail) -> None:
        rng = stream("consultation answers")
        answers = (
            "Why can I see everybody's e-mail address?",
            "Please take me off this list. A thousand strangers now have my address.",
            "The draft reads well. But did you mean to show us all these addresses?",
            "I have had two adverts already. Who do I complain to?",
            "My view on the policy: ten days is too long.",
        )
        for person, text in zip(rng.sample(self.people, 5), answers, strict=True):
            done = "Deleted. " if text.startswith("The draft") else ""
            subject = f"{done}Re: {first.subject}"
            answer = Mail(person, [JO], subject, text, later(first.at, rng))
            answer.ending, answer.parent = person.first, first
            _tell(self.office, "policy-consultation", "answer", answer)

    def _press(self, first: Mail) -> None:
        desk = Person("News desk", "newsdesk@calderbrook-courier.example", shared=True)
        question = _tell(
            self.office,
            "policy-consultation",
            "press-enquiry",
            Mail(
                desk,
                [COMMS],
                "Residents' e-mail addresses",
                "Several of your tenants have told us about a message with a thousand addresses. "
                "Can you comment by five?",
                first.at + timedelta(hours=21),
            ),
        )
        _tell(
            self.office,
            "policy-consultation",
            "press-answer",
            Mail(
                COMMS,
                [desk],
                "Re: " + question.subject,
                "We made a mistake, we have apologised to all concerned, and we have told the "
                "regulator.",
                question.at + timedelta(hours=2),
                parent=question,
                rich=True,
            ),
        )


def _portal(office: Office) -> None:
    """Write the trail of the portal: one report that went nowhere, a mass mail, four more."""
    rng = stream("portal")
    log = (
        "Caller says she signed in to https://my.calderbrook-homes.example and can open letters "
        "about other people's "
    )
    _tell(
        office, "portal-launch", "first-report-logged",
        Mail(MINA, [SERVICES], "Call log 13/11: portal",
             log + "cases, with names on them. Told her we would look. No further action yet.",
             moment("2025-11-13", "11:47:00")),
    )  # fmt: skip
    readers: list[Person] = [*rng.sample(office.residents, 600)]
    _tell(
        office, "portal-launch", "mass-mail",
        Mail(COMMS, [COMMS], "Your new MyCalderbrook portal is here",
             "Dear resident,\n\nSee your rent, book a repair and read your letters, day and night:"
             "\nhttps://my.calderbrook-homes.example/\n\nSign in with this e-mail address.",
             moment("2025-11-18", "07:00:00"), bcc=readers, named=False, rich=True),
    )  # fmt: skip
    reports = (
        ("09:13:00", "I can see other people's letters", "I pressed Documents and there is a "
         "warning letter about a family in another street. I should not be able to see this."),
        ("09:41:22", "MyCalderbrook shows the wrong files", "There are case notes about noise "
         "complaints in my portal. Not mine. Names and everything."),
        ("10:26:05", "Privacy!!", "Can my neighbours see my file like I can see theirs? Please "
         "ring me today."),
        ("11:02:49", "Portal", "You told me last week somebody would look at this. Now you invite "
         "the whole town. Please switch it off."),
    )  # fmt: skip
    report = None
    callers = rng.sample(readers, len(reports))
    for person, (clock, subject, text) in zip(callers, reports, strict=True):
        report = Mail(person, [SERVICES], subject, text, moment("2025-11-18", clock))
        _tell(office, "portal-launch", f"report-{clock[:5]}", report)
    urgent = _tell(
        office, "portal-launch", "escalation",
        Mail(SERVICES, [LEANNE], "URGENT: portal shows other people's documents",
             "Four residents this morning, and a call logged on launch day that was not passed "
             "on. Please switch the documents page off now.",
             moment("2025-11-18", "11:20:10"), cc=[DPO, OWEN, GRACE], parent=report),
    )  # fmt: skip
    _tell(
        office, "portal-launch", "suspended-internal",
        Mail(LEANNE, [SERVICES], "Re: " + urgent.subject,
             "The portal is off since 12:05. Grace, please list the cases that were open to view.",
             moment("2025-11-18", "12:09:33"), cc=[DPO, OWEN, GRACE], parent=urgent),
    )  # fmt: skip
    _tell(
        office, "portal-launch", "suspended-notice",
        Mail(COMMS, [COMMS], "MyCalderbrook is switched off for now",
             "Dear resident,\n\nWe have switched the portal off because of a fault. Rent and "
             "repairs work by phone as before. We will write again when we know more.",
             moment("2025-11-18", "14:30:00"), bcc=readers, named=False),
    )  # fmt: skip


def _cases() -> list[str]:
    """Return four case notes, each with a person's name, address and date of birth."""
    rng = stream("cases")
    people = (
        ("Derek Thackray", "14/03/1971", "loud music at night, second warning"),
        ("Shanice Quarshie", "02/11/1988", "dispute over the yard, mediation refused"),
        ("Piotr Kowalczyk", "27/06/1964", "threats to a caretaker, police informed"),
        ("Noor Mahmood", "19/09/1995", "complainant, asked to stay anonymous"),
    )
    return [
        f"Case ASB/2025/{310 + number}|{name}|born {born}|{rng.randrange(2, 60)} "
        f"{rng.choice(STREETS)}, Calderbrook {postcode(rng)}|{note}"
        for number, (name, born, note) in enumerate(people)
    ]


def _case_notes(office: Office) -> None:
    """Send case notes to the wrong Dave, three times, until he says so."""
    notes = [case.replace("|", ", ") for case in _cases()]
    rows = [case.replace("|born ", "|") for case in _cases()]
    outside = [DAVE_OUTSIDE]
    _tell(
        office, "case-notes", "disclosure",
        Mail(GRACE, outside, "Cases that showed on the portal",
             "Hi Dave,\n\nThese three were open to view:\n\n" + "\n".join(notes[:3]),
             moment("2025-11-18", "15:20:00")),
    )  # fmt: skip
    fourth = _tell(
        office, "case-notes", "disclosure",
        Mail(GRACE, outside, "One more case from the portal",
             "Dave, and this one, please be careful with it:\n\n" + notes[3],
             moment("2025-11-18", "15:27:30")),
    )  # fmt: skip
    fourth.stored_in = [(GRACE.address, "Portal review")]
    sheet = attachment("ASB cases on portal.xlsx", ("Case|Name|Born|Address|Note", *rows))
    last = _tell(
        office, "case-notes", "disclosure",
        Mail(GRACE, outside, "Cases as a sheet", "All four in one sheet, as you prefer.",
             moment("2025-11-18", "15:34:12"), attachments=[sheet]),
    )  # fmt: skip
    answer = _tell(
        office, "case-notes", "not-meant-for-me",
        Mail(DAVE_OUTSIDE, [GRACE], "Re: " + last.subject,
             "Not meant for me I think? I only do your fences.",
             moment("2025-11-18", "16:05:51"), parent=last),
    )  # fmt: skip
    apology = _tell(
        office, "case-notes", "apology",
        Mail(GRACE, outside, "Re: " + last.subject,
             "I am sorry, these were for a colleague. Please delete all three and tell me when "
             "it is done.", moment("2025-11-19", "08:50:00"), cc=[DPO], parent=answer),
    )  # fmt: skip
    apology.stored_in = [(GRACE.address, "Portal review")]


def _coffee_morning(office: Office) -> None:
    """Show fifteen survivors of abuse to one another, after three invitations that did not."""
    rng = stream("coffee")
    named = [person for person in office.residents if person.readable == "full"]
    other = [person for person in office.residents if person.readable == "none"]
    group: list[Person] = [*rng.sample(named, 9), *rng.sample(other, 6)]
    rng.shuffle(group)
    text = (
        "Hello all,\n\nOur coffee morning for survivors of domestic abuse is on Thursday at ten, "
        "in the usual safe place. The counsellor will be there. Children are welcome."
    )
    for day in ("2025-10-09", "2025-12-11", "2026-01-15"):
        mail = Mail(DEE, [DEE], "Survivors' coffee morning on Thursday", text, moment(day, "09:30"))
        mail.bcc = group
        _tell(office, "coffee-morning", "earlier-by-bcc", mail)
    shown = _tell(
        office, "coffee-morning", "disclosure",
        Mail(DEE, [DEE], "Survivors' coffee morning on Thursday", text,
             moment("2026-02-10", "09:41:17"), cc=group),
    )  # fmt: skip
    answer = _tell(
        office, "coffee-morning", "answer",
        Mail(group[3], [DEE], "Re: " + shown.subject,
             "You promised nobody would know I come. Everyone can see my name now.",
             moment("2026-02-10", "10:58:03"), parent=shown),
    )  # fmt: skip
    _tell(
        office, "coffee-morning", "apology",
        Mail(DEE, [DEE], "Sorry about this morning's message",
             "I am so sorry: your addresses could be seen. Please delete it. I will ring each of "
             "you today.", answer.at + timedelta(minutes=50), bcc=group),
    )  # fmt: skip


def _arrears(office: Office) -> None:
    """Remind sixty tenants of their debt in two visible batches, then try to recall one."""
    rng = stream("arrears")
    tenants: list[Person] = [*rng.sample(office.residents, 60)]
    subject = "Rent arrears: please act now"
    text = (
        "Dear tenant,\n\nYour rent account is in arrears. Please pay or ring us within seven "
        "days, or we may have to go to court."
    )
    start = moment("2026-05-06", "09:04:00")
    batches = (tenants[:30], tenants[30:])
    for number, batch in enumerate(batches):
        mail = Mail(RAFI, batch, subject, text, start + timedelta(minutes=12 * number), named=False)
        _tell(office, "arrears-reminder", "disclosure", mail)
    _tell(
        office, "arrears-reminder", "recall",
        Mail(RAFI, batches[1], "Recall: " + subject,
             f'Rafi Choudhury would like to recall the message, "{subject}".',
             start + timedelta(minutes=27), named=False, ending=" "),
    )  # fmt: skip
    _tell(
        office, "arrears-reminder", "answer",
        Mail(batches[0][7], [RAFI], "Re: " + subject,
             "My sister is on that list. Now she knows I owe rent. Shame on you.",
             start + timedelta(hours=3)),
    )  # fmt: skip


def _content(office: Office) -> None:
    """Write five messages whose text says too much to one outside address."""
    rng = stream("content")
    nhs = spaced(ten_digits(rng))
    rota = "\n".join(
        f"{day} {part}: {name}, {mobile(700 + 2 * number + late)}"
        for number, (day, names) in enumerate(_ROTA.items())
        for late, (part, name) in enumerate(zip(("am", "pm"), names, strict=True))
    )
    texts: tuple[tuple[str, Person, Person, str, str, datetime], ...] = (
        ("health-details", SAM, Person("Keith Lumb", "keith.lumb@stepfree-works.example"),
         "Wet room for a tenant",
         "Dear Keith,\n\nThe tenant is Irena Walczak, NHS number " + nhs + ". She has multiple "
         "sclerosis and has used a wheelchair since she left hospital in March.\nPlease quote.",
         moment("2026-04-21", "10:12:09")),
        ("card-number", RAFI, Resident("Luca Pereira", "luca.pereira@webmail.example"),
         "Your mother's payment",
         "Hello Luca,\n\nThe payment went through with her card 4111 1111 1111 1111, "
         "expiry 09/28. Please keep this for her.",
         moment("2025-09-03", "14:55:30")),
        ("refund-account", RAFI, Resident("Ciara Brannigan", "kettle.robin@postbox.example"),
         "Refund of overpaid rent",
         "We have sent the refund for Tendai Moyo to sort code 12-34-56, account number 98765432. "
         "Is that the right one?",
         moment("2026-01-27", "11:31:45")),
        ("compensation-iban", JO, Person("Brightspark Electrical",
                                         "info@brightspark-electrical.example", shared=True),
         "Compensation you agreed to pay",
         "Please pay the £150 to Mrs Ewa Jankowski, IBAN GB82 WEST 1234 5698 7654 32, by Friday.",
         moment("2026-03-17", "15:08:00")),
        ("volunteer-rota", REPAIRS, Person("Jubilee Cleaning",
                                           "bookings@jubilee-cleaning.example", shared=True),
         "Rota of the tenant volunteers",
         "Here is who opens the halls, ring them directly:\n\n" + rota,
         moment("2025-12-08", "09:22:18")),
    )  # fmt: skip
    for story, sender, outside, subject, text, at in texts:
        _tell(office, story, "disclosure", Mail(sender, [outside], subject, text, at))


def _hidden_sheet(office: Office) -> None:
    """Send a newspaper figures whose source is on a hidden sheet."""
    rng = stream("hidden sheet")
    tenants = [person for person in office.residents if person.readable == "full"][:HIDDEN_ROWS]
    source = ["Name|Address|Date of birth|Email|Complaint"]
    source += [
        f"{person.name}|{rng.randrange(2, 90)} {rng.choice(STREETS)}, Calderbrook {postcode(rng)}|"
        f"{rng.randrange(1, 29):02d}/{rng.randrange(1, 13):02d}/{rng.randrange(1940, 2000)}|"
        f"{person.address}|{rng.choice(('damp', 'mould', 'leak'))}"
        for person in tenants
    ]
    shown = ["Month|Damp repairs|Closed in 28 days", "January|21|17", "February|24|20"]
    sheet = workbook("Damp repairs in figures.xlsx", [*shown, "March|17|15"], source)
    _tell(
        office, "hidden-sheet", "disclosure",
        Mail(COMMS, [Person("Harriet Lowe", "harriet.lowe@valley-gazette.example")],
             "The figures you asked for", "Hello Harriet,\n\nThe figures are in the workbook.",
             moment("2026-04-02", "13:40:27"), attachments=[sheet]),
    )  # fmt: skip


_ROTA = {
    "Monday": ("Alan Ogden", "Beata Novak"),
    "Tuesday": ("Chidi Eke", "Donna Haigh"),
    "Wednesday": ("Elif Youssef", "Fergus Tait"),
    "Thursday": ("Gloria Osei", "Hamza Iqbal"),
    "Friday": ("Iona Macdonald", "Joyce Lumb"),
    "Saturday": ("Kofi Boateng", "Leah Cohen"),
}
