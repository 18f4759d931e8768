"""Tortoise's SQLite client on our connections; Tortoise finds it by the name of this module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tortoise.backends.sqlite.client import SqliteClient

from core.db.orm import Statements

if TYPE_CHECKING:
    from core.db.database import Database


class Client(Statements, SqliteClient):
    """`capabilities`, SQL and types are Tortoise's; the statements go to `owner`."""

    def __init__(self, owner: Database, **options: Any) -> None:
        super().__init__(str(owner.where), **options)
        self._owner = owner


client_class = Client
