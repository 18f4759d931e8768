"""Receipts of erasures: what went and when, and, encrypted and for a while, whose it was."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plugram import Context

_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 10


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose data is erased, and whom to tell. Only encrypted in the database."""

    user_id: int
    chat_id: int = 0
    """0: nobody waits in a chat."""
    message_id: int = 0
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Receipt:
    id: str
    state: str
    """`waiting` or `done`."""
    counts: Mapping[str, int]
    leftovers: Sequence[str]
    behind: tuple[str, ...]
    """Plugins that were switched off, and hear of it later."""
    requested_at: float
    finished_at: float | None


class Receipts:
    """The table of them."""

    def __init__(self, ctx: Context) -> None:
        self._db = ctx.db
        self._secrets = ctx.secrets

    async def open(self, subject: Subject) -> str:
        """Note that somebody wants to be erased, in the caller's transaction; the receipt's id."""
        code = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
        receipt_id = f"E-{code[:5]}-{code[5:]}"
        await self._db.execute(
            "INSERT INTO privacy_receipts (id, state, subject, requested_at)"  # noqa: S608 - the clock is SQL
            f" VALUES ($1, 'waiting', $2, {self._db.clock})",
            receipt_id,
            self._sealed(receipt_id, _facts(subject)),
        )
        return receipt_id

    async def get(self, receipt_id: str) -> Receipt | None:
        row = await self._db.fetchrow(
            f"SELECT {_COLUMNS} FROM privacy_receipts WHERE id = $1",  # noqa: S608 - a constant
            receipt_id.strip().upper(),
        )
        return _read(row) if row else None

    async def newest(self, limit: int) -> list[Receipt]:
        rows = await self._db.fetch(
            f"SELECT {_COLUMNS} FROM privacy_receipts"  # noqa: S608 - a constant
            " ORDER BY requested_at DESC LIMIT $1",
            limit,
        )
        return [_read(row) for row in rows]

    async def behind(self) -> list[Receipt]:
        """Those that plugins haven't heard of."""
        rows = await self._db.fetch(
            f"SELECT {_COLUMNS} FROM privacy_receipts WHERE behind <> '[]'"  # noqa: S608 - a constant
        )
        return [_read(row) for row in rows]

    async def subject(self, receipt_id: str) -> Subject | None:
        """Whose it is; None if that is forgotten by now. Raises SecretError."""
        kept = await self._db.fetchval(
            "SELECT subject FROM privacy_receipts WHERE id = $1", receipt_id
        )
        if not kept:
            return None
        return Subject(**json.loads(self._secrets.decrypt(_name(receipt_id), kept)))

    async def note(self, receipt_id: str, counts: Mapping[str, int], behind: Sequence[str]) -> None:
        """How far it is."""
        await self._db.execute(
            "UPDATE privacy_receipts SET counts = $2, behind = $3 WHERE id = $1",
            receipt_id,
            json.dumps(dict(counts)),
            json.dumps(list(behind)),
        )

    async def finish(
        self,
        receipt_id: str,
        subject: Subject,
        counts: Mapping[str, int],
        leftovers: Sequence[str],
        behind: Sequence[str],
    ) -> Receipt:
        """From now on it knows their number alone."""
        row = await self._db.fetchrow(
            "UPDATE privacy_receipts SET state = 'done', counts = $2, leftovers = $3, behind = $4,"  # noqa: S608 - the clock and the columns are ours
            f" subject = $5, finished_at = {self._db.clock} WHERE id = $1 RETURNING {_COLUMNS}",
            receipt_id,
            json.dumps(dict(counts)),
            json.dumps(list(leftovers)),
            json.dumps(list(behind)),
            self._sealed(receipt_id, {"user_id": subject.user_id}),
        )
        assert row is not None  # noqa: S101 - for mypy: RETURNING gives the row
        return _read(row)

    async def forget_subjects(self, seconds: float) -> int:
        """Forget whose receipts were finished so long ago; how many."""
        return await self._db.execute(
            "UPDATE privacy_receipts SET subject = '' WHERE subject <> ''"  # noqa: S608 - the clock is SQL
            f" AND finished_at < {self._db.clock} - $1",
            seconds,
        )

    def _sealed(self, receipt_id: str, facts: Mapping[str, Any]) -> str:
        return self._secrets.encrypt(_name(receipt_id), json.dumps(facts))


_COLUMNS = "id, state, counts, leftovers, behind, requested_at, finished_at"


def _name(receipt_id: str) -> str:
    return f"receipt:{receipt_id}"


def _facts(subject: Subject) -> dict[str, Any]:
    return {name: getattr(subject, name) for name in Subject.__dataclass_fields__}


def _read(row: Mapping[str, Any]) -> Receipt:
    return Receipt(
        id=row["id"],
        state=row["state"],
        counts=json.loads(row["counts"]),
        leftovers=json.loads(row["leftovers"]),
        behind=tuple(json.loads(row["behind"])),
        requested_at=row["requested_at"],
        finished_at=row["finished_at"],
    )
