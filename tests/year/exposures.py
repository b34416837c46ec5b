# ruff: noqa: E501 (a mail, a row of a table)
"""What went wrong in the year: each exposure with its messages and people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.docket.mail import Mail, shown_again
from tests.year.people import CHARITY, HOMES, LAW, People

INCOME, LETTINGS, REPAIRS = f"income@{HOMES}", f"carys.lettings@{HOMES}", f"owain.repairs@{HOMES}"
SUPPORT, RECRUIT = f"sian.support@{HOMES}", f"hr@{HOMES}"
GROUPS, YOUTH, GIVING = f"eleri.groups@{CHARITY}", f"bram.youth@{CHARITY}", f"giving@{CHARITY}"
CLAIMS, FAMILY_LAW = f"gareth.claims@{LAW}", f"hanneke.family@{LAW}"
HOUR = 1.0
DAY = 24.0


@dataclass(frozen=True)
class Exposure:
    """One event: the messages that belong to it, and how many people it exposed."""

    id: str
    mails: Sequence[Mail]
    people: int
    before: Sequence[Mail] = ()
    """What came before it and is none of it: ordinary mail, or what somebody outside sent."""

    @property
    def ids(self) -> frozenset[str]:
        """The ids of its messages."""
        return frozenset(m.id for m in self.mails)


LISTS: Sequence[tuple[str, str, str, str, int]] = (
    ("arrears", INCOME, "to", "Your rent account: action needed this week", 28),
    ("refuge", SUPPORT, "to", "Moving on from the refuge: Thursday's visit", 9),
    ("asb", SUPPORT, "to", "Noise and threats at Bryn Court: your diary sheets", 12),
    ("grief", GROUPS, "to", "Bereavement group starts on Tuesday", 11),
    ("donors", GIVING, "cc", "Thank you for your gift", 88),
    ("lotgenoten", GROUPS, "to", "Lotgenotengroep verslaving: nieuwe zaal", 27),
    ("asylum", YOUTH, "to", "English classes for asylum seekers: new room", 16),
    ("clients", CLAIMS, "to", "Our office at Christmas: completion dates", 118),
    ("redress", CLAIMS, "to", "Redress scheme: update to claimants", 38),
    ("disclosures", CLAIMS, "to", "Your protected disclosure: next steps", 5),
    ("hiv", GROUPS, "to", "HIV peer support: change of venue", 7),
    ("canser", GROUPS, "to", "Grŵp cymorth canser: y cyfarfod nesaf", 14),
    ("landlords", LETTINGS, "to", "Private landlords' forum: dates", 61),
    ("relatives", SUPPORT, "to", "Outbreak at Plas Newydd: visiting your relative", 31),
    ("mentoring", YOUTH, "to", "Youth justice mentoring: first evening for parents", 8),
    ("volunteers", GIVING, "to", "An evening to say thank you", 130),
    ("dyledion", INCOME, "cc", "Ôl-ddyledion rhent: y camau nesaf", 22),
    ("leavers", LETTINGS, "to", "Deposits: what we still owe you", 46),
)  # fmt: skip


def lists(people: People) -> Iterator[Exposure]:
    """Yield the plain ones: one visible list, and nobody noticed."""
    for place, (name, sender, role, subject, count) in enumerate(LISTS):
        shown: dict[str, Sequence[str]] = {role: people.public(count)}
        if role == "cc":
            shown["to"] = [sender]
        at = 40 * DAY + place * 17 * DAY + place % 7
        yield Exposure(
            name, [Mail(name, at, subject, sender=sender, names=people.names, **shown)], count  # type: ignore[arg-type]
        )  # fmt: skip


def followed(people: People) -> Iterator[Exposure]:
    """Yield those that something followed: a remedy, an answer, the rest of the list."""

    def mail(name: str, at: float, subject: str, sender: str, **more: object) -> Mail:
        return Mail(name, at, subject, sender=sender, names=people.names, **more)  # type: ignore[arg-type]

    everyone = sorted(people.public(650))
    damp = mail("damp", 52 * DAY, "Damp and mould: your survey", REPAIRS, to=everyone[:340])
    yield Exposure(
        "damp", [damp, mail("damp-2", 53 * DAY, damp.subject, REPAIRS, to=everyone[340:])], 650
    )

    tenants = people.public(1150)
    news = mail("news", 61 * DAY, "Spring news for residents", LETTINGS, to=tenants)
    sorry = mail(
        "news-sorry",
        62 * DAY,
        "Sorry about yesterday's email",
        LETTINGS,
        to=[LETTINGS],
        bcc=tenants,
    )
    yield Exposure("news", [news, sorry], 1150)

    hopefuls = people.public(34)
    job = mail(
        "job", 75 * DAY, "Your application: Housing Officer", RECRUIT, to=[RECRUIT], cc=hopefuls
    )
    delete = mail("job-delete", 75 * DAY + 2, "Please delete my last message", RECRUIT, to=[RECRUIT], cc=hopefuls,
                  text="Dear all,\n\nI sent the last message to all of you in error. Please delete it.\n")  # fmt: skip
    yield Exposure("job", [job, delete], 34)

    families = people.public(18)
    invite = mail(
        "drop-in",
        88 * DAY,
        "Tenancy support drop-in: debts and benefits",
        SUPPORT,
        to=families,
        invites=True,
    )
    yield Exposure(
        "drop-in",
        [invite, shown_again(invite, "drop-in-2", 90 * DAY, subject=f"Updated: {invite.subject}")],
        18,
    )

    bathrooms = people.public(64)
    hidden = mail(
        "bathrooms",
        101 * DAY,
        "Bathroom programme: when we come to you",
        REPAIRS,
        to=[REPAIRS],
        bcc=bathrooms,
    )
    shown = mail(
        "bathrooms-2", 101 * DAY + 3, f"Corrected: {hidden.subject}", REPAIRS, to=bathrooms
    )
    yield Exposure("bathrooms", [hidden, shown], 64)

    payers = people.public(250)
    yield Exposure("review", [
        mail(f"review-{n}", 117 * DAY + n * 0.4, "Annual rent review", INCOME, to=payers[n * 50 : n * 50 + 50]) for n in range(5)
    ], 250)  # fmt: skip

    waiting = people.public(41)
    place = mail(
        "waiting", 130 * DAY, "Counselling: your place on the waiting list", GROUPS, to=waiting
    )
    yield Exposure(
        "waiting",
        [
            place,
            shown_again(
                place, "waiting-recall", 130 * DAY + 0.3, subject=f"Recall: {place.subject}"
            ),
        ],
        41,
    )

    parents = people.public(52)
    breaks = mail(
        "breaks", 143 * DAY, "Short breaks for disabled children: have your say", YOUTH, to=parents
    )
    answers = [
        mail(f"breaks-{n}", 143 * DAY + 1 + n, f"Re: {breaks.subject}", parents[n * 5], answers="breaks",
             to=[YOUTH, *(p for p in parents if p != parents[n * 5])], text="Thanks, we will come.\n") for n in range(2)
    ]  # fmt: skip
    own = mail(
        "breaks-own",
        143 * DAY + 5,
        f"Re: {breaks.subject}",
        GROUPS,
        answers="breaks",
        to=[YOUTH, *parents],
    )
    yield Exposure("breaks", [breaks, *answers, own], 52)

    claimants = people.public(44)
    hearing = mail(
        "hearing", 158 * DAY, "Residents' claim: date of the hearing", CLAIMS, to=claimants
    )
    storm = [
        mail(f"hearing-{n}", 158 * DAY + 0.5 + n, f"RE: {hearing.subject}", claimants[n], answers="hearing",
             to=[CLAIMS, *(p for p in claimants if p != claimants[n])], text="Why can everybody see my address?\n") for n in range(14)
    ]  # fmt: skip
    yield Exposure("hearing", [hearing, *storm], 44)

    huurders = people.public(19)
    achter = mail(
        "achterstand", 171 * DAY, "Herinnering: huurachterstand", INCOME, to=[INCOME], cc=huurders
    )
    excuses = mail("achterstand-2", 171 * DAY + 4, "Onze excuses", INCOME, to=[INCOME], bcc=huurders,
                   text="Beste huurder,\n\nOnze excuses. Wilt u de vorige e-mail verwijderen?\n")  # fmt: skip
    yield Exposure("achterstand", [achter, excuses], 19)

    leaseholders = people.public(26)
    for n, at in enumerate((182, 268)):
        yield Exposure(
            f"leasehold-{n}",
            [
                mail(
                    f"leasehold-{n}",
                    at * DAY,
                    f"Service charge: {('spring', 'autumn')[n]}",
                    INCOME,
                    to=leaseholders,
                )
            ],
            26,
        )

    patients = people.public(150)
    yield Exposure(
        "clinic",
        [
            mail(
                "clinic",
                203 * DAY,
                "HIV clinic: reminders by text",
                GROUPS,
                to=[GROUPS],
                bcc=patients,
            )
        ],
        150,
    )


def forwarded(people: People) -> Iterator[Exposure]:
    """Yield those in which a list went on in a quoted header."""
    parents = people.public(35)
    coach = "mandy.fenwick@clwb-nofio.example"
    inbound = Mail(
        "swim", 211 * DAY, "Swimming for children with autism", to=[YOUTH, *parents], sender=coach
    )
    onward = Mail("swim-on", 211 * DAY + 4, f"FW: {inbound.subject}", sender=YOUTH,
                  to=people.at(3, "ysgol-gwern.example"), text=quoted("For you to see.", inbound))  # fmt: skip
    yield Exposure("swim", [onward], 35, [inbound])

    panel, readers = people.public(48), people.public(20)
    own = Mail("heating", 222 * DAY, "Heating trial: first results", to=panel, sender=REPAIRS)
    passed = Mail("heating-on", 225 * DAY, f"Fwd: {own.subject}", to=[REPAIRS], bcc=readers, sender=REPAIRS,
                  text=quoted("You may like to join.", own))  # fmt: skip
    yield Exposure("heating", [own, passed], 48)


def quoted(words: str, mail: Mail) -> str:
    """Return a text with the header block that a forward quotes."""
    return (
        f"{words}\n\n-----Original Message-----\nFrom: {mail.sender}\nSent: Monday 3 March 2025 09:00\n"
        f"To: {'; '.join(mail.to)}\nSubject: {mail.subject}\n\n{mail.text}"
    )


def misdirected(people: People) -> Iterator[Exposure]:
    """Yield those with one wrong reader, or the wrong file."""
    for n, (name, make) in enumerate(sorted(SLIPS.items())):
        yield make(people, name, 231 * DAY + n * 11 * DAY)


def table(people: People, rows: int) -> bytes:
    """Return a table of people with birth dates and arrears."""
    lines = ["Name,Date of birth,Address,Arrears"]
    for n in range(rows):
        name = f"{people.random.choice(['Mari', 'Tess', 'Olwen', 'Piet'])} {people.random.choice(['Roblin', 'Vaart', 'Quennell', 'Huws'])}{'abcdefghij'[n % 10]}"
        lines.append(
            f"{name},{1 + n % 28:02}/{1 + n % 12:02}/19{40 + n % 59},{n + 1} Stryd y Bont,{n * 7 + 40}.00"
        )
    return "\n".join(lines).encode()


def _twin(people: People, name: str, at: float) -> Exposure:
    client = "marloes.hendriks@postbox.example"
    before = [m for n in range(12) for m in (
        Mail(f"{name}-before-{n}", at - 100 * DAY + n * 7 * DAY, "Your divorce", to=[client], sender=FAMILY_LAW, text="Dear Ms Hendriks, we heard from the court.\n"),
        Mail(f"{name}-answer-{n}", at - 99 * DAY + n * 7 * DAY, "Re: Your divorce", to=[FAMILY_LAW], sender=client, text="Thank you.\n"),
    )]  # fmt: skip
    slip = Mail(name, at, "Your divorce: draft statement", to=["marloes.hendricks@postbox.example"], sender=FAMILY_LAW,
                text="Dear Ms Hendriks, the draft on the violence of your husband is below.\n")  # fmt: skip
    return Exposure(name, [slip], 0, before)


def _file(people: People, name: str, at: float) -> Exposure:
    other, reader = "lowri.llewelyn@postbox.example", "dennis.crabtree@webmail.example"
    before = [m for who in (other, reader) for n in range(4) for m in (
        Mail(f"{name}-{who[:3]}-{n}", at - 60 * DAY + n * 9 * DAY, "Your tenancy", to=[who], sender=LETTINGS),
        Mail(f"{name}-{who[:3]}-re-{n}", at - 59 * DAY + n * 9 * DAY, "Re: Your tenancy", to=[LETTINGS], sender=who, text="Diolch.\n"),
    )]  # fmt: skip
    slip = Mail(name, at, "Your tenancy agreement", to=[reader], sender=LETTINGS,
                files=[("Tenancy agreement Lowri Llewelyn.txt", b"Tenancy agreement between the association and Ms L. Llewelyn.\n")])  # fmt: skip
    return Exposure(name, [slip], 0, before)


def _sheet(people: People, name: str, at: float) -> Exposure:
    reader = people.public(1)
    slip = Mail(
        name,
        at,
        "Panel papers",
        to=reader,
        sender=INCOME,
        files=[("panel papers.csv", table(people, 120))],
    )
    return Exposure(name, [slip], 0)


def _home(people: People, name: str, at: float) -> Exposure:
    slip = Mail(name, at, "for tonight", to=["carys.lettings@webmail.example"], sender=LETTINGS,
                files=[("arrears all estates.csv", table(people, 400))])  # fmt: skip
    return Exposure(name, [slip], 0)


def _host(people: People, name: str, at: float) -> Exposure:
    rows = "\n".join(
        f"{n}. {w} Roblin, {w[:2].upper()}{n}0{n}1{n}3C"
        for n, w in enumerate(["Mari", "Tess", "Olwen", "Piet", "Ned", "Una"], 1)
    )
    slip = Mail(name, at, "Arrears: accounts for court", to=["tenants-voice@groups.gwern-community.example"], sender=INCOME,
                text=f"National Insurance numbers for the court:\n{rows}\n")  # fmt: skip
    return Exposure(name, [slip], 0)


def _returned(people: People, name: str, at: float) -> Exposure:
    reader = people.public(1)[0]
    slip = Mail(name, at, "Your personal independence payment appeal", to=[reader], sender=SUPPORT,
                text="Dear Mrs Bevan, your doctor's letter on your depression is in. The appeal is on Monday.\n")  # fmt: skip
    answer = Mail(f"{name}-answer", at + 5, f"Re: {slip.subject}", to=[SUPPORT], sender=reader, answers=name,
                  text="I am not Mrs Bevan. I think you have sent this to the wrong person.\n")  # fmt: skip
    return Exposure(name, [slip, answer], 0)


SLIPS: dict[str, Callable[[People, str, float], Exposure]] = {
    "slip-file": _file,
    "slip-home": _home,
    "slip-host": _host,
    "slip-returned": _returned,
    "slip-sheet": _sheet,
    "slip-twin": _twin,
}


def exposures(people: People) -> list[Exposure]:
    """Return all of them."""
    return [*lists(people), *followed(people), *forwarded(people), *misdirected(people)]
