"""Mail to the wrong person: addresses that do not fit what this sender's own history lets expect.

From metadata and findings alone, over the frames of one mailbox; each suspicion says who was
expected instead. The rule that points at it gives it a first confidence, what surrounds it moves
that: a correction to the right person minutes later, an answer that says so, sensitive wording.
Precision comes first: what stays below `COUNTS_FROM` is counted, and makes no incident.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from scanner.detectors import affinity, slips
from scanner.detectors.affinity import DAY, MINUTE
from scanner.detectors.slips import (
    AUTOCOMPLETE,
    DOMAIN_TWIN,
    FIRST_CONTACT,
    FORMER_ADDRESS,
    KINDS,
    LONE_OUTSIDER,
    NEAR_TWIN,
    NOBODY,
    OTHER_FILE,
    OWN_WEBMAIL,
    RETURNED,
    WEBMAIL_TWIN,
    Signs,
)
from scanner.model import Astray, Evidence, Finding
from scanner.text import mask

if TYPE_CHECKING:
    from scanner.detectors.affinity import History
    from scanner.detectors.recipients import Frames

__all__ = ["KINDS", "Signs", "Suspects", "finding"]

DETECTOR = "misdirection"
VERSION = 2

COUNTS_FROM = 0.6
"""A suspicion makes an incident from this confidence on."""

BASE = {
    NEAR_TWIN.id: (0.55, "one letter off an address that the sender writes to"),
    WEBMAIL_TWIN.id: (0.4, "a known correspondent's name, at private webmail"),
    DOMAIN_TWIN.id: (0.5, "a known correspondent's name, at another domain"),
    AUTOCOMPLETE.id: (0.5, "a name that begins like the expected one"),
    LONE_OUTSIDER.id: (0.4, "the only outsider in a circle of colleagues"),
    FIRST_CONTACT.id: (0.35, "the first message ever to this address"),
    OTHER_FILE.id: (0.5, "the attached file is named for another recipient"),
    FORMER_ADDRESS.id: (0.6, "an address out of use since this person writes from another"),
    OWN_WEBMAIL.id: (0.5, "data to the sender's own private address"),
    RETURNED.id: (0.4, "an answer followed"),
}
"""How sure each kind is by itself, and what it rests on."""

SIGNS = {
    "corrected": (0.3, "the expected person got the same message within two hours"),
    "reported": (0.35, "the recipient answered that something had gone wrong"),
    "regretted": (0.3, "an apology or a request to delete followed"),
    "fits": (0.15, "the expected person belongs to this circle or subject"),
    "named": (0.3, "another person's name stands in the subject"),
    "content": (0.1, "personal data was found in it"),
    "sensitive": (0.1, "its wording is sensitive"),
    "odd": (0.1, "it is the first entry of the address book, or a private address"),
    "converses": (-0.25, "the recipient answers like a correspondent"),
}
"""What speaks for a slip or against one, and how much."""

CORRECTED_WITHIN = 120 * MINUTE
FOLLOWED_WITHIN = 14 * DAY
CONVERSES_FROM = 2

MOST = 2_000
"""Suspicions of one mailbox that are weighed: one with more has no habits to learn from."""

ASIDE = "an address that resembles a known one or is new, and nothing else speaks for a slip"


def finding(message_key: str, astray: Astray) -> Finding:
    """Return the finding of a suspicion that counts, its addresses masked."""
    instead = f", expected {mask(astray.expected)}" if astray.expected else ""
    return Finding(
        DETECTOR, VERSION, astray.kind, message_key, "recipients", astray.confidence, 1,
        Evidence(f"to {mask(astray.address)}{instead}"), astray.because,
    )  # fmt: skip


class Suspects:
    """The messages of one mailbox that do not fit its senders' habits, to be weighed."""

    def __init__(self, found: Frames, signs: Signs) -> None:
        self._signs = signs
        self._history = history = affinity.history(found)
        suspected = slips.suspicions(history, signs)
        columns = ["message", "sender", "person", "when", "subject"]
        rows = history.rows.loc[suspected["row"], columns].reset_index(drop=True)
        suspected = pd.concat([suspected, rows], axis=1)
        kept = ~_in_conversation(history, suspected)
        self._found = suspected[kept].head(MOST).reset_index(drop=True)

    @property
    def rows(self) -> np.ndarray:
        """Rows of `Frames.messages`."""
        return self._found["message"].to_numpy(dtype=np.int64)

    def weigh(self, sensitive: pd.Series) -> tuple[dict[int, tuple[Astray, ...]], int]:
        """Return the suspicions that count, by row of `Frames.messages`; and how many do not.

        `sensitive` tells of rows whether their wording suggests a sensitive context.
        """
        found, history = self._found, self._history
        if found.empty:
            return {}, 0
        held = self._held(sensitive.reindex(self.rows, fill_value=False).to_numpy(dtype=bool))
        sure = found["kind"].map({kind: base for kind, (base, _) in BASE.items()}).to_numpy(float)
        for name, flags in held.items():
            sure = sure + SIGNS[name][0] * flags
        counts = np.flatnonzero(sure >= COUNTS_FROM - 1e-9)
        astray: dict[int, tuple[Astray, ...]] = {}
        for at, (kind, person, expected) in zip(
            counts.tolist(),
            found.loc[counts, ["kind", "person", "expected"]].itertuples(index=False),
            strict=True,
        ):
            told = [SIGNS[name][1] for name, flags in held.items() if flags[at]]
            one = Astray(
                kind,
                str(history.address.at[person]),
                "" if expected == NOBODY else str(history.address.at[expected]),
                round(min(float(sure[at]), 0.98), 2),
                "; ".join([BASE[kind][1], *told]),
                bool(held["corrected"][at]),
            )
            row = int(self.rows[at])
            astray[row] = (*astray.get(row, ()), one)
        return astray, len(found) - len(counts)

    def _held(self, sensitive: np.ndarray) -> dict[str, np.ndarray]:
        """Return for each of `SIGNS` which suspicions have it."""
        found, history, signs = self._found, self._history, self._signs
        held = {
            "corrected": _corrected(history, found),
            "reported": _followed(found, _inbound(history, signs.report)),
            "regretted": _followed(found, _sent(history, signs.remedy)),
            "fits": found["fits"].to_numpy(),
            "named": found["named"].to_numpy(),
            "content": signs.content[self.rows],
            "sensitive": sensitive,
            "odd": _odd(history, found),
            "converses": _followed(found, _inbound(history, ~signs.report), CONVERSES_FROM),
        }
        # Whoever was written to by mistake may say so more than once.
        held["converses"] &= ~held["reported"]
        return held


