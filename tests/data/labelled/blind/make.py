"""Writes the blind cases, of both halves: `python -m tests.data.labelled.blind.make`.

Each line of a half is a template; each gap of it is filled at random, and what fills a gap of one
of the 13 kinds is labelled. The half to tune on and the one held out share no template.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

from tests.data.labelled.blind.values import LABELLED, OTHER

HERE = Path(__file__).parent
HALVES = ("dev", "held-out")
EACH = 6

_GAP = re.compile("\u00ab([^\u00bb]+)\u00bb")


def templates(half: str) -> Iterator[str]:
    """Yield the templates of a half."""
    for line in (HERE / f"{half}.txt").read_text("utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            yield line.replace("\\n", "\n").replace("\\t", "\t")


def fill(template: str, rng: random.Random) -> tuple[str, list[tuple[int, int, str]]]:
    """Return the text of a template, and its places with their kinds."""
    text, spans, at = "", [], 0
    for gap in _GAP.finditer(template):
        text += template[at : gap.start()]
        at = gap.end()
        name, kind = gap[1], ""
        if name == "ip:port":
            value, kind, tail = LABELLED["ip"][1](rng), "ip-address", f":{rng.randrange(80, 9000)}"
        elif name in LABELLED:
            kind, tail = LABELLED[name][0], ""
            value = LABELLED[name][1](rng)
        else:
            value, tail = OTHER[name](rng), ""
        if kind:
            spans.append((len(text), len(text) + len(value), kind))
        text += value + tail
    return text + template[at:], spans


def cases(half: str) -> Iterator[dict[str, object]]:
    """Yield the cases of a half, none twice."""
    seen = set()
    for number, template in enumerate(templates(half)):
        rng = random.Random(f"{half} {number}")
        for _ in range(EACH if _GAP.search(template) else 1):
            text, spans = fill(template, rng)
            if text not in seen:
                seen.add(text)
                yield {"text": text, "spans": spans}


def main() -> None:
    """Write both halves."""
    for half in HALVES:
        rows = [json.dumps(case, ensure_ascii=False) + "\n" for case in cases(half)]
        (HERE / f"{half}.jsonl").write_text("".join(rows), "utf-8")


if __name__ == "__main__":
    main()
