"""Who is let in, by whom, and how fast they may be."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugins.access.settings import Settings

if TYPE_CHECKING:
    from plugram import Context, Person, Visit

DAY = 86400.0
LINK = "pair_"
"""Before the code in t.me/<bot>?start=pair_<code>."""
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Nothing that is mistaken for something else."""
_LENGTH = 8
"""30⁸ codes, 6.6 · 10¹¹: with five tries an hour nobody guesses one."""
_TRIES, _TRIES_PER = 5, 3600.0
_FRESH_FOR = 5.0
"""Seconds until somebody who was let in or sent away elsewhere is noticed here."""
_TOLD_EVERY = 600.0
"""Seconds between two refusals that are told; the others are silent."""
_NEWS_OF_CHATS = frozenset({"my_chat_member", "chat_member"})
"""Nobody asks for anything: who blocked the bot, who came and went."""


@dataclass(frozen=True, slots=True)
class Grant:
    id: int
    name: str
    granted_by: int
    granted_at: float
    """Seconds since 1970."""


class Door:
    """One per process: `of(ctx)`."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.settings = ctx.config(Settings)
        self._listed = frozenset({*self.settings.users, *self.settings.groups})
        self._pair = ctx.command("pair")
        self._granted: frozenset[int] = frozenset()
        self._read_at = float("-inf")

    # -- at the door ----------------------------------------------------------------------------

    async def refusal(self, visit: Visit) -> str | None:
        """Why an update is turned away, in the person's words; empty if they heard it just now."""
        person = visit.person
        if visit.kind in _NEWS_OF_CHATS or (person is not None and person.is_admin):
            return None
        welcome = self.settings.open or self._shows_a_code(visit) or await self._is_in(visit)
        if not welcome:
            return await self._stranger(visit)
        return await self._too_fast(person, visit) if person is not None else None

    def _shows_a_code(self, visit: Visit) -> bool:
        command, _, rest = visit.text.partition(" ")
        name = command.partition("@")[0].removeprefix("/")
        return name == self._pair or (name == "start" and rest.startswith(LINK))

    async def _is_in(self, visit: Visit) -> bool:
        ids = {visit.chat_id, visit.person.id if visit.person else None}
        if not ids.isdisjoint(self._listed):
            return True
        if time.monotonic() - self._read_at > _FRESH_FOR:
            rows = await self.ctx.db.fetch("SELECT id FROM access_grants")
            self._granted = frozenset(int(row["id"]) for row in rows)
            self._read_at = time.monotonic()
        return not ids.isdisjoint(self._granted)

    async def _stranger(self, visit: Visit) -> str:
        person = visit.person
        if person is None or not visit.addressed:
            return ""
        if await self.ctx.cache.take(f"stranger:{visit.chat_id}:{person.id}", 1, _TOLD_EVERY):
            return ""
        self.ctx.log.info("turned away", user=person.id, chat=visit.chat_id)
        t = self.ctx.translate(person.language)
        private = visit.chat_type == "private"
        return t.plain("access-stranger" if private else "access-strange-group", id=str(person.id))

    async def _too_fast(self, person: Person, visit: Visit) -> str | None:
        limit = self.settings.per_minute
        counts = visit.text or visit.kind in ("callback_query", "inline_query")
        if not limit or not counts:
            return None
        wait = await self.ctx.cache.take(f"pace:{person.id}", limit)
        if not wait:
            return None
        if await self.ctx.cache.take(f"told:{person.id}", 1):
            return ""
        self.ctx.log.info("too fast", user=person.id)
        return self.ctx.translate(person.language).plain("access-too-fast")

    # -- codes ----------------------------------------------------------------------------------

    async def invite(self, made_by: int, uses: int = 1) -> tuple[str, float]:
        """A new code and when it ends, in seconds since 1970. Only its hash is kept."""
        code = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
        row = await self.ctx.db.fetchrow(
            "INSERT INTO access_codes (hash, made_by, uses_left, expires_at)"  # noqa: S608 - the clock is SQL
            f" VALUES ($1, $2, $3, {self.ctx.db.clock} + $4) RETURNING expires_at",
            _hash(code),
            made_by,
            uses,
            self.settings.code_days * DAY,
        )
        assert row is not None  # noqa: S101 - for mypy: RETURNING gives the row
        return code, float(row["expires_at"])

    async def pair(self, code: str, visitor: int, id_: int, name: str) -> bool | None:
        """Let in whoever has a code. False if it isn't one (any more), None after too many
        tries."""
        if await self.ctx.cache.take(f"tries:{visitor}", _TRIES, _TRIES_PER):
            return None
        async with self.ctx.db.transaction():
            clock = self.ctx.db.clock
            await self.ctx.db.execute(f"DELETE FROM access_codes WHERE expires_at < {clock}")  # noqa: S608 - the clock is SQL
            row = await self.ctx.db.fetchrow(
                "UPDATE access_codes SET uses_left = uses_left - 1"
                " WHERE hash = $1 AND uses_left > 0 RETURNING made_by",
                _hash(code),
            )
            if row is None:
                return False
            await self.grant(id_, name, int(row["made_by"]))
        self.ctx.log.info("let in", id=id_, by=row["made_by"])
        return True

    # -- grants ---------------------------------------------------------------------------------

    async def grant(self, id_: int, name: str, granted_by: int) -> None:
        await self.ctx.db.execute(
            "INSERT INTO access_grants (id, name, granted_by, granted_at)"  # noqa: S608 - the clock is SQL
            f" VALUES ($1, $2, $3, {self.ctx.db.clock})"
            " ON CONFLICT (id) DO UPDATE SET name = excluded.name",
            id_,
            name,
            granted_by,
        )
        self._read_at = float("-inf")

    async def revoke(self, id_: int) -> bool:
        """False if nobody of that id was let in."""
        gone = await self.ctx.db.execute("DELETE FROM access_grants WHERE id = $1", id_)
        self._read_at = float("-inf")
        return bool(gone)

    async def grants(self, offset: int = 0, limit: int = 1000) -> list[Grant]:
        """The latest first."""
        rows = await self.ctx.db.fetch(
            "SELECT id, name, granted_by, granted_at FROM access_grants"
            " ORDER BY granted_at DESC, id LIMIT $1 OFFSET $2",
            limit,
            offset,
        )
        return [Grant(**row) for row in rows]


def of(ctx: Context) -> Door:
    return ctx.once(Door)


def _hash(code: str) -> str:
    return hashlib.sha256(code.strip().upper().encode()).hexdigest()
