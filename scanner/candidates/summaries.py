"""A mailbox's examination as text and an Arrow stream, to be kept in the workspace, and back."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence  # noqa: TC003 - msgspec reads the annotations
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from msgspec.json import Decoder

from scanner.candidates import Partition, Task, examine
from scanner.exposure import People
from scanner.incidents import Node  # noqa: TC001
from scanner.model import Finding, Said, plain_json

_TEXTS = pa.dictionary(pa.int32(), pa.string())

_COLUMNS = pa.schema(
    [
        ("node", pa.int32()),
        ("person", _TEXTS),
        ("visible", pa.bool_()),
        ("kind", pa.int8()),
        ("domain", _TEXTS),
        ("named", pa.bool_()),
    ]
)


@dataclass(frozen=True, slots=True)
class _Body:
    """What is kept of an examination beside the people; the fields of `Partition`."""

    nodes: Sequence[Node]
    digests: Sequence[str]
    findings: Mapping[str, Finding]
    audience: Mapping[str, int]
    activity: Sequence[tuple[str, str, int, int]]
    set_aside: Mapping[str, int]
    slips: Sequence[Finding]
    said: Sequence[Said]


_BODY = Decoder(_Body)


def examined(task: Task) -> tuple[Partition, str, str, str]:
    """Return what examining one mailbox gives, and what `packed` makes of it."""
    part = examine(task)
    return part, *packed(part)


def packed(part: Partition) -> tuple[str, str, str]:
    """Return an examination as JSON, its people as an Arrow stream, and its addresses' hashes.

    The last two in base 64.
    """
    body = _Body(
        part.nodes, part.digests, part.findings, part.external_audience, part.activity,
        part.set_aside, part.slips, part.said,
    )  # fmt: skip
    people = part.people
    table = pa.Table.from_arrays(
        [pa.array(getattr(people, f.name)).cast(f.type) for f in _COLUMNS], schema=_COLUMNS
    )
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, _COLUMNS, options=options) as writer:
        writer.write_table(table)
    stream = base64.b64encode(sink.getvalue()).decode()
    addresses = base64.b64encode(part.addresses.astype("<u8").tobytes()).decode()
    return json.dumps(body, default=plain_json), stream, addresses


def addresses_of(stored: str) -> np.ndarray:
    """Return the hashes of a mailbox's addresses that `packed` wrote."""
    return np.frombuffer(base64.b64decode(stored), "<u8")


def unpacked(body: str, people: str) -> Partition:
    """Return the examination that `packed` wrote."""
    found = _BODY.decode(body)
    return Partition(
        found.nodes,
        _people(people),
        found.findings,
        found.audience,
        found.activity,
        found.set_aside,
        found.slips,
        found.said,
        digests=found.digests,
    )


def _people(stream: str) -> People:
    table = pa.ipc.open_stream(base64.b64decode(stream)).read_all()
    columns = {name: table[name].combine_chunks() for name in table.column_names}
    return People(
        columns["node"].to_numpy(),
        _objects(columns["person"]),
        columns["visible"].to_numpy(zero_copy_only=False),
        columns["kind"].to_numpy(),
        _objects(columns["domain"]),
        columns["named"].to_numpy(zero_copy_only=False),
    )


def _objects(column: pa.DictionaryArray) -> np.ndarray:
    """Return a text column as objects, equal texts as one."""
    texts: Sequence[str] = column.dictionary.to_pylist()
    objects: np.ndarray = np.array([*texts, None], dtype=object)
    return np.asarray(objects[column.indices.to_numpy()])
