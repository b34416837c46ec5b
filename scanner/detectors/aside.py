"""Which visible lists are ranked, and for what reason the others are set aside.

By bands and by who the people are, not by one threshold: from 100 people always, from 10 or 5 where
they look like members of the public, from 3 where the wording is sensitive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scanner.detectors.recipients import SMALL, SORTED_SHARE
from scanner.exposure import PRIVATE_SHARE

if TYPE_CHECKING:
    from scanner.severity import Rules

NONE = ""
PAIR = "fewer than three external people"
ROLES = "role addresses only, such as info@ or newsdesk@"
ANSWER = "an answer within a conversation that somebody outside began"
KNOWN = "a known group: its people write to one another"
CIRCLE = "a standing circle: most of its people write to all, week after week"
COLLEAGUES = "colleagues of one to three organisations"
ORGANISATIONS = "few organisations: several people each at a handful of domains"
PRESS = "a press list: newspapers, broadcasters and their desks"
PROFESSIONALS = "people of organisations that work on the matter, fewer than 25"
SMALL_PUBLIC = "fewer than five members of the public, and nothing sensitive in the wording"
BUSINESS = "fewer than 25 people, at business addresses"
RECURRENT = "the same list week after week, at business addresses"
STANDING = "the same few people as in an earlier week, whose list is ranked there"
INBOUND = "somebody outside sent it: what it shows, its sender disclosed"
NOT_SENT = "a draft, a delivery report or an answer to an invitation"
TOPIC = "a sensitive topic in Bcc to an audience that is shown already"

STANDING_WEEKS = 4
"""Other weeks in which a circle met by mail, from which on a sensitive matter is its own."""

ONE_PLACE = 3
"""Domains up to which the people of a list are colleagues who know one another's addresses."""


def private(table: pd.DataFrame) -> pd.Series:
    """Tell of each list whether its people look like members of the public."""
    return table["webmail"] / table["external"].clip(lower=1) >= PRIVATE_SHARE


def professional(table: pd.DataFrame, rules: Rules) -> pd.Series:
    """Tell of each list whether its people are organisations' staff.

    What it is about is their work, and tells nothing of themselves. Where nearly everybody is at a
    domain of their own, and none of these is a mailbox provider's, they are organisations.
    """
    known = table["organised"] >= 0.5
    known |= (table["webmail"] == 0) & (table["domains"] >= 0.9 * table["people"])
    return ~private(table) & (known | (table["people"] < rules.business_from))


def reasons(table: pd.DataFrame, sensitive: pd.Series, rules: Rules) -> pd.Series:
    """Return for each list why it is not ranked, empty where it is.

    `sensitive` tells of which lists the wording suggests a sensitive context.
    """
    people, huge = table["people"], table["people"] >= rules.always_from
    public, known = private(table), table["organised"] >= 0.5
    in_order = table["in_order"].astype(float).fillna(0.0) >= SORTED_SHARE
    # A sensitive matter needs a reason to think that the people only work on it.
    plain = ~public & (~sensitive | known)
    one_place = (table["domains"] <= ONE_PLACE) & (people >= 2 * table["domains"])
    few = people >= 2 * table["domains"]
    some = people < rules.business_from
    rows = [
        (people < SMALL, ROLES),
        (table["answer"] & ~huge, ANSWER),
        ((table["talking"] >= 0.5) & ~huge & (~sensitive | ~public), KNOWN),
        ((table["writing"] >= 0.5) & (table["again"] >= STANDING_WEEKS) & ~huge, CIRCLE),
        (plain & one_place, COLLEAGUES),
        (plain & few & ~huge, ORGANISATIONS),
        (~public & table["press"] & ~huge & ~sensitive, PRESS),
        ((table["again"] >= 2) & ~public & ~huge, RECURRENT),
        ((table["again"] >= 2) & (table["before"] >= 1) & public & some & ~sensitive, STANDING),
        (sensitive & ~public & known & some, PROFESSIONALS),
        ((people < rules.public_from) & ~sensitive, SMALL_PUBLIC),
        (some & ~public & ~in_order & ~sensitive, BUSINESS),
    ]
    said = np.array([*(reason for _, reason in rows), NONE], object)
    holds = [condition.to_numpy(bool) for condition, _ in rows]
    first = np.vstack([*holds, np.ones(len(table), bool)]).argmax(axis=0)
    return pd.Series(said[first], index=table.index, dtype="str")
