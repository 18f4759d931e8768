"""Lanes: the order of a chat, the turns of all, payloads within bounds."""

from __future__ import annotations

from core.telegram.inbox import PARTITIONS, Fence, Stored, bypasses, kind_of, lane_of
from core.telegram.lanes import Lane, Lanes
from tests.support.bot_api import message, press

FENCE = Fence(3, "me", 1)


def stored(number: int) -> Stored:
    return Stored({"update_id": number})


def run_one(lanes: Lanes) -> int:
    """The number of the update whose turn it is, worked on to its end."""
    lane = lanes.ready.popleft()
    number = lane.seqs[0]
    assert lanes.start(lane) is not None
    lanes.done(lane)
    return number


def test_lanes_take_turns_and_keep_their_order() -> None:
    lanes = Lanes()
    for seq, name in enumerate(["a", "a", "a", "b", "c", "b"]):
        lanes.add(FENCE, name, seq, stored(seq))
    assert lanes.waiting == 6
    assert [run_one(lanes) for _ in range(6)] == [0, 3, 4, 1, 5, 2]
    assert lanes.waiting == 0
    assert lanes.payloads == 0


def test_a_running_lane_isnt_ready_until_it_rests() -> None:
    lanes = Lanes()
    lanes.add(FENCE, "a", 1, stored(1))
    lane = lanes.ready.popleft()
    lanes.start(lane)
    lanes.add(FENCE, "a", 2, stored(2))
    assert not lanes.ready
    assert lanes.busy() == {3}
    lanes.done(lane)
    assert run_one(lanes) == 2


def test_what_bypasses_comes_first() -> None:
    lanes = Lanes()
    lanes.add(FENCE, "a", 1, stored(1))
    lanes.add(FENCE, "!2", 2, stored(2))
    assert run_one(lanes) == 2


def test_payloads_beyond_the_bound_stay_in_the_database() -> None:
    lanes = Lanes(payloads=2)
    for seq in range(5):
        lanes.add(FENCE, "a", seq, stored(seq))
    assert lanes.payloads == 2
    assert [run_one(lanes), run_one(lanes)] == [0, 1]
    lane = lanes.ready.popleft()
    assert lanes.start(lane) is None
    wanted = lanes.wanted([lane], 2)
    assert wanted == [2, 3]
    assert lanes.supply([lane], wanted, {2: stored(2), 3: stored(3)}) == 0
    assert [run_one(lanes), run_one(lanes)] == [2, 3]


def test_what_isnt_in_the_database_any_more_is_forgotten() -> None:
    lanes = Lanes(payloads=0)
    for seq in range(4):
        lanes.add(FENCE, "a", seq)
    lane = lanes.ready.popleft()
    wanted = lanes.wanted([lane], 3)
    assert lanes.supply([lane], wanted, {2: stored(2)}) == 2
    assert lanes.waiting == 2
    assert run_one(lanes) == 2
    lane = lanes.ready.popleft()
    assert lanes.supply([lane], lanes.wanted([lane], 3), {}) == 1
    assert lanes.waiting == 0
    assert not lanes.ready


def test_what_is_put_back_is_next() -> None:
    lanes = Lanes()
    lanes.add(FENCE, "a", 1, stored(1))
    lanes.add(FENCE, "a", 2, stored(2))
    lanes.add(FENCE, "b", 3, stored(3))
    lane = lanes.ready.popleft()
    assert lanes.start(lane) is not None
    lanes.put_back(lane)
    assert lanes.ready.popleft() is lane
    assert lanes.start(lane) is None, "it is read anew, with what comes behind it"
    assert lanes.payloads == 1
    assert lanes.wanted([lane], 2) == [1, 2]
    lanes.supply([lane], [1, 2], {1: stored(1), 2: stored(2)})
    assert [run_one(lanes) for _ in range(3)] == [3, 1, 2]


def test_a_partition_that_is_dropped_leaves_nothing() -> None:
    lanes = Lanes()
    other = Fence(4, "me", 1)
    lanes.add(FENCE, "a", 1, stored(1))
    lanes.add(FENCE, "a", 2, stored(2))
    lanes.add(FENCE, "c", 3, stored(3))
    lanes.add(other, "b", 4, stored(4))
    running: Lane = lanes.ready.popleft()
    lanes.start(running)
    lanes.drop({3})
    assert lanes.waiting == 1
    assert lanes.payloads == 1
    lanes.done(running)
    assert lanes.waiting == 1
    assert run_one(lanes) == 4


def test_the_lane_is_the_chat_else_the_user_else_the_type() -> None:
    assert lane_of(message(1, "x", user=7, chat=-100))[0] == "c-100"
    assert lane_of(press(1, "x", chat=-100)) == lane_of(message(2, "y", chat=-100))
    inline = {"update_id": 1, "inline_query": {"from": {"id": 7}, "query": "x"}}
    assert lane_of(inline)[0] == "u7"
    assert lane_of({"update_id": 1, "poll": {"id": "5"}})[0] == "tpoll"
    assert lane_of({"update_id": 1})[0] == "t"
    old = {"update_id": 1, "callback_query": {"id": "1", "from": {"id": 7}, "data": "x"}}
    assert lane_of(old)[0] == "u7"
    assert kind_of(old) == "callback_query"


def test_what_must_not_wait_stays_in_its_chats_partition() -> None:
    chat, partition = lane_of(message(1, "x", chat=-5))
    for update in (message(2, "/cancel", chat=-5), press(3, "!p:stop", chat=-5)):
        lane, own = lane_of(update)
        assert bypasses(lane)
        assert own == partition
    assert not bypasses(chat)


def test_lanes_spread_over_the_partitions() -> None:
    used = {lane_of(message(1, "x", user=user))[1] for user in range(1, 2000)}
    assert used == set(range(PARTITIONS))
