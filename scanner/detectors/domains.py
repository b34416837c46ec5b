"""What an external domain is, as a mailbox's own mail shows: an organisation, or a mail provider.

No list of providers is complete. Colleagues write together; strangers who share a provider do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from scanner.detectors.recipients import Frames

FEW_TOGETHER = 8
"""A message of more addresses tells nothing of who belongs together."""

PROVIDER_PEOPLE = 8
"""So many people of one domain, and hardly ever two of them together, make it a provider."""

TOGETHER_SHARE, APART_SHARE = 0.1, 0.02

NUMBERED_SHARE = 0.1
"""Of a provider's addresses so many bear a number at least; organisations give out names."""


def learn(found: Frames) -> pd.DataFrame:
    """Return for each row of `Frames.addresses` what its domain is.

    `organisation`, and private `webmail`, by the list of providers or by what is learnt.
    """
    addresses = found.addresses
    domain, person = addresses["domain"].to_numpy(), addresses["person"].to_numpy()
    external = addresses["external"].to_numpy()
    size = int(domain.max(initial=-1)) + 1
    webmail = addresses["webmail"].to_numpy()
    pairs = np.unique(np.stack([domain[external], person[external]], axis=1), axis=0)
    people = np.bincount(pairs[:, 0], minlength=size)
    groups, together = _together(found)
    seen = np.bincount(groups, minlength=size)
    joined = np.bincount(groups[together], minlength=size)
    known = np.zeros(size, bool)
    known[domain[webmail]] = True
    role = np.zeros(size, bool)
    role[domain[external & addresses["role"].to_numpy()]] = True
    organisation = (joined >= 2) & (joined >= TOGETHER_SHARE * seen)
    organisation = (organisation | (role & (people < PROVIDER_PEOPLE))) & ~known
    apart = (seen >= PROVIDER_PEOPLE) & (joined <= APART_SHARE * seen)
    digits = np.asarray(pc.match_substring_regex(_texts(addresses), r"^[^@]*[0-9][^@]*@"), bool)
    numbered = np.bincount(domain[external & digits], minlength=size)
    addressed = np.bincount(domain[external], minlength=size)
    apart &= numbered >= NUMBERED_SHARE * addressed
    provider = known | ((people >= PROVIDER_PEOPLE) & apart & ~organisation)
    return pd.DataFrame({"organisation": organisation[domain], "webmail": provider[domain]})


def _texts(addresses: pd.DataFrame) -> pa.Array:
    return pa.array(addresses["address"], pa.string())


def _together(found: Frames) -> tuple[np.ndarray, np.ndarray]:
    """Return the external domain of each message and domain, and whether two of it were on it.

    Of messages of few addresses, their senders among them.
    """
    domain = found.addresses["domain"].to_numpy()
    person = found.addresses["person"].to_numpy()
    external = found.addresses["external"].to_numpy()
    message, code = found.recipients["message"].to_numpy(), found.recipients["code"].to_numpy()
    few = np.bincount(message, minlength=len(found.messages)) < FEW_TOGETHER
    sender = found.messages["sender"].to_numpy()
    rows = few[message]
    where = np.concatenate([message[rows], np.flatnonzero(few)])
    who = np.concatenate([code[rows], sender[few]])
    outside = external[who]
    where, who = where[outside].astype(np.int64), who[outside]
    key = where * (len(found.addresses) + 1) + domain[who]
    distinct = pd.DataFrame({"key": key, "person": person[who], "domain": domain[who]})
    counted = distinct.drop_duplicates(["key", "person"]).groupby("key")["domain"]
    first, number = counted.first().to_numpy(), counted.size().to_numpy()
    return first.astype(np.int64), number >= 2
