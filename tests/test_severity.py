"""ENISA scores: the worked cases, the bands, and a reason for each factor."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner import severity
from scanner.model import Score, Severity
from scanner.severity import Context, KindFactors, Mentions, score

CONTEXTS = {context.id: context for context in severity.contexts()}


def listed(
    context: str = "",
    *,
    names: float = 0.0,
    unknown: bool = False,
    kinds: tuple[KindFactors, ...] = (),
) -> Score:
    """Return the score of a visible list in a context."""
    chosen = [CONTEXTS[context]] if context else []
    return score(
        visible=True, name_fraction=names, context=chosen, kinds=kinds, unknown_members=unknown
    )


@pytest.mark.parametrize(
    ("context", "names", "high", "band"),
    [
        pytest.param("", 0.0, 1.00, "low", id="peaks-plains"),
        pytest.param("status", 0.0, 1.75, "low", id="wychavon-malvern"),
        pytest.param("", 0.0, 1.00, "low", id="cheshire-west"),
        pytest.param("children", 0.0, 2.50, "medium", id="be-youth-care-children-weighed"),
        pytest.param("money", 0.0, 2.50, "medium", id="ie-company-x"),
        pytest.param("sexuality-gender", 0.0, 3.25, "high", id="pcc-ni"),
        pytest.param("asylum", 0.0, 3.25, "high", id="mod-arap-0907"),
        pytest.param("health", 0.0, 3.25, "high", id="it-asl-to4"),
        pytest.param("belief", 0.0, 3.25, "high", id="pvv-overijssel"),
        pytest.param("sexual-health", 1.0, 4.25, "very-high", id="nhs-highland"),
        pytest.param("sexual-health", 730 / 781, 4.25, "very-high", id="dean-street-2015"),
        pytest.param("abuse", 65 / 105, 3.25, "high", id="65-of-105-named"),
        pytest.param("abuse", 166 / 264, 3.25, "high", id="166-of-264-named"),
    ],
)  # fmt: skip
def test_worked_cases(context: str, names: float, high: float, band: str) -> None:
    """The docket's cases score as worked (regulators.md 4.2), at the high end."""
    found = listed(context, names=names)
    assert found.high == high
    assert found.severity == Severity(band)


@pytest.mark.parametrize("context", ["", *CONTEXTS])
@pytest.mark.parametrize("names", [0.0, 1.0])
@pytest.mark.parametrize("unknown", [False, True])
def test_the_low_end_is_what_is_proven(context: str, names: float, unknown: bool) -> None:
    """Whatever the wording suggests, addresses alone are worth 1.00."""
    assert listed(context, names=names, unknown=unknown).low == 1.0


@pytest.mark.parametrize(
    ("names", "ei"), [(0.0, 0.75), (0.66, 0.75), (2 / 3, 1.0), (0.67, 1.0), (1.0, 1.0)]
)
def test_names_make_identification_certain(names: float, ei: float) -> None:
    """From two thirds of full names on, EI may be 1; below it stays 0.75."""
    assert listed(names=names).ei == (0.75, ei)


def test_sensitive_words_raise_the_high_end_alone() -> None:
    """What a message speaks of lifts the context up to its own, with its reason, alone."""
    spoken = Mentions("words about health", 4, "2 mentions of health, in the body (confidence 0.8)")
    found = score(
        visible=True, name_fraction=0, context=[CONTEXTS["money"]], kinds=(),
        unknown_members=False, mentions=[spoken],
    )  # fmt: skip
    assert (found.dpc, found.ei, found.low, found.high) == ((1, 4), (0.75, 0.75), 1.0, 3.25)
    assert f"DPC up to 4: {spoken.told}" in found.reasons


def test_unknown_members_widen_the_circumstances() -> None:
    """A group hides how many could see it, so CB reaches to 0.5."""
    assert listed().cb == (0.25, 0.25)
    assert listed(unknown=True).cb == (0.25, 0.5)
    assert listed("sexuality-gender", unknown=True).high == 3.5


