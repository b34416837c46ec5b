"""Lists that may be visible, or are hidden as they should be: what a scan must rank low."""

from __future__ import annotations

from documents import attachment
from mime import Mail
from office import Office, later, moment, months, workday
from people import (
    COMMS,
    GRACE,
    HELEN,
    JO,
    OWEN,
    PARTNER_DOMAINS,
    REPAIRS,
    STREETS,
    Person,
    invented_people,
    stream,
)

MONTH_NAMES = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_BOARD_DOMAINS = (
    "webmail.example", "oakwell-law.example", "postbox.example", "harper-audit.example",
    "mailnest.example", "north-college.example",
)  # fmt: skip
_NEWSROOMS = (
    "calderbrook-courier.example", "valley-echo.example", "northern-mercury.example",
    "radio-calder.example", "housing-weekly.example", "weir-gazette.example",
    "moorland-post.example", "pennine-tv.example", "town-talk.example",
)  # fmt: skip


def write_routine(office: Office) -> None:
    """Write a year of board papers, staff news, panel talk, newsletters and partner mail."""
    _board_list(office)
    _all_staff(office)
    _residents_panel(office)
    _newsletter(office)
    _contractors(office)
    _press(office)
    _partners(office)


def _board_list(office: Office) -> None:
    rng = stream("board")
    board = invented_people(rng, _BOARD_DOMAINS, 11)
    agenda = attachment("Agenda.pdf", ("Board of Calderbrook Homes", "1 Apologies", "2 Accounts"))
    for year, month in months():
        papers = office.send(
            Mail(
                HELEN,
                board,
                f"Board papers: {MONTH_NAMES[month - 1]} {year}",
                "Dear all,\n\nThe agenda for this month's board is attached. The papers are in the "
                "portal.\nPlease tell me by Friday if you cannot come.",
                workday((year, month), rng.randrange(8, 13), "10:15:20"),
                cc=[OWEN],
                ending=office.sign(HELEN, rng),
                attachments=[agenda],
                benign="board-list",
            )
        )
        for member in rng.sample(board, rng.choice((0, 1, 2))):
            answer = rng.choice(("I shall be there.", "Apologies from me, I am away.", "Thanks."))
            office.send(
                Mail(
                    member,
                    [HELEN],
                    "Re: " + papers.subject,
                    answer,
                    later(papers.at, rng),
                    cc=[*(person for person in board if person != member), OWEN],
                    ending=office.sign(member, rng, papers),
                    parent=papers,
                    benign="board-list",
                )
            )


def _all_staff(office: Office) -> None:
    """Write to the whole staff, all addresses visible and all of them internal."""
    rng = stream("all staff")
    for year, month in months():
        mail = office.send(
            Mail(
                OWEN,
                [person for person in office.staff if person != OWEN],
                f"All staff: news for {MONTH_NAMES[month - 1]}",
                f"Dear colleagues,\n\nThis month: the works in {rng.choice(STREETS)}, the new "
                "phones, and cake on Thursday.",
                workday((year, month), rng.randrange(2, 8), "08:30:00"),
                named=False,
                ending=office.sign(OWEN, rng),
                benign="all-staff",
            ),
            inboxes=False,
        )
        mail.stored_in += [(JO.address, "Inbox"), (GRACE.address, "Inbox")]


def _residents_panel(office: Office) -> None:
    """Let the eight members of the panel and Grace write to one another."""
    rng = stream("panel")
    panel: list[Person] = [*rng.sample([p for p in office.residents if p.readable == "full"], 8)]
    agreed = "As agreed at our first meeting we all use one list."
    for day in ("2025-08-05", "2025-10-07", "2025-12-02", "2026-02-03", "2026-04-14", "2026-06-02"):
        parent = office.send(
            Mail(
                GRACE,
                panel,
                f"Residents' panel, {day[8:]} {MONTH_NAMES[int(day[5:7]) - 1]}",
                f"Dear panel,\n\n{agreed} Here is what we talked about: bins, lights, and the "
                "letter to the bus company.",
                moment(day, "09:40:11"),
                ending=office.sign(GRACE, rng),
                benign="residents-panel",
            )
        )
        for member in rng.sample(panel, rng.randrange(2, 5)):
            text = rng.choice(
                ("I agree about the bins.", "Count me in for the bus letter.", "Lights first!")
            )
            parent = office.send(
                Mail(
                    member,
                    [GRACE, *(person for person in panel if person != member)],
                    "Re: " + parent.subject.removeprefix("Re: "),
                    text,
                    later(parent.at, rng),
                    ending=office.sign(member, rng, parent),
                    parent=parent,
                    benign="residents-panel",
                )
            )


