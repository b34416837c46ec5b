"""The cases: 40 of the published docket and one of ours, told again with invented people.

What is told is what the sources tell (reference: docket.csv and docket_signals.csv): how many
messages, to how many, in which field, how many of them named, what followed. Wording is ours.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from tests.docket.mail import OWN, Mail, Town, ranging, shown_again

AT = 24 * 75.0
"""Hours after the beginning: in the middle of the ordinary mail."""


@dataclass(frozen=True)
class Expected:
    """One incident of a case."""

    messages: frozenset[str]
    """Ids of all that belongs to it, what followed included."""

    people: int
    markers: frozenset[str]
    worked: float | None = None
    """The ENISA score worked by hand in docket_signals.csv."""


@dataclass(frozen=True)
class Case:
    """One published incident, or several of one organisation."""

    id: str
    mails: Sequence[Mail]
    expected: Sequence[Expected]
    attachments: bool = False


CASES: dict[str, Callable[[Town], Case]] = {}


def case(identity: str) -> Callable[[Callable[[Town], Case]], Callable[[Town], Case]]:
    """Register a case."""

    def register(tell: Callable[[Town], Case]) -> Callable[[Town], Case]:
        CASES[identity] = tell
        return tell

    return register


def told(identity: str) -> Case:
    """Return one case with people of its own."""
    return CASES[identity](Town(identity))


def one(
    identity: str,
    mails: Sequence[Mail],
    people: int,
    markers: str = "",
    worked: float | None = None,
    beside: Sequence[str] = (),
) -> Case:
    """Return a case of one incident; messages in `beside` do not belong to it."""
    ids = frozenset(m.id for m in mails if m.id not in beside)
    return Case(identity, mails, [Expected(ids, people, frozenset(markers.split()), worked)])


def simple(
    identity: str,
    subject: str,
    count: int,
    *,
    named: float = 0.4,
    private: float = 0.85,
    role: str = "to",
    markers: str = "",
    worked: float | None = None,
    after: Callable[[Mail, list[str]], Sequence[Mail]] = lambda _mail, _people: (),
) -> None:
    """Register a case of one visible list and what followed it."""

    @case(identity)
    def tell(town: Town) -> Case:
        people = town.public(count, named, private)
        fields: dict[str, Sequence[str]] = {role: people}
        if role == "cc":
            fields["to"] = [f"office@{OWN}"]
        first = Mail(identity, AT, subject, **fields)  # type: ignore[arg-type]
        return one(identity, [first, *after(first, people)], count, markers, worked)


def sorry(hours: float, subject: str = "Our apologies") -> Callable[..., list[Mail]]:
    """Return what makes an apology by Bcc, so many hours later."""

    def after(first: Mail, people: list[str]) -> list[Mail]:
        return [Mail(f"{first.id}-sorry", AT + hours, subject, bcc=people)]

    return after


def recall(hours: float) -> Callable[..., list[Mail]]:
    """Return what makes a recall that shows the list again."""

    def after(first: Mail, _people: list[str]) -> list[Mail]:
        subject = f"Recall: {first.subject}"
        return [shown_again(first, f"{first.id}-recall", AT + hours, subject=subject)]

    return after


def both(*steps: Callable[..., Sequence[Mail]]) -> Callable[..., list[Mail]]:
    """Return what makes all of these."""
    return lambda first, people: [mail for step in steps for mail in step(first, people)]


@case("peaks-plains")
def _peaks(town: Town) -> Case:
    people = ranging(town.public(994, 0.5), "1", "n")
    return one(
        "peaks-plains",
        [
            Mail("peaks", AT, "Complaints and compliments: your views", to=people),
            Mail("peaks-sorry", AT + 24, "Apology: our message of yesterday", bcc=people),
        ],
        994,
        "sorted-list truncated-list more-than-100-people private-webmail apology",
        1.00,
    )


simple(
    "dean-street-2015", "HIV service newsletter: Option E", 781, named=730 / 781, worked=4.25,
    markers="sensitive-context recall remedy-repeats-list apology names-readable",
    after=both(recall(0.5), sorry(1.5)),
)  # fmt: skip
simple(
    "dean-street-2010", "HIV treatment questionnaire", 17, named=0, worked=3.25,
    markers="sensitive-context private-webmail",
)  # fmt: skip


@case("bloomsbury")
def _bloomsbury(town: Town) -> Case:
    february, may = town.public(130, 0.3), town.public(200, 56 / 200)
    mails = [
        Mail("feb", 24 * 20, "HIV support network: February", to=february),
        Mail("may", 24 * 97, "HIV support network: May", to=may),
    ]
    return Case(
        "bloomsbury",
        mails,
        [
            Expected(frozenset({"feb"}), 130, frozenset({"sensitive-context"})),
            Expected(frozenset({"may"}), 200, frozenset({"sensitive-context", "repeat"}), 3.25),
        ],
    )


@case("nhs-highland")
def _highland(town: Town) -> Case:
    people = town.public(37, 0.9)
    invite = Mail("highland", AT, "HIV patient group meeting", to=[f"clinic@{OWN}"], cc=people,
                  invites=True)  # fmt: skip
    mails = [
        Mail("highland-before", AT - 24 * 60, "HIV clinic: new opening hours", bcc=people),
        invite,
        Mail("highland-recall", AT + 1, "Recall: HIV patient group meeting", bcc=people),
        Mail("highland-sorry", AT + 5, "Please delete our invitation", bcc=people),
    ]
    return one("nhs-highland", mails, 37, "sensitive-context recall apology names-readable", 4.25,
               beside=["highland-before"])  # fmt: skip


simple(
    "hiv-scotland", "HIV community advisory network: agenda", 105, named=65 / 105, role="cc",
    worked=3.25, markers="sensitive-context apology", after=sorry(2),
)  # fmt: skip


@case("central-ymca")
def _ymca(town: Town) -> Case:
    people = town.public(264, 166 / 264)
    twice = [f"{a.split('@')[0]}+gym@{a.split('@')[1]}" for a in people[:6]]
    first = Mail("ymca", AT, "Positive Health: exercise for people with HIV",
                 to=[f"office@{OWN}"], cc=[*people[:-1], people[-1].upper(), *twice])  # fmt: skip
    unsend = shown_again(first, "ymca-unsend", AT + 0.4,
                         subject="Please delete: Positive Health")  # fmt: skip
    return one("central-ymca", [first, unsend], 264,
               "sensitive-context apology remedy-repeats-list", 3.25)  # fmt: skip


@case("tavistock-gic")
def _tavistock(town: Town) -> Case:
    people = town.public(1781, 0.8)
    subject = "Gender identity clinic: art competition"
    mails = [
        Mail("gic-1", AT, subject, to=people[:912]),
        Mail("gic-2", AT + 0.2, subject, to=people[912:]),
        Mail("gic-3", AT + 20, subject, bcc=people),
    ]
    return one("tavistock-gic", mails, 1781,
               "batch visible-then-bcc sensitive-context more-than-100-people", 4.25)  # fmt: skip


@case("iicsa")
def _iicsa(town: Town) -> Case:
    people = town.public(90, 0.7)
    added = town.public(2)
    hidden = Mail("iicsa-bcc", AT, "Inquiry into abuse: victims and survivors forum", bcc=people)
    visible = Mail("iicsa", AT + 0.5, "Correction: Inquiry into abuse: victims and survivors forum",
                   to=people)  # fmt: skip
    mails = [
        hidden,
        visible,
        Mail("iicsa-del-1", AT + 1, "Please delete the message before", bcc=people),
        Mail("iicsa-del-2", AT + 2, "Please delete: victims and survivors forum", to=people),
        *(
            Mail(f"iicsa-all-{n}", AT + 2.1 + n / 60,
                 "Re: Inquiry into abuse: victims and survivors forum", sender=people[n % 22],
                 to=[f"office@{OWN}", *people, *added], answers="iicsa")
            for n in range(39)
        ),
    ]  # fmt: skip
    return one("iicsa", mails, 90, "bcc-then-visible apology remedy-repeats-list replies-to-all "
               "safety-of-life sensitive-context", 4.25)  # fmt: skip


simple(
    "glos-police", "Case update: abuse inquiry and the schools named", 56, named=1.0, worked=4.25,
    markers="sensitive-context names-readable apology safety-of-life",
    after=sorry(47, "Please delete our message of Monday"),
)  # fmt: skip


@case("teo-hia")
def _teo(town: Town) -> Case:
    survivors = town.public(248, 0.3)
    inside = [f"adviser{n}@{OWN}" for n in range(3)]
    before = [
        Mail(f"hia-{n}", AT - 24 * 30 * n, f"Survivors of abuse: newsletter {4 - n}", bcc=survivors)
        for n in (2, 1)
    ]
    mails = [*before, Mail("hia", AT, "Survivors of abuse: newsletter 4",
                           to=[*survivors, *inside])]  # fmt: skip
    return one("teo-hia", mails, 248, "sensitive-context safety-of-life more-than-100-people", 3.25,
               beside=["hia-1", "hia-2"])  # fmt: skip


simple(
    "pcc-ni", "Gender identity panel: next meeting", 15, named=0.2, role="cc", worked=3.25,
    markers="sensitive-context private-webmail apology",
    after=sorry(3, "Please delete my last message and confirm"),
)  # fmt: skip


@case("mod-arap")
def _arap(town: Town) -> Case:
    everybody = [*town.public(40, 0.4), *town.public(225, 0.85)]
    lists = everybody[:13], everybody[10:65], everybody[20:265]
    mails = [
        Mail(f"arap-{n}", AT + 24 * days, f"ARAP: evacuation from Kabul, step {'abc'[n]}",
             to=people)
        for n, (days, people) in enumerate(zip((0, 6, 13), lists, strict=True))
    ]  # fmt: skip
    mails += [
        Mail(f"arap-all-{n}", AT + 24 * 13 + 1 + n, f"Re: {mails[2].subject}",
             sender=lists[2][n], to=[f"office@{OWN}", *lists[2]], answers="arap-2")
        for n in range(2)
    ]  # fmt: skip
    grave = {"sensitive-context", "safety-of-life"}
    return Case(
        "mod-arap",
        mails,
        [
            Expected(frozenset({"arap-0"}), 13, frozenset(grave), 3.25),
            Expected(frozenset({"arap-1"}), 55, frozenset({*grave, "repeat"}), 3.25),
            Expected(frozenset({"arap-2", "arap-all-0", "arap-all-1"}), 245,
                     frozenset({*grave, "repeat", "replies-to-all"}), 4.25),
        ],
    )  # fmt: skip


@case("windrush")
def _windrush(town: Town) -> Case:
    people = town.public(500)
    mails = [
        Mail(f"windrush-{n}", AT + n / 5, f"Windrush compensation scheme ({n + 1} of 5)",
             to=people[n * 100 : n * 100 + 100])
        for n in range(5)
    ]  # fmt: skip
    mails.append(Mail("windrush-recall", AT + 2, "Recall: Windrush compensation scheme",
                      bcc=people))  # fmt: skip
    return one("windrush", mails, 500, "batch recall sensitive-context more-than-100-people", 2.50)


simple(
    "euss", "EU settlement scheme: send us your application again", 240, worked=1.75,
    markers="more-than-100-people apology", after=sorry(3, "Please delete our earlier message"),
)  # fmt: skip
simple(
    "serco", "Training: where to get help", 296, role="cc", worked=1.00,
    markers="more-than-100-people private-webmail apology", after=sorry(30),
)  # fmt: skip


@case("wychavon-malvern")
def _wychavon(town: Town) -> Case:
    people = town.public(2600)
    subject = "Your place on the housing waiting list"
    mails = [
        Mail("wychavon", AT, subject, to=people[:1500]),
        Mail("malvern", AT + 0.6, subject, to=people[1500:]),
        Mail("wm-sorry", AT + 4, "Apology for our message", bcc=people),
    ]
    return one("wychavon-malvern", mails, 2600, "batch apology more-than-100-people", 1.75)


simple(
    "cheshire-west", "Changes to the licensing of taxis", 1326, private=0.5, worked=1.00,
    markers="more-than-100-people apology", after=sorry(20),
)  # fmt: skip
simple("cheshire-east-fairerpower", "Fairer power: switching opens", 300)


@case("plymouth-ehe")
def _plymouth(town: Town) -> Case:
    people = town.public(500)
    mails = [
        Mail("ehe", AT, "Home education: the new law", to=people),
        Mail("ehe-delete", AT + 1, "Please delete our earlier e-mail", bcc=people),
        Mail("ehe-delete-2", AT + 3, "Please disregard our earlier e-mails", bcc=people),
    ]
    return one("plymouth-ehe", mails, 500, "children apology more-than-100-people")


@case("york-blue-badge")
def _york(town: Town) -> Case:
    people = town.public(310)
    mails = [
        Mail(f"york-{n}", AT + n * 0.8, subject, to=people)
        for n, subject in enumerate((
            "Blue Badge parking changes", "Blue Badge parking changes: map",
            "Blue Badge parking changes: correct map",
        ))
    ]  # fmt: skip
    mails.append(Mail("york-delete", AT + 5, "Please delete our e-mails about parking", bcc=people))
    return one("york-blue-badge", mails, 310, "resend apology sensitive-context")


@case("bristol-send")
def _bristol(town: Town) -> Case:
    people = town.public(220)
    children = {a: f"Parent of {a[:1].upper()}ea Example" for a in people}
    mails = [
        Mail("send", AT, "Consultation: special educational needs", to=people, names=children),
        Mail("send-delete", AT + 2, "Please delete our earlier message", bcc=people),
    ]
    return one("bristol-send", mails, 220, "children apology more-than-100-people")


simple(
    "south-ayrshire", "Your free school meals and clothing grant: approved", 340,
    markers="children recall apology more-than-100-people", after=both(recall(0.3), sorry(22)),
)  # fmt: skip
simple(
    "kennedys-redress", "Redress scheme for survivors: update", 194, private=0.7, worked=3.25,
    markers="sensitive-context safety-of-life recall", after=recall(0.4),
)  # fmt: skip


@case("cifas-invite")
def _cifas(town: Town) -> Case:
    people = town.staff(57, [f"vendor{n}.example" for n in range(40)])
    mails = [Mail("cifas", AT, "Fraud prevention briefing", to=people[:12], cc=people[12:],
                  invites=True)]  # fmt: skip
    return one("cifas-invite", mails, 57)


@case("ircc-afghan")
def _ircc(town: Town) -> Case:
    people = town.public(200)
    mails = [
        Mail(f"ircc-{n}", AT + n / 3, "Resettlement of Afghan nationals: documents",
             to=people[n * 50 : n * 50 + 50])
        for n in range(4)
    ]  # fmt: skip
    return one("ircc-afghan", mails, 200, "batch sensitive-context safety-of-life", 3.25)


@case("tbs-phoenix")
def _phoenix(town: Town) -> Case:
    people = town.public(160)
    subject = "Phoenix claims: harm by the pay system"
    mails = [
        Mail("phoenix-bcc", AT, subject, bcc=people),
        Mail("phoenix-1", AT + 1, f"Correction: {subject}", cc=people[:80], to=[f"office@{OWN}"]),
        Mail("phoenix-2", AT + 1.1, f"Correction: {subject}", cc=people[80:], to=[f"office@{OWN}"]),
    ]
    return one("tbs-phoenix", mails, 160, "bcc-then-visible more-than-100-people")


@case("pvv-overijssel")
def _pvv(town: Town) -> Case:
    people = town.public(101, 0.6)
    subject = "Invitation to friends and members of the party"
    mails = [
        Mail("pvv", AT, subject, to=people),
        Mail("pvv-again", AT + 70, subject, bcc=people),
    ]
    return one("pvv-overijssel", mails, 101, "visible-then-bcc sensitive-context", 3.25)


@case("roosendaal")
def _roosendaal(town: Town) -> Case:
    people = town.public(400)
    mails = [
        Mail("roosendaal-1", AT - 24 * 31, "Daily news: Monday", to=[f"office@{OWN}"], cc=people),
        Mail("roosendaal-2", AT, "Daily news: Thursday", to=[f"office@{OWN}"], cc=people),
    ]
    again = frozenset({"same-list-again"})
    return Case("roosendaal", mails, [
        Expected(frozenset({m.id}), 400, again) for m in mails
    ])  # fmt: skip


@case("orde-midden-nl")
def _orde(town: Town) -> Case:
    people = town.staff(275, [f"lawyers{n}.example" for n in range(200)])
    mails = [Mail("orde", AT, "Overdue: your financial figures", to=[f"office@{OWN}"], cc=people)]
    return one("orde-midden-nl", mails, 275, "more-than-100-people sensitive-context")


simple("be-youth-care", "Youth care: meeting for parents", 16, role="cc", worked=1.75,
       markers="children private-webmail")  # fmt: skip
simple("it-asl-to4", "Multiple sclerosis: how to obtain your medicine", 45, role="cc", worked=3.25,
       markers="sensitive-context")  # fmt: skip
simple("it-cardiac", "Heart transplant waiting list: consent to the study", 19, named=7 / 19,
       role="cc", worked=3.25, markers="sensitive-context apology",
       after=sorry(4, "Please delete our message of today"))  # fmt: skip
simple("es-clidea", "New jobs for freelancers", 349, named=0.7, markers="more-than-100-people")
simple("es-lawfirm", "Opening hours in August", 8)
simple("es-party", "To all party members: assembly", 241, markers="sensitive-context")
simple("ie-company-x", "Disconnection for arrears", 300, worked=2.50, role="to",
       markers="sensitive-context more-than-100-people apology", after=sorry(100))  # fmt: skip


@case("cheshire-east-2011")
def _forwarded(town: Town) -> Case:
    people, others = town.public(100), town.public(3)
    first = Mail("warning", AT, "Police warning about an ex-offender", to=people)
    quoted = (
        "For your information.\n\n-----Original Message-----\n"
        f"From: {first.sender}\nSent: Monday\nTo: {'; '.join(people)}\n"
        f"Subject: {first.subject}\n\nPlease be careful.\n"
    )
    forward = Mail("forward", AT + 30, f"FW: {first.subject}", to=others[:1], bcc=others[1:],
                   sender=f"colleague@{OWN}", text=quoted)  # fmt: skip
    return one("cheshire-east-2011", [first, forward], 100, "forward sensitive-context")


@case("text-only-remedy")
def _untold(town: Town) -> Case:
    people = town.public(40)
    sorry = "Please delete the message that I sent in error this morning.\n"
    mails = [
        Mail("untold", AT, "Foster carers: spring training", to=people),
        Mail("untold-after", AT + 5, "A word on this morning", bcc=people, text=sorry),
    ]
    return one("text-only-remedy", mails, 40, "children apology")


def _sheet(town: Town, count: int, heads: Sequence[str]) -> list[list[str]]:
    rows = [list(heads)]
    for person in town.public(count, 1.0):
        given, family = person.split("@")[0].rstrip("0123456789").split(".")[:2]
        day = town.random.randrange(1, 28)
        values = {
            "Name": f"{given.title()} {family.title()}",
            "Date of birth": f"{day:02}/06/19{town.random.randrange(40, 99)}",
            "E-mail": person,
            "Phone": f"07700 900{town.random.randrange(1000):03}",
            "Religion": town.random.choice(["Muslim", "Christian", "Hindu", "none"]),
            "Disability": town.random.choice(["wheelchair user", "none", "deaf"]),
        }
        rows.append([values[head] for head in heads])
    return rows


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


@case("pl-enea")
def _enea(town: Town) -> Case:
    rows = _sheet(town, 259, ["Name", "E-mail", "Phone"])
    mails = [Mail("enea", AT, "The figures you asked for", to=town.public(1),
                  files=[("figures.csv", _csv(rows))])]  # fmt: skip
    expected = [Expected(frozenset({"enea"}), 259, frozenset({"content"}), 1.25)]
    return Case("pl-enea", mails, expected, attachments=True)


@case("watford")
def _watford(town: Town) -> Case:
    rows = _sheet(town, 344, ["Name", "Date of birth", "E-mail", "Religion", "Disability"])
    people = town.public(40)
    mails = [
        Mail("watford", AT, "Are your contact details right?", to=[f"office@{OWN}"], bcc=people,
             files=[("tenants.csv", _csv(rows))]),
        Mail("watford-delete", AT + 4, "Please delete our earlier message", bcc=people),
    ]  # fmt: skip
    ids = frozenset(m.id for m in mails)
    marked = frozenset({"content", "apology", "more-than-100-people"})
    return Case("watford", mails, [Expected(ids, 344, marked, 4.25)], attachments=True)


def every() -> Iterator[Case]:
    """Yield all cases."""
    for identity in CASES:
        yield told(identity)


def flat(cases: Sequence[Case]) -> list[Mail]:
    """Return the messages of several cases."""
    return [replace(mail) for one_case in cases for mail in one_case.mails]
