"""What it costs to find personal data in text, beside other tools in the same run."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from scanner.crypto import KEY_BYTES, Keyed
from scanner.detectors import DETECTORS, PERSONAL_DATA, compose
from scanner.detectors.finder import PatternDetector
from scanner.messages import Document
from scanner.text import html_to_text
from tests.benchmarks.dense import REFERENCE_KINDS, invented, planted, real
from tests.benchmarks.measure import FULL, report
from tests.build import CORPORA
from tests.evaluation.score import OTHERS

pytestmark = pytest.mark.benchmark

COUNT = 4_000 if FULL else 40
LEFT_OUT = [kind.id for kind in PERSONAL_DATA.kinds if kind.id not in REFERENCE_KINDS]
(REFERENCE,) = (
    one for one in compose(without=LEFT_OUT).content if isinstance(one, PatternDetector)
)


def prose() -> list[str]:
    """Return real mail at full size where there is any."""
    folder = CORPORA / "enron-raw"
    return real(folder, COUNT) if FULL and folder.is_dir() else invented(COUNT)


def rate(work: Callable[[Sequence[str]], object], texts: Sequence[str], runs: int = 3) -> float:
    """Return megabytes a second of one core, the best of some runs."""
    work(texts[:20])
    best = float("inf")
    for _ in range(runs):
        began = time.process_time()
        work(texts)
        best = min(best, time.process_time() - began)
    return sum(map(len, texts)) / best / 1e6


def findings(texts: Sequence[str]) -> int:
    """Return how many findings messages of these texts give, made as a scan makes them."""
    keyed = Keyed(bytes(KEY_BYTES))
    documents = [Document(str(number), "", [text], []) for number, text in enumerate(texts)]
    return sum(1 for _ in PERSONAL_DATA.detect(documents, keyed.value))


def content(texts: Sequence[str]) -> int:
    """Return how many findings all detectors of content give, as a scan has them."""
    keyed = Keyed(bytes(KEY_BYTES))
    documents = [Document(str(number), "", [text], []) for number, text in enumerate(texts)]
    return sum(1 for one in DETECTORS for _ in one.detect(documents, keyed.value))


def others(texts: Sequence[str], ours: float) -> dict[str, float]:
    """Return how many times as fast as each tool that is installed, on the same text."""
    ratios = {}
    try:
        core = importlib.import_module("datafog_core").scan
        ratios["times_datafog_core"] = ours / rate(lambda some: [core(t) for t in some], texts)
    except ImportError:
        pass
    if FULL:
        try:
            presidio = OTHERS["Presidio, any score"][0]()
        except ImportError:
            return ratios
        few = texts[:60]
        theirs = rate(lambda some: [list(presidio(t)) for t in some], few, 1)
        ratios["times_presidio"] = ours / theirs
    return ratios


@pytest.mark.parametrize("name", ["dense", "mail as it is", "nothing to find"])
def test_throughput(name: str) -> None:
    """A page of texts is confirmed and reported; the figures stand in docs/benchmarks.md."""
    base = invented(COUNT) if name == "nothing to find" else prose()
    texts = planted(base) if name == "dense" else base
    reference = rate(REFERENCE.values_of, texts)
    every = rate(PERSONAL_DATA.values_of, texts)
    found = sum(map(len, REFERENCE.values_of(texts))) / len(texts)
    single = rate(lambda some: [PERSONAL_DATA.values(text) for text in some], texts[:200])
    report(
        f"personal data, {name}",
        values=found,
        reference_kinds=reference,
        all_kinds=every,
        findings=rate(findings, texts),
        all_detectors=rate(content, texts),
        one_text_at_a_time=single,
        **others(texts, reference),
    )
    assert (found >= 6) == (name == "dense")


def test_one_text_or_many_give_the_same() -> None:
    """Texts that are examined together do not touch one another."""
    texts = planted(invented(30))
    assert PERSONAL_DATA.values_of(texts) == [PERSONAL_DATA.values(text) for text in texts]


def _warm() -> None:
    findings(["warm"])


def test_two_processes() -> None:
    """Two processes take little more than half the time of one, and find the same."""
    texts = planted(prose())
    half = len(texts) // 2
    context = get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context, initializer=_warm) as pool:
        list(pool.map(findings, [texts[:8], texts[:8]]))
        began = time.perf_counter()
        one = pool.submit(findings, texts).result()
        alone = time.perf_counter() - began
        began = time.perf_counter()
        both = sum(pool.map(findings, [texts[:half], texts[half:]]))
        together = time.perf_counter() - began
    report("personal data, two processes", times_one=alone / together)
    assert both == one


def test_html_to_text() -> None:
    """HTML bodies become text; the figure stands in docs/benchmarks.md."""
    line = "Dear colleague, the papers for the meeting of the board are on the drive. " * 24
    html = f"<p class=MsoNormal><span style='color:#000'>{line}<o:p></o:p></span></p>"
    report("html to text", mb_s=rate(lambda some: [html_to_text(t) for t in some], [html] * COUNT))
    assert html_to_text(html).strip() == line.strip()
