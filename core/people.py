"""People: who writes to the bot, in which language and time zone, with which rights.

Rows are written lazily: when somebody is new, when what Telegram says of them changed, and at most
once an hour to note that they were seen. Somebody known and unchanged costs no statement.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol
from zoneinfo import ZoneInfo

from core.errors import DatabaseError, PlugramError
from core.log import get_logger

if TYPE_CHECKING:
    from core.db.database import Database
    from core.i18n import I18n

Role = Literal["owner", "admin", "user"]

log = get_logger("people")

REMEMBERED = 10_000
"""People whose rows stay in memory; about 5 MB."""
FRESH_FOR = 60.0
"""Seconds until a remembered row is read again: other processes change it too."""
_GROUP_LANGUAGE = ("core", "language")
"""Where a group's language is kept among the preferences."""
SEEN_EVERY = 3600.0
"""Seconds between two notes that somebody was seen."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, as handlers and jobs get them."""

    id: int
    name: str
    username: str
    language: str
    """The one they chose, else Telegram's, else the deployment's; one that the bot speaks."""
    timezone: str
    """IANA name; UTC until they choose."""
    role: Role
    language_chosen: bool = False
    timezone_chosen: bool = False
    blocked: bool = False
    """They blocked the bot, or Telegram deactivated them."""

    @property
    def is_admin(self) -> bool:
        return self.role != "user"


class BotSettings(Protocol):
    """Of the `[bot]` section."""

    @property
    def owner(self) -> int | None: ...
    @property
    def admins(self) -> tuple[int, ...]: ...


@dataclass(frozen=True, slots=True)
class _Row:
    name: str = ""
    username: str = ""
    telegram_language: str = ""
    language: str = ""
    timezone: str = ""
    blocked: int = 0
    seen_at: float = 0.0


@dataclass(slots=True)
class _Remembered:
    row: _Row
    person: Person
    read_at: float


