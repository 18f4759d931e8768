"""Which call a fault is for."""

from __future__ import annotations

import pytest

from playground.errors import ControlError
from playground.faults import Faults


def test_a_fault_is_used_up() -> None:
    faults = Faults()
    faults.add({"kind": "429", "method": "sendMessage", "times": 2, "skip": 1})
    hits = [faults.next("sendmessage", {}) is not None for _ in range(5)]
    assert hits == [False, True, True, False, False]
    assert faults.listed() == []


def test_a_fault_is_for_its_method_and_chat() -> None:
    faults = Faults()
    faults.add({"kind": "error", "method": "sendMessage", "chat_id": 7})
    assert faults.next("sendphoto", {"chat_id": 7}) is None
    assert faults.next("sendmessage", {"chat_id": 8}) is None
    assert faults.next("sendmessage", {"chat_id": "7"}) is not None


def test_all_methods_but_the_poll() -> None:
    faults = Faults()
    faults.add({"kind": "hang", "times": 9})
    assert faults.next("getupdates", {}) is None
    assert faults.next("getme", {}) is not None
    faults.clear()
    faults.add({"kind": "hang", "method": "getUpdates"})
    assert faults.next("getupdates", {}) is not None


@pytest.mark.parametrize("wanted", [{"kind": "melt"}, {}, {"kind": "429", "after": 3}])
def test_impossible_faults_are_refused(wanted: dict[str, object]) -> None:
    with pytest.raises(ControlError):
        Faults().add(wanted)
