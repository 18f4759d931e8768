"""The drills' own checker: it must find what it is there for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.drills import harness
from tests.drills.harness import History


def played(folder: Path, *, number: int = 3) -> History:
    """A history of inputs that were all sent, acknowledged, done and ended."""
    history = History(folder, seed=5)
    for what in ("sent", "acknowledged", "effect", "ended"):
        history.all(what, range(1, number + 1))
    return history


def test_a_good_history_passes(tmp_path: Path) -> None:
    history = played(tmp_path)
    history.note("kill", pid=1)
    history.check(faults=1)


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (lambda h: h.note("sent", 4), "1 without an end: [4]"),
        (lambda h: h.note("effect", 2), "1 effects that happened twice: [2]"),
        (lambda h: h.note("effect", 9), "1 phantoms: [9]"),
        (lambda h: h.note("ended", 1, state="cancelled"), "1 with more than one end: [1]"),
        (
            lambda h: [h.note(what, 4) for what in ("sent", "acknowledged", "ended")],
            "1 acknowledged and lost: [4]",
        ),
    ],
)
def test_what_the_checker_finds(
    tmp_path: Path, spoil: Callable[[History], None], found: str
) -> None:
    history = played(tmp_path)
    spoil(history)
    assert history.violations() == [found]
    with pytest.raises(AssertionError, match="seed 5"):
        history.check()


def test_an_end_without_effect_is_no_loss_if_it_is_said(tmp_path: Path) -> None:
    history = played(tmp_path)
    for what in ("sent", "acknowledged"):
        history.note(what, 4)
    history.note("ended", 4, state="dead")
    history.check()
    assert history.violations(fruitless=()) == ["1 acknowledged and lost: [4]"]


def test_a_drill_without_faults_or_inputs_proves_nothing(tmp_path: Path) -> None:
    history = played(tmp_path)
    with pytest.raises(AssertionError, match="only 0 faults of 2"):
        history.check(faults=2)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(AssertionError, match="nothing was sent"):
        History(empty).check()


def test_another_seed_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    first = harness.dice(7).random()
    assert harness.dice(7).random() == first
    monkeypatch.setenv("PLUGRAM_DRILL_SEED", "8")
    assert harness.dice(7).random() != first


def test_deadlines_grow_with_the_machines_load() -> None:
    assert harness.factor() >= 1
    assert harness.within(10) >= 10
