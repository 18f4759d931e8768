"""Telegram's limits on sending."""

from __future__ import annotations

import pytest

from playground.errors import ApiError, ControlError
from playground.limits import Limits


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def passes(limits: Limits, chat: int = 1, method: str = "sendMessage") -> bool:
    try:
        limits.check(1, method, {"chat_id": chat})
    except ApiError as error:
        return error.code != 429
    return True


def test_there_are_none_unless_asked_for(clock: Clock) -> None:
    limits = Limits(clock)
    assert all(passes(limits) for _ in range(100))


def test_a_chat_takes_one_message_a_second(clock: Clock) -> None:
    limits = Limits(clock)
    limits.set({"per_chat_per_second": 1, "retry_after": 3})
    assert passes(limits)
    assert not passes(limits)
    assert passes(limits, chat=2), "others are not concerned"
    clock.now += 1.5
    assert not passes(limits), "a ban lasts"
    clock.now += 2
    assert passes(limits)
    assert limits.state()["refused"] == 2
    assert limits.state()["during_ban"] == 1


def test_the_bot_as_a_whole(clock: Clock) -> None:
    limits = Limits(clock)
    limits.set({"per_second": 2, "retry_after": 1})
    assert [passes(limits, chat=n) for n in range(3)] == [True, True, False]
    clock.now += 1.01
    assert passes(limits, chat=9)
    assert passes(limits, method="getMe")
    assert passes(limits, method="sendChatAction")


def test_they_can_be_lifted(clock: Clock) -> None:
    limits = Limits(clock)
    limits.set({"per_second": 1})
    passes(limits)
    limits.set({})
    assert passes(limits)
    with pytest.raises(ControlError):
        limits.set({"per_hour": 1})


def test_groups_take_twenty_a_minute(clock: Clock) -> None:
    limits = Limits(clock)
    limits.set({"per_group_per_minute": 20, "retry_after": 30})
    assert all(passes(limits, chat=-5) for _ in range(20))
    assert passes(limits, chat=5), "a private chat has no such limit"
    assert not passes(limits, chat=-5)
    clock.now += 31
    assert not passes(limits, chat=-5), "the minute isn't over"
    clock.now += 31
    assert passes(limits, chat=-5)


def test_each_item_of_an_album_counts(clock: Clock) -> None:
    limits = Limits(clock)
    limits.set({"per_group_per_minute": 20})
    for method, many in (("sendMediaGroup", "media"), ("copyMessages", "message_ids")):
        limits.check(1, method, {"chat_id": -5, many: [1] * 10})
    assert not passes(limits, chat=-5)
    limits.check(2, "sendMessage", {"chat_id": -5})  # another bot is another bot


def test_a_ban_can_be_made_longer_by_calls(clock: Clock) -> None:
    limits = Limits(clock)
    limits.set({"per_second": 1, "retry_after": 3, "extend": True})
    passes(limits)
    passes(limits)
    for _ in range(3):
        clock.now += 2
        assert not passes(limits), "the call before began it anew"
    clock.now += 3.01
    assert passes(limits)
    assert limits.state()["during_ban"] == 3