def test_the_gravest_context_decides() -> None:
    """Of several contexts the highest counts, once, in whatever order they come."""
    several = [CONTEXTS["status"], CONTEXTS["health"], CONTEXTS["money"]]
    for order in (several, several[::-1]):
        found = score(
            visible=True, name_fraction=0.0, context=order, kinds=(), unknown_members=False
        )
        assert found.dpc == (1.0, 4.0)
        assert [r for r in found.reasons if "wording" in r] == [
            "DPC up to 4: wording suggests health"
        ]


def test_content_raises_what_it_may() -> None:
    """A kind found in content lifts the low end to what it proves, and lowers nothing."""
    grave, slight = KindFactors("A", (3, 4), (1.0, 1.0)), KindFactors("B", (1, 1), (0.25, 0.5))
    assert listed(kinds=(grave,)).dpc == (3, 4)
    assert listed(kinds=(slight,)).ei == (0.75, 0.75)
    alone = score(
        visible=False, name_fraction=0.0, context=(), kinds=(slight,), unknown_members=False
    )
    assert (alone.low, alone.high) == (0.5, 0.75)
    assert severity.of_finding(grave) is Severity.VERY_HIGH


@pytest.mark.parametrize(
    ("value", "band"),
    [(0.25, "low"), (1.99, "low"), (2.0, "medium"), (2.99, "medium"), (3.0, "high"),
     (3.99, "high"), (4.0, "very-high"), (4.5, "very-high")],
)  # fmt: skip
def test_bands(value: float, band: str) -> None:
    """Each band begins at its whole number."""
    assert Severity.of(value) == Severity(band)


def test_bands_are_ranked() -> None:
    """The bands rank from low to very high."""
    assert all(a.rank < b.rank for a, b in pairwise(Severity))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        pytest.param(listed(), ["DPC 1: ", "EI 0.75: ", "CB 0.25: "], id="addresses"),
        pytest.param(listed("money"), ["DPC up to 3: wording suggests debt"], id="context"),
        pytest.param(listed(names=0.75), ["EI up to 1: 75% of the addresses"], id="names"),
        pytest.param(listed(unknown=True), ["CB 0.25 to 0.5: a group"], id="group"),
        pytest.param(
            listed(kinds=(KindFactors("NHS numbers", (2, 4), (0.5, 1.0)),)),
            ["DPC 2 to 4, EI 0.5 to 1: NHS numbers in the content"],
            id="content",
        ),
    ],
)
def test_each_factor_has_its_reason(found: Score, words: list[str]) -> None:
    """The reasons name each factor and what it rests on."""
    for start in words:
        assert any(reason.startswith(start) for reason in found.reasons), found.reasons
    for factor in ("DPC", "EI", "CB"):
        assert any(factor in reason for reason in found.reasons)


factors = st.builds(
    lambda a, b, c, d: KindFactors("x", (min(a, b), max(a, b)), (min(c, d), max(c, d))),
    *[st.integers(1, 4)] * 2,
    *[st.sampled_from([0.25, 0.5, 0.75, 1.0])] * 2,
)


@given(
    st.booleans(),
    st.floats(0, 1),
    st.lists(st.sampled_from(list(CONTEXTS.values())), max_size=3),
    st.lists(factors, max_size=3),
    st.booleans(),
)
def test_more_knowledge_never_lowers_a_score(
    visible: bool, names: float, context: list[Context], kinds: list[KindFactors], unknown: bool
) -> None:
    """The ends are in order and in ENISA's bounds; another context or kind lowers neither."""

    def of(contexts: list[Context], found: list[KindFactors]) -> Score:
        return score(
            visible=visible,
            name_fraction=names,
            context=contexts,
            kinds=found,
            unknown_members=unknown,
        )

    full, less = of(context, kinds), of(context[1:], kinds[1:])
    assert 0.25 <= full.low <= full.high <= 4.5
    assert (full.low, full.high) >= (less.low, less.high)
    assert full.low >= less.low


def test_contexts_are_in_order_of_gravity() -> None:
    """The gravest comes first, each has words, and those are lower case."""
    found = severity.contexts()
    assert [c.dpc for c in found] == sorted((c.dpc for c in found), reverse=True)
    assert all(1 <= c.dpc <= 4 and c.title and c.words for c in found)
    assert all(word == word.lower() for c in found for word in c.words)
