"""Tortoise's PostgreSQL client on our pool; Tortoise finds it by the name of this module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tortoise.backends.asyncpg.client import AsyncpgDBClient

from core.db.orm import Statements

if TYPE_CHECKING:
    from core.db.database import Database


class Client(Statements, AsyncpgDBClient):
    """`capabilities`, SQL and types are Tortoise's; the statements go to `owner`."""

    def __init__(self, owner: Database, **options: Any) -> None:
        super().__init__(**options)
        self._owner = owner


client_class = Client