def _in_conversation(history: History, found: pd.DataFrame) -> np.ndarray:
    """Tell of suspicions whether the person wrote in under this very subject before.

    Or stood on such a message that somebody else wrote: whoever answers all chose nobody.
    """
    messages = history.found.messages
    inbound = messages["inbound"].to_numpy()
    listed = history.found.recipients
    at = listed["message"].to_numpy()
    person = history.found.addresses["person"].to_numpy()[listed["code"].to_numpy()]
    met = inbound[at] & np.isin(person, found["person"])
    own = np.flatnonzero(inbound & np.isin(history.senders, found["person"]))
    rows = np.concatenate([own, at[met]])
    wrote = pd.DataFrame(
        {
            "person": np.concatenate([history.senders[own], person[met]]),
            "subject": history.subject[rows],
            "wrote": messages["when"].to_numpy()[rows],
        }
    )
    wrote = wrote[wrote["subject"] >= 0].groupby(["person", "subject"], as_index=False).min()
    merged = found[["person", "subject", "when"]].merge(wrote, on=["person", "subject"], how="left")
    return np.asarray(merged["wrote"].to_numpy() < merged["when"].to_numpy(), bool)


def _corrected(history: History, found: pd.DataFrame) -> np.ndarray:
    """Tell of suspicions whether the expected person got the same subject soon after."""
    rows = history.rows
    rows = rows.loc[rows["person"].isin(found["expected"]), ["sender", "person", "subject", "when"]]
    after = found[["sender", "expected", "subject", "when"]].reset_index(names="at")
    after = after[after["subject"] >= 0].merge(
        rows.rename(columns={"person": "expected", "when": "later"}),
        on=["sender", "expected", "subject"],
    )
    gap = after["later"] - after["when"]
    hits = after.loc[(gap > 0) & (gap <= CORRECTED_WITHIN), "at"]
    return np.asarray(found.index.isin(hits))


def _inbound(history: History, wanted: np.ndarray) -> pd.DataFrame:
    """Return `person` and `later` of the wanted messages that came in."""
    messages = history.found.messages
    at = np.flatnonzero(wanted & messages["inbound"].to_numpy())
    return pd.DataFrame({"person": history.senders[at], "later": messages["when"].to_numpy()[at]})


def _sent(history: History, wanted: np.ndarray) -> pd.DataFrame:
    """Return `person` and `later` of the wanted messages that went out."""
    rows = history.rows
    rows = rows.loc[wanted[rows["message"].to_numpy()], ["person", "when"]]
    return pd.DataFrame(rows.rename(columns={"when": "later"}))


def _followed(found: pd.DataFrame, later: pd.DataFrame, times: int = 1) -> np.ndarray:
    """Tell of suspicions whether their person occurs in `later` so often within two weeks."""
    after = found[["person", "when"]].reset_index(names="at")
    after = after.merge(later[later["person"].isin(found["person"]).to_numpy()], on="person")
    gap = after["later"] - after["when"]
    hits = after.loc[(gap > 0) & (gap <= FOLLOWED_WITHIN), "at"].value_counts()
    return np.asarray(hits.reindex(found.index, fill_value=0).to_numpy() >= times)


def _odd(history: History, found: pd.DataFrame) -> np.ndarray:
    """Tell of suspicions of a slip of the list whether it is where slips happen.

    The first entry of an address book is picked when nobody chose; so it was in Dyfed-Powys.
    """
    pairs = history.pairs
    pairs = pairs[pairs["sender"].isin(found["sender"]).to_numpy()]
    named = pairs.assign(address=history.address.reindex(pairs["person"]).to_numpy())
    first = named.sort_values("address").drop_duplicates("sender").set_index("sender")["person"]
    picked = first.reindex(found["sender"]).to_numpy() == found["person"].to_numpy()
    private = history.webmail[found["person"].to_numpy()]
    lists = found["kind"].isin([LONE_OUTSIDER.id, AUTOCOMPLETE.id]).to_numpy()
    stranger = found["kind"].isin([LONE_OUTSIDER.id, FIRST_CONTACT.id]).to_numpy()
    return np.asarray((lists & picked) | (stranger & private), bool)
