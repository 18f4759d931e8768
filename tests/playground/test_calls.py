"""The log of calls."""

from __future__ import annotations

from typing import Any

from playground.calls import CallLog, loggable
from playground.forms import Upload


def note(log: CallLog, method: str, **fields: Any) -> None:
    known = {
        "at": 1.0,
        "ms": 0.5,
        "bot": "b",
        "params": {},
        "status": 200,
        "error": "",
        "result": 1,
    }
    log.add(method=method, **{**known, **fields})


def test_calls_are_listed_and_counted() -> None:
    log = CallLog()
    note(log, "sendMessage")
    note(log, "getMe")
    note(log, "sendMessage", error="Bad Request: x", status=400)
    assert [call.seq for call in log.since(0, "sendmessage", 10)] == [1, 3]
    assert [call.seq for call in log.since(1, "", 10)] == [2, 3]
    assert log.counts == {"sendMessage": 2, "getMe": 1}
    assert log.errors == {"sendMessage": 1}
    log.clear()
    assert log.since(0, "", 10) == []


def test_idle_polls_are_only_counted() -> None:
    log = CallLog()
    note(log, "getUpdates", result=0)
    note(log, "getUpdates", result=3)
    assert len(log.since(0, "", 10)) == 1
    assert log.counts["getUpdates"] == 2


def test_what_is_long_is_shortened() -> None:
    assert loggable("x" * 5000).endswith("… (5000 characters)")
    assert loggable(Upload.of("a.txt", b"abc")) == {"file": "a.txt", "size": 3}
    assert loggable(7) == 7
