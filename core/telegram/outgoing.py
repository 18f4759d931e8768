"""The one limiter of what is sent to Telegram, shared by all processes where Redis is configured.

Telegram allows about 30 messages a second to all chats, one a second to a chat (short bursts are
tolerated) and 20 a minute to a group; where exactly it stops varies, and a 429 says so. Lanes, by
urgency: reply > edit > notification > bulk. A reply goes at once and draws on the same budget, so
bulk makes room for it; it waits only after a 429. Notifications and bulk are paced: no burst, and
bulk leaves a share of the rate to the others. While Telegram has banned a chat (`retry_after`),
nothing goes to it: calls made inside a ban prolong it.

Budgets are kept as the moment at which what was sent is paid off (`debt until`; the generic cell
rate algorithm): one number for each limit, in memory and in Redis alike.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

from core.log import get_logger

log = get_logger("outgoing")

Chat = int | str
"""A chat's id, or the @name of a channel."""


class Lane(IntEnum):
    """Urgency of a call; lower goes first."""

    REPLY = 0
    EDIT = 1
    NOTIFICATION = 2
    BULK = 3


class OutgoingSettings(Protocol):
    """The `[outgoing]` section."""

    @property
    def per_second(self) -> float: ...
    @property
    def per_chat_per_second(self) -> float: ...
    @property
    def per_group_per_minute(self) -> float: ...
    @property
    def bulk_reserve(self) -> float: ...
    @property
    def paid_broadcast(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Rates:
    """The limits as gaps in seconds."""

    gap: float
    """Between messages to all chats."""
    bulk_gap: float
    """Between bulk messages, so that the reserve stays free."""
    chat_gap: float
    group_size: int
    """Messages to a group in a minute."""
    paid: bool

    @classmethod
    def of(cls, settings: OutgoingSettings) -> Rates:
        paid = settings.paid_broadcast
        rate = PAID_RATE if paid else settings.per_second * (1 - settings.bulk_reserve)
        return cls(
            gap=1 / settings.per_second,
            bulk_gap=1 / rate,
            chat_gap=_MARGIN / settings.per_chat_per_second,
            group_size=max(1, int(settings.per_group_per_minute)),
            paid=paid,
        )


PAID_RATE = 1000.0
"""Messages a second that Telegram accepts with `allow_paid_broadcast`."""

# What may have been sent beyond the limits and isn't paid off yet, when a lane sends more: seconds
# of the overall rate, and messages to the chat. Nothing after a ban. Replies aren't asked before.
_DEBTS = {Lane.EDIT: (0.5, 3.0)}
_NO_DEBT = (0.0, 0.0)
_MARGIN = 1.03
"""Messages arrive less evenly than they leave."""

_MINUTE = 60.0
_LATE = 0.01
"""Seconds by which a timer may fire late without slowing the pace of bulk."""
_SLOW = 60.0
"""Seconds after a ban during which the chat's replies keep to the limits too."""
_MANY_CHATS = 3
_TOGETHER = 2.0
"""Bans of that many chats within so many seconds mean that the bot as a whole was too fast."""


def _debts(lane: Lane, *, careful: bool) -> tuple[float, float]:
    return _NO_DEBT if careful else _DEBTS.get(lane, _NO_DEBT)


def is_group(chat: Chat) -> bool:
    """Groups and channels have negative ids; of a public name we can't know, and assume so."""
    return isinstance(chat, str) or chat < 0


class Budget(Protocol):
    """Where the debts are written down."""

    def spend(self, chat: Chat | None) -> None:
        """A reply goes out; it isn't asked whether it may."""

    async def take(self, chat: Chat | None, lane: Lane, *, careful: bool) -> float:
        """0 if the message may go, which is then written down; else seconds until it may.
        `careful`: a reply keeps to the limits too."""

    def ban(self, chat: Chat | None, seconds: float) -> None:
        """Tell other processes."""

    async def close(self) -> None: ...


class MemoryBudget:
    """Budgets of a process that sends alone."""

    def __init__(self, rates: Rates, clock: Callable[[], float] = time.monotonic) -> None:
        self._rates = rates
        self._clock = clock
        self._total = 0.0
        self._bulk = 0.0
        self._chats: dict[Chat, float] = {}
        self._groups: dict[Chat, deque[float]] = {}
        self._until_prune = 1000

    def spend(self, chat: Chat | None) -> None:
        self._note(chat, self._clock())

    async def take(self, chat: Chat | None, lane: Lane, *, careful: bool) -> float:
        now = self._clock()
        wait = self._wait(chat, lane, now, careful=careful)
        if wait > 0:
            return wait
        self.note(chat, lane)
        return 0.0

    def note(self, chat: Chat | None, lane: Lane) -> None:
        """A message goes out; write it down."""
        now = self._clock()
        if lane is Lane.BULK:
            self._bulk = max(self._bulk, now - _LATE) + self._rates.bulk_gap
        if not (lane is Lane.BULK and self._rates.paid):
            self._note(chat, now)
        elif chat is not None:
            self._chats[chat] = now + self._rates.chat_gap

    def ban(self, chat: Chat | None, seconds: float) -> None:
        """Nobody else sends."""

    async def close(self) -> None:
        """Nothing is open."""

    def _wait(self, chat: Chat | None, lane: Lane, now: float, *, careful: bool) -> float:
        rates = self._rates
        total_debt, chat_debt = _debts(lane, careful=careful)
        free_again = now
        if lane is Lane.BULK:
            free_again = max(free_again, self._bulk)
        if not (lane is Lane.BULK and rates.paid):
            free_again = max(free_again, self._total - total_debt)
        if chat is not None:
            debt = self._chats.get(chat, 0.0) - chat_debt * rates.chat_gap
            free_again = max(free_again, debt)
            sent = self._groups.get(chat)
            if sent and len(sent) >= rates.group_size and (careful or lane >= Lane.NOTIFICATION):
                free_again = max(free_again, sent[0] + _MINUTE)
        return free_again - now

    def _note(self, chat: Chat | None, now: float) -> None:
        self._total = max(self._total, now) + self._rates.gap
        if chat is None:
            return
        chats = self._chats
        until = chats.get(chat, 0.0)
        chats[chat] = max(until, now) + self._rates.chat_gap
        if is_group(chat):
            sent = self._groups.get(chat)
            if sent is None:
                sent = self._groups[chat] = deque(maxlen=self._rates.group_size)
            sent.append(now)
        self._until_prune -= 1
        if not self._until_prune:
            self._prune(now)

    def _prune(self, now: float) -> None:
        """Forget chats that owe nothing any more."""
        self._chats = {chat: until for chat, until in self._chats.items() if until > now}
        self._groups = {
            chat: sent for chat, sent in self._groups.items() if sent[-1] > now - _MINUTE
        }
        self._until_prune = 1000 + len(self._chats)


# The same arithmetic as MemoryBudget, on Redis' clock. Returns seconds to wait as text.
# KEYS: total, bulk, chat, group, ban of the chat, ban of all.
# ARGV: lane, gap, bulk gap, chat gap, group size, total debt, chat debt, careful, paid.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local lane = tonumber(ARGV[1])
local bulk, paid = lane == 3, ARGV[9] == '1'
local free = now
local function not_before(moment) if moment > free then free = moment end end
for _, key in ipairs({KEYS[5], KEYS[6]}) do
  local left = redis.call('PTTL', key)
  if left > 0 then not_before(now + left / 1000) end
end
local total = tonumber(redis.call('GET', KEYS[1]) or '0')
local pace = tonumber(redis.call('GET', KEYS[2]) or '0')
local chat = tonumber(redis.call('GET', KEYS[3]) or '0')
if bulk then not_before(pace) end
if not (bulk and paid) then not_before(total - ARGV[6]) end
not_before(chat - ARGV[7] * ARGV[4])
if (lane >= 2 or ARGV[8] == '1') and redis.call('LLEN', KEYS[4]) >= tonumber(ARGV[5]) then
  not_before(tonumber(redis.call('LINDEX', KEYS[4], -1)) + 60)
end
if free > now then return tostring(free - now) end
local function owe(key, until_, gap)
  local value = math.max(until_, now) + gap
  redis.call('SET', key, string.format('%.6f', value), 'PX', math.ceil((value - now) * 1000) + 1000)
end
if bulk then
  local value = math.max(pace, now - 0.01) + ARGV[3]
  redis.call('SET', KEYS[2], string.format('%.6f', value), 'PX', 1000)
end
if not (bulk and paid) then owe(KEYS[1], total, ARGV[2]) end
owe(KEYS[3], chat, ARGV[4])
if string.sub(KEYS[4], -1) ~= ':' then
  redis.call('LPUSH', KEYS[4], string.format('%.6f', now))
  redis.call('LTRIM', KEYS[4], 0, ARGV[5] - 1)
  redis.call('PEXPIRE', KEYS[4], 61000)
end
return '0'
"""

# Replies that already went. KEYS: total; then pairs of chat and group. ARGV: gap, chat gap, size.
_SPENT = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local function owe(key, gap)
  local value = math.max(tonumber(redis.call('GET', key) or '0'), now) + gap
  redis.call('SET', key, string.format('%.6f', value), 'PX', math.ceil((value - now) * 1000) + 1000)
end
for at = 2, #KEYS, 2 do
  owe(KEYS[1], ARGV[1])
  owe(KEYS[at], ARGV[2])
  if string.sub(KEYS[at + 1], -1) ~= ':' then
    redis.call('LPUSH', KEYS[at + 1], string.format('%.6f', now))
    redis.call('LTRIM', KEYS[at + 1], 0, ARGV[3] - 1)
    redis.call('PEXPIRE', KEYS[at + 1], 61000)
  end
end
"""

_REPORT_EVERY = 0.05
"""Seconds over which replies are gathered before Redis hears of them."""
_REDIS_PAUSE = 5.0
"""Seconds of relying on this process's own memory after Redis failed."""


class RedisBudget:
    """Budgets in Redis. While Redis is away each process keeps to the limits by itself."""

    def __init__(
        self, redis: Any, prefix: str, rates: Rates, banned: Callable[[Chat | None, float], None]
    ) -> None:
        """`redis`: a redis.asyncio.Redis. `banned` is told of bans that other processes met."""
        self._redis = redis
        self._prefix = f"{prefix}:outgoing"
        self._rates = rates
        self._banned = banned
        self._alone = MemoryBudget(rates)
        self._alone_until = 0.0
        self._is_lost = False
        self._hear_again = 0.0
        self._take = redis.register_script(_TAKE)
        self._spent = redis.register_script(_SPENT)
        self._unreported: list[Chat | None] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._ear: asyncio.Task[None] | None = None

    def spend(self, chat: Chat | None) -> None:
        self._listen()
        self._alone.spend(chat)
        if not self._unreported:
            self._in_background(self._report())
        self._unreported.append(chat)

    async def take(self, chat: Chat | None, lane: Lane, *, careful: bool) -> float:
        self._listen()
        if time.monotonic() >= self._alone_until:
            try:
                wait = await self._ask(chat, lane, careful=careful)
            except Exception as error:  # noqa: BLE001 - whatever Redis has, sending goes on
                self._lost(error)
            else:
                self._found()
                if not wait:
                    self._alone.note(chat, lane)  # should Redis go, we don't begin anew
                return wait
        return await self._alone.take(chat, lane, careful=careful)

    def ban(self, chat: Chat | None, seconds: float) -> None:
        self._in_background(self._tell(chat, seconds))

    async def close(self) -> None:
        tasks = [*self._tasks, *([self._ear] if self._ear else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._ear = None

    async def _ask(self, chat: Chat | None, lane: Lane, *, careful: bool) -> float:
        rates = self._rates
        wait = await self._take(
            keys=[
                f"{self._prefix}:total",
                f"{self._prefix}:bulk",
                f"{self._prefix}:chat:{'' if chat is None else chat}",
                self._group(chat),
                f"{self._prefix}:ban:{'' if chat is None else chat}",
                f"{self._prefix}:ban-all",
            ],
            args=[
                int(lane),
                rates.gap,
                rates.bulk_gap,
                # Calls without a chat share a key; they don't wait for each other.
                rates.chat_gap if chat is not None else 0,
                rates.group_size,
                *_debts(lane, careful=careful),
                int(careful),
                int(rates.paid),
            ],
        )
        return float(wait)

    def _group(self, chat: Chat | None) -> str:
        return f"{self._prefix}:group:{chat if chat is not None and is_group(chat) else ''}"

    async def _report(self) -> None:
        """What went out without asking, in one message to Redis."""
        await asyncio.sleep(_REPORT_EVERY)
        chats, self._unreported = self._unreported, []
        if time.monotonic() < self._alone_until:
            return
        keys = [f"{self._prefix}:total"]
        for chat in chats:
            keys += [f"{self._prefix}:chat:{'' if chat is None else chat}", self._group(chat)]
        rates = self._rates
        try:
            await self._spent(keys=keys, args=[rates.gap, rates.chat_gap, rates.group_size])
            self._found()
        except Exception as error:  # noqa: BLE001
            self._lost(error)

    async def _tell(self, chat: Chat | None, seconds: float) -> None:
        key = f"{self._prefix}:ban-all" if chat is None else f"{self._prefix}:ban:{chat}"
        milliseconds = max(1, int(seconds * 1000))
        try:
            await self._redis.set(key, 1, px=milliseconds)
            name = "" if chat is None else str(chat)
            now = await self._now()
            # For processes that begin to listen while it lasts.
            await self._redis.zremrangebyscore(f"{self._prefix}:banned", 0, now)
            await self._redis.zadd(f"{self._prefix}:banned", {name: now + seconds})
            await self._redis.expire(f"{self._prefix}:banned", 86400)
            await self._redis.publish(f"{self._prefix}:bans", f"{name} {seconds}")
        except Exception as error:  # noqa: BLE001
            self._lost(error)

    async def _now(self) -> float:
        seconds, microseconds = await self._redis.time()
        return float(seconds) + float(microseconds) / 1e6

    def _listen(self) -> None:
        if self._ear is None or (self._ear.done() and time.monotonic() >= self._hear_again):
            self._hear_again = time.monotonic() + _REDIS_PAUSE
            self._ear = asyncio.create_task(self._hear(), context=contextvars.Context())

    async def _hear(self) -> None:
        """Bans that other processes met: our replies don't ask Redis, so they must be told."""
        with contextlib.suppress(Exception):  # heard again with the next message, soon
            async with self._redis.pubsub() as pubsub:
                await pubsub.subscribe(f"{self._prefix}:bans")
                now = await self._now()
                lasting = await self._redis.zrangebyscore(
                    f"{self._prefix}:banned", now, "+inf", withscores=True
                )
                for name, until in lasting:
                    self._banned(_chat(_text(name)), until - now)
                while True:
                    # `listen` would give up after the client's time-out without a message.
                    message = await pubsub.get_message(
                        ignore_subscribe_messages=True, timeout=_MINUTE
                    )
                    if message is not None:
                        chat, _, seconds = _text(message["data"]).rpartition(" ")
                        self._banned(_chat(chat), float(seconds))

    def _in_background(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _lost(self, error: Exception) -> None:
        if time.monotonic() >= self._alone_until:
            log.warning("Redis away: limits hold for each process alone", error=repr(error))
        self._is_lost = True
        self._alone_until = time.monotonic() + _REDIS_PAUSE

    def _found(self) -> None:
        if self._is_lost:
            self._is_lost = False
            log.info("Redis is back: all processes share the limits again")


class Limiter:
    """Says when a call may go. One for each process."""

    def __init__(
        self,
        settings: OutgoingSettings,
        *,
        redis: Any = None,
        prefix: str = "plugram",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`redis`: a redis.asyncio.Redis, for budgets that several processes share."""
        self.rates = Rates.of(settings)
        self._clock = clock
        self._budget: Budget
        if redis is None:
            self._budget = MemoryBudget(self.rates, clock)
        else:
            self._budget = RedisBudget(redis, prefix, self.rates, self._note_ban)
        self._bans: dict[Chat | None, float] = {}
        """Until when nothing may go to a chat; None is the bot as a whole."""
        self._quiet_until = 0.0
        """The last moment at which any ban or its slow time afterwards still counts."""
        self._recent: deque[tuple[float, Chat]] = deque(maxlen=16)
        self._turns: dict[Lane, asyncio.Lock] = {lane: asyncio.Lock() for lane in Lane}

    def go(self, chat: Chat | None, lane: Lane) -> bool:
        """The short way, for replies while no ban is near: True if the call may go now."""
        if lane is not Lane.REPLY or (self._quiet_until and self._near_ban(chat)):
            return False
        self._budget.spend(chat)
        return True

    async def admit(self, chat: Chat | None, lane: Lane) -> float:
        """Wait until the call may go. Returns the seconds waited."""
        started = self._clock()
        careful = self._near_ban(chat)
        # Whose chat isn't free waits outside of the queue, so that it keeps nobody else.
        wait = await self._try(chat, lane, careful=careful)
        while wait > 0:
            await asyncio.sleep(min(wait, _MINUTE))
            wait = await self._try(chat, lane, careful=careful)
        return self._clock() - started

    def expected_wait(self, chat: Chat | None) -> float:
        """Seconds of ban that are left for a chat."""
        now = self._clock()
        return max(self._bans.get(chat, 0.0), self._bans.get(None, 0.0), now) - now

    def banned(self, chat: Chat | None, seconds: float) -> None:
        """Telegram answered 429: nothing to this chat for so long."""
        self._note_ban(chat, seconds)
        self._budget.ban(chat, seconds)
        if chat is None:
            return
        now = self._clock()
        self._recent.append((now, chat))
        lately = {other for moment, other in self._recent if moment > now - _TOGETHER}
        if len(lately) >= _MANY_CHATS:
            self._recent.clear()
            log.warning("429 from several chats: all wait", chats=len(lately), seconds=seconds)
            self._note_ban(None, seconds)
            self._budget.ban(None, seconds)

    async def close(self) -> None:
        await self._budget.close()

    async def _try(self, chat: Chat | None, lane: Lane, *, careful: bool) -> float:
        wait = self.expected_wait(chat)
        if wait > 0:
            return wait
        if lane is Lane.REPLY and not careful:
            self._budget.spend(chat)
            return 0.0
        async with self._turns[lane]:
            if lane is Lane.BULK and self._turns[Lane.NOTIFICATION].locked():
                return self.rates.gap
            wait = await self._budget.take(chat, lane, careful=careful)
            if 0 < wait <= self.rates.bulk_gap:
                # The pace of all: keep the turn, so that the others queue behind in order.
                await asyncio.sleep(wait)
                wait = await self._budget.take(chat, lane, careful=careful)
        return wait

    def _note_ban(self, chat: Chat | None, seconds: float) -> None:
        until = self._clock() + seconds
        self._bans[chat] = max(self._bans.get(chat, 0.0), until)
        self._quiet_until = max(self._quiet_until, until + _SLOW)

    def _near_ban(self, chat: Chat | None) -> bool:
        """Whether the chat, or all, is banned or was so until a short while ago."""
        now = self._clock()
        if now >= self._quiet_until:
            self._bans.clear()
            self._quiet_until = 0.0
            return False
        last = max(self._bans.get(chat, 0.0), self._bans.get(None, 0.0))
        return now < last + _SLOW


def _text(data: bytes | str) -> str:
    return data.decode() if isinstance(data, bytes) else data


def _chat(text: str) -> Chat | None:
    if not text:
        return None
    return int(text) if text.lstrip("-").isdigit() else text
