# ruff: noqa: E501 (a mail, a row of a table)
"""What was in order all year, large lists and sensitive words too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tests.docket.mail import Mail
from tests.year.exposures import (
    CLAIMS,
    DAY,
    FAMILY_LAW,
    GIVING,
    GROUPS,
    INCOME,
    LETTINGS,
    RECRUIT,
    REPAIRS,
    SUPPORT,
    YOUTH,
    quoted,
)
from tests.year.people import CHARITY, HOMES, LAW, People, roles

PR = f"press@{HOMES}"


def benign(people: People) -> list[Mail]:
    """Return a year of it."""
    return [
        *_professionals(people),
        *_circles(people),
        *_inside(people),
        *_hosts(people),
        *_bulk(people),
        *_their_own(people),
        *_letters(people),
    ]


def _every(
    name: str, days: int, first: float, subject: str, sender: str, **more: object
) -> Iterator[Mail]:
    """Yield one message so many days apart, the year round."""
    for n in range(int(360 / days)):
        mail = Mail(f"{name}-{n}", (n * days + first) * DAY, subject.format(n=n), sender=sender)
        yield replace(mail, **more)  # type: ignore[arg-type]


def _professionals(people: People) -> Iterator[Mail]:
    """People who are written to for their work; some of the matters are as grave as can be."""
    agencies = (
        "police.example",
        "health.example",
        "council.example",
        "probation.example",
        "womensaid.example",
    )
    at, firms = people.at, people.firms
    table: Sequence[tuple[str, int, float, str, str, list[str]]] = (
        ("marac", 7, 1.1, "MARAC: domestic abuse cases for week {n}", SUPPORT, at(14, *agencies)),
        ("mdt", 7, 1.3, "MDT: patients for discharge, week {n}", SUPPORT, at(11, "health.example", "hospital.example", "council.example")),
        ("mental", 7, 2.2, "Mental health liaison {n}", SUPPORT, at(9, "health.example", "council.example", "mind-gwern.example")),
        ("forum", 30, 3.1, "Homelessness forum: papers {n}", SUPPORT, at(24, *agencies, *(f"hostel{n}.example" for n in range(7)))),
        ("asb-panel", 14, 4.2, "Multi-agency ASB panel {n}", SUPPORT, at(8, *agencies)),
        ("safeguarding", 30, 5.2, "Safeguarding children board: agenda {n}", YOUTH, at(17, *agencies, "schools.example")),
        ("heads", 60, 6.3, "Holiday club places for children on free school meals", YOUTH, at(22, *(f"ysgol{n}.example" for n in range(22)))),
        ("gp", 90, 7.4, "Referral form for social prescribing", GROUPS, at(33, *(f"surgery{n}.example" for n in range(33)))),
        ("training", 120, 8.2, "Domestic abuse awareness training: joining details", SUPPORT, firms(30, "agency")),
        ("advisers", 90, 9.3, "Benefit and debt advice: case law update {n}", INCOME, firms(28, "advice")),
        ("policy", 180, 10.2, "Consultation: rent arrears policy", INCOME, firms(26, "housing")),
        ("tender", 90, 11.3, "Tender: clarifications {n}", REPAIRS, firms(25, "builder")),
        ("design", 14, 12.2, "Scheme at Cae Glas: drawings {n}", REPAIRS, at(12, *(f"architect{n}.example" for n in range(5)))),
        ("lenders", 90, 13.2, "Quarterly covenant report", f"finance@{HOMES}", at(6, "bank.example", "fund.example")),
        ("counsel", 21, 14.2, "Claim against the school: abuse survivors' statements {n}", CLAIMS, at(6, "chambers.example", "experts.example")),
        ("other-side", 30, 15.2, "Our client's disclosure {n}", CLAIMS, at(4, "otherside.example", "court.example")),
        ("law-society", 60, 16.2, "Local law society: CPD evening", FAMILY_LAW, at(38, *(f"lawfirm{n}.example" for n in range(19)))),
        ("mediators", 45, 17.3, "Family mediation rota {n}", FAMILY_LAW, firms(15, "mediator")),
        ("councillors", 30, 18.2, "Housing news for members", PR, at(41, "council.example")),
        ("press", 21, 19.2, "Press release: new homes at Cae Glas", PR, [*at(18, *(f"gazette{n}.example" for n in range(9))), *roles(22, "radio", ("newsdesk",))]),
        ("wasg", 30, 20.2, "Datganiad i'r wasg: cartrefi newydd", PR, [*at(14, *(f"papur{n}.example" for n in range(7))), *roles(9, "newyddion", ("newyddion",))]),
        ("suppliers", 30, 21.3, "Orders and Christmas opening", REPAIRS, roles(45, "merchant", ("sales", "orders"))),
        ("utilities", 60, 22.2, "Voids: final readings", REPAIRS, roles(12, "energy", ("voids", "accounts"))),
        ("agencies", 60, 23.2, "Temporary staff: our needs", RECRUIT, firms(30, "agency-staff")),
        ("insurers", 90, 24.2, "Claims experience", f"finance@{HOMES}", at(5, "insurer.example", "broker.example")),
        ("sister", 30, 25.2, "News from the group", PR, at(140, "gwern-care.example")),
        ("consultants", 90, 26.3, "Asset survey: programme", REPAIRS, at(60, "survey.example", "engineer.example", "planner.example")),
        ("hiv-network", 30, 27.2, "HIV prevention network: minutes {n}", GROUPS, at(19, *(f"trust{n}.example" for n in range(6)), "health.example")),
        ("refugee-council", 30, 28.2, "Asylum dispersal: partners' call {n}", YOUTH, at(13, *agencies, "refugees.example")),
        ("opdracht", 60, 29.2, "Offerte: ramen en kozijnen", REPAIRS, firms(9, "aannemer")),
    )  # fmt: skip
    for name, days, first, subject, sender, who in table:
        yield from _every(name, days, first, subject, sender, to=who)
    meeting = at(20, *agencies)
    for n in range(6):
        invite = Mail(
            f"meeting-{n}",
            (40 + n * 50) * DAY,
            "Partnership meeting",
            to=meeting,
            sender=SUPPORT,
            invites=True,
        )
        yield invite
        yield Mail(
            f"meeting-up-{n}",
            (41 + n * 50) * DAY,
            "Updated: Partnership meeting",
            to=meeting,
            sender=SUPPORT,
            invites=True,
        )


def _circles(people: People) -> Iterator[Mail]:
    """Circles at private addresses whose people all write to one another."""
    table = (
        ("trustees", 30, "Trustees: papers {n}", GIVING, 7),
        ("panel", 14, "Tenants' panel: Thursday's agenda {n}", LETTINGS, 12),
        ("rota", 7, "Food bank rota week {n}", GIVING, 14),
        ("choir", 14, "Côr: rehearsal {n}", PR, 19),
        ("football", 7, "Five-a-side {n}", REPAIRS, 11),
        ("books", 30, "Book club {n}", FAMILY_LAW, 8),
        ("peer", 14, "Peer mentors: recovery café {n}", GROUPS, 6),
        ("foster", 30, "Foster carers' coffee morning {n}", YOUTH, 10),
        ("kin", 60, "Nain's birthday {n}", FAMILY_LAW, 5),
        ("allotment", 30, "Allotment committee {n}", LETTINGS, 9),
    )
    for name, days, subject, sender, count in table:
        who = people.public(count)
        for n, mail in enumerate(
            _every(name, days, 2.5, subject, sender, to=who, names=people.names)
        ):
            yield mail
            for k in range(2):
                by = who[(n + k * 3) % count]
                yield Mail(f"{mail.id}-re{k}", mail.hours + 3 + k, f"Re: {mail.subject}", sender=by, answers=mail.id,
                           to=[sender, *(w for w in who if w != by)], text="I shall be there.\n")  # fmt: skip


def _inside(people: People) -> Iterator[Mail]:
    """What stays inside, sensitive or not."""
    staff = [f"{n}.staff@{HOMES}" for n in range(180)]
    yield from _every("all-staff", 7, 0.5, "Staff bulletin {n}", PR, to=staff)
    yield from _every(
        "aids-day",
        180,
        0.6,
        "HIV awareness day: wear a ribbon",
        PR,
        to=[*staff, f"all@{CHARITY}", f"all@{LAW}"],
    )
    yield from _every(
        "contractors",
        14,
        0.7,
        "On-call rota {n}",
        REPAIRS,
        to=staff[:9],
        cc=people.at(6, "gasworks.example"),
    )
    yield from _every("cases", 7, 0.8, "Arrears cases for court {n}", INCOME, to=staff[:12])
    yield from _every("baby", 120, 0.9, "Collection for Lowri's baby", RECRUIT, to=staff[:40])


def _hosts(people: People) -> Iterator[Mail]:
    """Mailing lists at a host: one address whose members nobody sees."""
    yield from _every(
        "list-a",
        14,
        3.5,
        "Re: housing-law digest {n}",
        CLAIMS,
        to=["housing-law@lists.bar.example"],
    )
    yield from _every(
        "list-b",
        14,
        4.5,
        "Food bank network {n}",
        GIVING,
        to=["foodbanks@groups.pantry.example"],
        cc=["foodbanks-l@pantry.example"],
    )
    yield from _every(
        "list-c",
        30,
        5.5,
        "Tenants' voice: meeting {n}",
        LETTINGS,
        to=["tenants-voice@groups.gwern-community.example"],
    )
    yield from _every(
        "list-d",
        30,
        6.5,
        "Regional bulletins",
        PR,
        to=[f"{w}-l@{w}.example" for w in ("north", "south", "east", "west", "mid")],
    )
    yield from _every(
        "list-e",
        30,
        7.5,
        "HIV support workers' list: query {n}",
        GROUPS,
        to=["hiv-workers@lists.health.example"],
    )


def _bulk(people: People) -> Iterator[Mail]:
    """Properly in Bcc."""
    readers, residents, clients = people.public(500), people.public(900), people.public(240)
    yield from _every("newsletter", 30, 8.5, "Newsletter {n}", GIVING, to=[GIVING], bcc=readers)
    yield from _every(
        "residents", 60, 9.5, "Your home: residents' news", LETTINGS, to=[LETTINGS], bcc=residents
    )
    yield from _every(
        "alert", 60, 10.5, "Client alert: leasehold reform", CLAIMS, to=[CLAIMS], bcc=clients
    )
    yield from _every(
        "helpers", 30, 11.5, "Volunteers wanted for Saturday", GIVING, to=[GIVING], bcc=readers[:60]
    )
    yield from _every(
        "small-group",
        14,
        12.5,
        "Bereavement group this week",
        GROUPS,
        to=[GROUPS],
        bcc=people.public(12),
    )
    yield from _every(
        "enquete", 120, 13.5, "Enquête: uw mening telt", LETTINGS, to=[LETTINGS], bcc=residents[:80]
    )


def _their_own(people: People) -> Iterator[Mail]:
    """Lists that somebody outside began, and our one answer."""
    openings = (
        ("parents-own", "Football pitch: who can drive?", 15, YOUTH),
        ("landlords-own", "Gas certificates: our question", 12, LETTINGS),
        ("complaint", "Formal complaint about the lifts", 26, REPAIRS),
        ("hen", "Hen weekend", 9, FAMILY_LAW),
        ("siblings", "Dad's house", 5, FAMILY_LAW),
        ("support-own", "Our group for carers of people with dementia", 18, GROUPS),
    )
    for place, (name, subject, count, sender) in enumerate(openings):
        who = people.public(count)
        at = (33 + place * 41) * DAY
        yield Mail(name, at, subject, sender=who[0], to=[sender], cc=who[1:])
        yield Mail(
            f"{name}-re",
            at + 4,
            f"Re: {subject}",
            sender=sender,
            to=who,
            answers=name,
            text="Thank you, we will look into it.\n",
        )
    members = [*people.at(20, "senedd.example"), *roles(10, "gazette", ("newsdesk",))]
    writer = people.public(1)[0]
    first = Mail(
        "mps", 205 * DAY, "Our estate is being ignored", sender=writer, to=[PR], cc=members
    )
    yield first
    yield Mail(
        "mps-re",
        206 * DAY,
        f"Re: {first.subject}",
        sender=PR,
        to=[writer],
        cc=members,
        answers="mps",
    )
    papers = Mail(
        "board-papers",
        214 * DAY,
        "Papers for the strategy board",
        sender="clerk@council.example",
        to=[SUPPORT, *people.at(16, "council.example", "health.example")],
    )
    yield papers
    yield Mail(
        "board-papers-on",
        214 * DAY + 2,
        f"FW: {papers.subject}",
        sender=SUPPORT,
        to=[INCOME, f"director@{HOMES}"],
        text=quoted("For Monday.", papers),
    )
    yield Mail(
        "board-papers-off",
        214 * DAY + 3,
        f"FW: {papers.subject}",
        sender=SUPPORT,
        to=people.at(1, "hostel1.example"),
        text=quoted("For Monday.", papers),
    )


def _letters(people: People) -> Iterator[Mail]:
    """Letters to one person or a household, of every service."""
    subjects = (
        (INCOME, "Your rent account"), (LETTINGS, "Your application for a home"), (REPAIRS, "Your repair"), (SUPPORT, "Our visit"),
        (GROUPS, "Your appointment"), (YOUTH, "Trip on Saturday"), (CLAIMS, "Your claim"), (FAMILY_LAW, "Your matter"),
        (RECRUIT, "Your interview"), (GIVING, "Your standing order"),
    )  # fmt: skip
    for n in range(600):
        sender, subject = subjects[n % 10]
        who = people.public(2 if n % 13 == 0 else 1)
        at = 3 * DAY + n * 14.0
        yield Mail(f"letter-{n}", at, f"{subject} {n}", sender=sender, to=who, names=people.names)
        if n % 2:
            yield Mail(
                f"letter-{n}-re",
                at + 20,
                f"Re: {subject} {n}",
                sender=who[0],
                to=[sender],
                answers=f"letter-{n}",
                text="Diolch, thank you.\n",
            )
    for n in range(20):
        family = people.public(3)
        yield Mail(
            f"will-{n}",
            10 * DAY + n * 16 * DAY,
            f"Estate of the late Mr {n}",
            sender=FAMILY_LAW,
            to=[*family, *people.at(1, "accountant.example")],
        )
    excuses = (
        ("sorry-late", "Sorry for the late answer"), ("apology-delay", "Apologies for the delay to your repair"),
        ("delete-old", "Please delete my old number"), ("ymddiheuriad", "Ymddiheuriadau am yr oedi"),
        ("excuses-te-laat", "Excuses voor de late reactie"), ("recall-product", "Product recall: your boiler"),
    )  # fmt: skip
    for place, (name, subject) in enumerate(excuses):
        yield from _every(
            name,
            60,
            14.5 + place,
            subject,
            (REPAIRS, LETTINGS, CLAIMS)[place % 3],
            to=people.public(1),
        )