def _newsletter(office: Office) -> None:
    """Send the newsletter to four hundred residents, hidden as it should be."""
    rng = stream("newsletter")
    readers: list[Person] = [*rng.sample(office.residents, 400)]
    for year, month in months():
        name = MONTH_NAMES[month - 1]
        office.send(
            Mail(
                COMMS,
                [COMMS],
                f"Calderbrook News, {name} {year}",
                f"News for {name}: the garden prize, a new bench in {rng.choice(STREETS)}, and "
                "how to report a repair.\n\nTo stop this newsletter, answer with STOP.",
                workday((year, month), rng.randrange(20, 26), "12:00:05"),
                bcc=readers,
                named=False,
                rich=True,
                ending=office.sign(COMMS, rng),
                benign="newsletter",
            ),
            inboxes=False,
        )


def _contractors(office: Office) -> None:
    rng = stream("contractors")
    subjects = ("Closing days", "New purchase order form", "Site rules", "Parking at Weir Street")
    for year, month in months()[1:11]:
        office.send(
            Mail(
                REPAIRS,
                [*office.suppliers],
                f"To all contractors: {rng.choice(subjects)}",
                "Dear contractors,\n\nPlease note the change that starts next month, and tell "
                "your teams.",
                workday((year, month), rng.randrange(12, 19), "13:20:44"),
                named=False,
                ending=office.sign(REPAIRS, rng),
                benign="contractors-list",
            )
        )


def _press(office: Office) -> None:
    rng = stream("press")
    desks = [Person("", f"newsdesk@{domain}", shared=True) for domain in _NEWSROOMS]
    for year, month in months()[::3] + months()[1::3]:
        office.send(
            Mail(
                COMMS,
                desks,
                f"Press release: {rng.choice(STREETS)} homes open",
                "For immediate release.\n\nTwelve new homes were opened today. Pictures on "
                "request from the address above.",
                workday((year, month), rng.randrange(14, 20), "11:05:00"),
                ending=office.sign(COMMS, rng),
                benign="press-release",
            )
        )


def _partners(office: Office) -> None:
    """Write monthly to council, police, health and advice: eight named and four role addresses."""
    rng = stream("partners")
    roles = ("safety.partnership", "neighbourhood.team", "discharge.team", "enquiries")
    partners = invented_people(rng, PARTNER_DOMAINS, 8)
    partners += [
        Person("", f"{role}@{domain}", shared=True)
        for role, domain in zip(roles, PARTNER_DOMAINS, strict=True)
    ]
    for year, month in months():
        meeting = office.send(
            Mail(
                GRACE,
                partners,
                f"Partners' meeting, {MONTH_NAMES[month - 1]}",
                "Dear partners,\n\nWe meet on the last Tuesday at two, in the Weir Street hall. "
                "No case details by mail, please.",
                workday((year, month), rng.randrange(15, 20), "09:05:31"),
                ending=office.sign(GRACE, rng),
                benign="partner-agencies",
            )
        )
        partner = rng.choice(partners[:8])
        office.send(
            Mail(
                partner,
                [GRACE],
                "Re: " + meeting.subject,
                "I shall be there.",
                later(meeting.at, rng),
                cc=[person for person in partners if person != partner],
                ending=office.sign(partner, rng, meeting),
                parent=meeting,
                benign="partner-agencies",
            )
        )