class People:
    """All people, and what they prefer."""

    def __init__(
        self,
        db: Database,
        settings: BotSettings,
        i18n: I18n,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._db = db
        self._settings = settings
        self._i18n = i18n
        self._clock = clock
        self._memory: OrderedDict[int, _Remembered] = OrderedDict()
        self._groups: OrderedDict[int, tuple[str, float]] = OrderedDict()
        """Chat → its language, and when that was read."""

    # -- roles

    def role(self, user_id: int) -> Role:
        if user_id == self._settings.owner:
            return "owner"
        return "admin" if user_id in self._settings.admins else "user"

    def staff(self) -> list[int]:
        """The owner and the admins, each once."""
        owner = [self._settings.owner] if self._settings.owner else []
        return list(dict.fromkeys([*owner, *self._settings.admins]))

    # -- reading

    async def get(
        self,
        user_id: int,
        language_code: str | None = None,
        name: str = "",
        username: str = "",
    ) -> Person:
        """Somebody. Whoever has an update passes what Telegram says of its sender, and the row is
        brought up to date; a job that knows an id alone gets what is known."""
        now = self._clock()
        known = self._memory.get(user_id)
        if known is None or now - known.read_at > FRESH_FOR:
            known = self._remember(user_id, await self._read(user_id))
        self._memory.move_to_end(user_id)
        if not name:  # nobody was met
            return known.person
        row = known.row
        told = (name, username, language_code or "", 0)
        is_news = told != (row.name, row.username, row.telegram_language, row.blocked)
        if not is_news and now - row.seen_at <= SEEN_EVERY:
            return known.person
        met = replace(
            row,
            name=name,
            username=username,
            telegram_language=language_code or "",
            blocked=0,
            seen_at=now,
        )
        return await self._meet(user_id, met)

    async def preference(self, user_id: int, plugin_id: str, name: str, default: str) -> str:
        """What somebody chose in /settings, or a group by the id of its chat; or the default."""
        value = await self._db.fetchval(
            "SELECT value FROM preferences WHERE person_id = $1 AND plugin_id = $2 AND name = $3",
            user_id,
            plugin_id,
            name,
        )
        return default if value is None else str(value)

    async def group_language(self, chat_id: int) -> str:
        """The language that a group's administrators chose for all in it; empty: each their own."""
        now = self._clock()
        language, read_at = self._groups.get(chat_id, ("", 0.0))
        if now - read_at > FRESH_FOR:
            language = await self.preference(chat_id, *_GROUP_LANGUAGE, "")
            if language not in self._i18n.languages:
                language = ""
            self._groups[chat_id] = language, now
            self._groups.move_to_end(chat_id)
            if len(self._groups) > REMEMBERED:
                self._groups.popitem(last=False)
        return language

    # -- writing

    async def set_group_language(self, chat_id: int, language: str) -> None:
        """Choose it; an empty one lets everybody have their own again."""
        if language and language not in self._i18n.languages:
            raise PlugramError(f"the bot doesn't speak {language!r}")
        await self.set_preference(chat_id, *_GROUP_LANGUAGE, language)
        self._groups.pop(chat_id, None)
        self._db.on_commit(lambda: self._groups.pop(chat_id, None))

    async def set_language(self, user_id: int, language: str) -> Person:
        """Choose a language; an empty one means Telegram's again."""
        if language and language not in self._i18n.languages:
            raise PlugramError(f"the bot doesn't speak {language!r}")
        return await self._set(user_id, "language", language)

    async def set_timezone(self, user_id: int, timezone: str) -> Person:
        """Choose a time zone by its IANA name. Raises PlugramError if there is none such."""
        if not is_timezone(timezone):
            raise PlugramError(f"{timezone!r} is no time zone", hint="Europe/Madrid is one")
        return await self._set(user_id, "timezone", timezone)

    async def set_blocked(self, user_id: int) -> None:
        """Sending to them failed for good. Whatever they write to the bot takes it back."""
        await self._set(user_id, "blocked", 1)

    async def set_preference(self, user_id: int, plugin_id: str, name: str, value: str) -> None:
        await self._db.execute(
            "INSERT INTO preferences (person_id, plugin_id, name, value) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (person_id, plugin_id, name) DO UPDATE SET value = excluded.value",
            user_id,
            plugin_id,
            name,
            value,
        )

    def forget(self, user_id: int) -> None:
        """Let go of what this process remembers of somebody, whose rows are gone."""
        self._memory.pop(user_id, None)

    # -- inside

    async def _read(self, user_id: int) -> _Row:
        row = await self._db.fetchrow(
            "SELECT name, username, telegram_language, language, timezone, blocked, seen_at"
            " FROM people WHERE id = $1",
            user_id,
        )
        return _Row(**row) if row else _Row()

    async def _meet(self, user_id: int, row: _Row) -> Person:
        """Write what Telegram says of somebody. A database that can't be written costs the answer
        to a message nothing: they are met again with their next one."""
        statement = (
            "INSERT INTO people (id, name, username, telegram_language, met_at, seen_at)"
            " VALUES ($1, $2, $3, $4, $5, $5)"
            " ON CONFLICT (id) DO UPDATE SET name = excluded.name, username = excluded.username,"
            " telegram_language = excluded.telegram_language, blocked = 0,"
            " seen_at = excluded.seen_at"
        )
        values = (user_id, row.name, row.username, row.telegram_language, row.seen_at)
        try:
            if self._db.current is not None:
                await self._db.execute(statement, *values)
                self._memory.pop(user_id, None)  # it may still be rolled back
                return self._person(user_id, row)
            await _apart(self._db.execute(statement, *values))
        except DatabaseError as error:
            log.warning("person not noted", user=user_id, error=str(error))
            return self._person(user_id, row)
        return self._remember(user_id, row).person

    async def _set(self, user_id: int, column: str, value: Any) -> Person:
        now = self._clock()
        await self._db.execute(
            f"INSERT INTO people (id, {column}, met_at, seen_at) VALUES ($1, $2, $3, $3)"  # noqa: S608 - the column is ours
            f" ON CONFLICT (id) DO UPDATE SET {column} = excluded.{column}",
            user_id,
            value,
            now,
        )
        self._memory.pop(user_id, None)
        self._db.on_commit(lambda: self._memory.pop(user_id, None))
        return self._person(user_id, await self._read(user_id))

    def _remember(self, user_id: int, row: _Row) -> _Remembered:
        remembered = _Remembered(row, self._person(user_id, row), self._clock())
        self._memory[user_id] = remembered
        self._memory.move_to_end(user_id)
        if len(self._memory) > REMEMBERED:
            self._memory.popitem(last=False)
        return remembered

    def _person(self, user_id: int, row: _Row) -> Person:
        return Person(
            id=user_id,
            name=row.name,
            username=row.username,
            language=row.language or self._i18n.language(row.telegram_language),
            timezone=row.timezone or "UTC",
            role=self.role(user_id),
            language_chosen=bool(row.language),
            timezone_chosen=bool(row.timezone),
            blocked=bool(row.blocked),
        )


def is_timezone(name: str) -> bool:
    """Whether this is the IANA name of a time zone."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return False
    return bool(name)


async def _apart(work: Any) -> None:
    """Await in an empty context: this write isn't the handler's first one, which completes the
    update's row in its own transaction."""
    await asyncio.create_task(work, context=contextvars.Context())
