"""What holds of every content detector."""

from __future__ import annotations

import pickle
import re

import pytest

from scanner.detectors import DETECTORS, PERSONAL_DATA, kinds
from scanner.detectors.base import ContentDetector
from scanner.messages import Document

each_detector = pytest.mark.parametrize("detector", DETECTORS, ids=lambda detector: detector.id)


def test_detector_ids_are_unique() -> None:
    """No two detectors share an id: findings and checkpoints name them by it."""
    ids = [detector.id for detector in DETECTORS]
    assert sorted(set(ids)) == sorted(ids)


@each_detector
def test_detector_is_described(detector: ContentDetector) -> None:
    """A detector has a version from 1 on and says what it finds."""
    assert detector.version >= 1
    assert type(detector).__doc__
    assert detector.kinds


@each_detector
def test_nothing_gives_nothing(detector: ContentDetector) -> None:
    """An empty batch, and a message without text, give no finding."""
    assert list(detector.detect([], str)) == []
    assert list(detector.detect([Document("key", "", [], [])], str)) == []


@each_detector
def test_detector_pickles(detector: ContentDetector) -> None:
    """A detector finds the same after a journey to a worker process."""
    text = "NHS number 999 000 0018; she has epilepsy.\n"
    text += "Mrs Jane Doe, 14 Acacia Road, SK10 1AB, born 1 May 1990. This was not meant for me."
    text += "\nPlease delete my e-mail, which was sent in error."
    documents = [Document("key", "", [text], [])]
    findings = list(detector.detect(documents, str))
    # One detector reads attachments only.
    assert findings or detector.id == "people-tables"
    copy = pickle.loads(pickle.dumps(detector))
    assert findings == list(copy.detect(documents, str))


def test_values_are_the_same_in_a_worker_process() -> None:
    """What stands beside a value gives its own kind there too, and parts their whole."""
    text = "Sort code 20-00-00, account 55779911; "
    text += "Mrs Jane Doe, 14 Acacia Road, SK10 1AB, born 1.5.1990"
    found = [(kind.id, value) for kind, value in PERSONAL_DATA.values(text)]
    assert {"account-number", "bank-account", "identity-set"} <= {kind for kind, _ in found}
    copy = pickle.loads(pickle.dumps(PERSONAL_DATA))
    assert found == [(kind.id, value) for kind, value in copy.values(text)]


def test_kinds_are_unique_and_described() -> None:
    """Each kind has one kebab-case id, a title, an example and factors within ENISA's scale."""
    ids = [kind.id for kind in kinds()]
    assert sorted(set(ids)) == sorted(ids)
    for kind in kinds():
        assert re.fullmatch(r"[a-z]+(?:-[a-z]+)*", kind.id)
        assert kind.title
        assert kind.example
        assert 1 <= kind.dpc[0] <= kind.dpc[1] <= 4
        assert 0.25 <= kind.ei[0] <= kind.ei[1] <= 1
