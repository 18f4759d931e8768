"""Lanes in memory: which updates wait, in what order, and whose turn it is. No input or output.

A lane is a chat (or a user, or a type of update); its updates are worked on one at a time, in the
order of arrival. Lanes take turns. Of an update only its number is kept here, beside the payloads
of those that come next; the rest stays in the database, so a flood costs little memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from itertools import islice

from core.telegram.inbox import Fence, Stored, bypasses


class Lane:
    """One lane that has something to do."""

    __slots__ = ("fence", "forgotten", "known", "name", "running", "seqs")

    def __init__(self, name: str, fence: Fence) -> None:
        self.name = name
        self.fence = fence
        self.seqs: deque[int] = deque()
        """What waits. While the lane is running, the first is what is worked on."""
        self.known = 0
        """How many of those that come next have their payload in memory."""
        self.running = False
        self.forgotten = False
        """Its partition was given up."""


class Lanes:
    """All lanes of the partitions that this process holds."""

    def __init__(self, payloads: int = 1024) -> None:
        """`payloads`: how many are kept in memory as they arrive."""
        self.waiting = 0
        """Updates that aren't done, the running ones included."""
        self.ready: deque[Lane] = deque()
        """Whose turn it is. A lane in here isn't running."""
        self._lanes: dict[str, Lane] = {}
        self._capacity = payloads
        self._payloads: dict[int, Stored] = {}

    @property
    def payloads(self) -> int:
        """How many payloads are in memory."""
        return len(self._payloads)

    def add(self, fence: Fence, name: str, seq: int, stored: Stored | None = None) -> None:
        """An update that waits behind the others of its lane."""
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = Lane(name, fence)
        ahead = len(lane.seqs) - lane.running
        lane.seqs.append(seq)
        self.waiting += 1
        # Payloads are kept from the front without a gap: then each one that is kept is used next.
        if stored is not None and lane.known == ahead and len(self._payloads) < self._capacity:
            self._payloads[seq] = stored
            lane.known += 1
        if not ahead and not lane.running:
            self._line_up(lane)

    def start(self, lane: Lane) -> Stored | None:
        """Begin with the lane's first update, if its payload is in memory."""
        if not lane.known:
            return None
        lane.known -= 1
        lane.running = True
        return self._payloads.pop(lane.seqs[0])

    def done(self, lane: Lane) -> None:
        """What was worked on is done, or set aside: the next one's turn comes."""
        if not lane.forgotten:
            lane.seqs.popleft()
            self.waiting -= 1
        self._rest(lane, first=False)

    def put_back(self, lane: Lane) -> None:
        """What was worked on must be tried again later; the lane is the next to have its turn. It
        is read anew: how far it came the database alone knows."""
        if not lane.forgotten:
            for seq in islice(lane.seqs, 1, 1 + lane.known):
                del self._payloads[seq]
            lane.known = 0
        self._rest(lane, first=True)

    def wanted(self, lanes: Iterable[Lane], each: int) -> list[int]:
        """The numbers of the next updates of these lanes, which are not in memory, to be loaded."""
        return [seq for lane in lanes for seq in islice(lane.seqs, each)]

    def supply(
        self, lanes: Iterable[Lane], wanted: Collection[int], found: Mapping[int, Stored]
    ) -> int:
        """The payloads of what was `wanted`; the lanes line up again. What wasn't found is done
        already, by somebody else: forgotten, and counted."""
        asked = set(wanted)
        gone = 0
        for lane in lanes:
            if lane.forgotten:
                continue
            while lane.seqs and lane.seqs[0] in asked and lane.seqs[0] not in found:
                lane.seqs.popleft()
                gone += 1
            for seq in lane.seqs:
                if seq not in found:
                    break
                self._payloads[seq] = found[seq]
                lane.known += 1
            self._rest(lane, first=False)
        self.waiting -= gone
        return gone

    def drop(self, partitions: Collection[int]) -> None:
        """Forget partitions. What runs in them goes on, and finds that it has lost its lease."""
        for lane in [one for one in self._lanes.values() if one.fence.partition in partitions]:
            lane.forgotten = True
            del self._lanes[lane.name]
            self.waiting -= len(lane.seqs)
            for seq in lane.seqs:
                self._payloads.pop(seq, None)
        self.ready = deque(lane for lane in self.ready if not lane.forgotten)

    def busy(self) -> set[int]:
        """The partitions in which something runs."""
        return {lane.fence.partition for lane in self._lanes.values() if lane.running}

    def _rest(self, lane: Lane, *, first: bool) -> None:
        lane.running = False
        if lane.forgotten:
            return
        if lane.seqs:
            self._line_up(lane, first=first)
        else:
            del self._lanes[lane.name]

    def _line_up(self, lane: Lane, *, first: bool = False) -> None:
        if first or bypasses(lane.name):
            self.ready.appendleft(lane)
        else:
            self.ready.append(lane)
