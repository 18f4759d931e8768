"""The inventory of tables: whose rows each holds.

Plugins declare theirs in their manifests, `[tables.<name>]`, the core does below. From it come
row-level security (core.db.guard), export, erase and retention. Manifests are read without
importing plugins, so tables of those that are switched off are in it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

CORE = "core"


class TableEntry(BaseModel):
    """What an owner says of a table. One of `scope`, `people`, `chats`, `parent`, `nobody` must be
    there, or `erase = "plugin"`: its owner finds the rows of a person by other means."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scope: str = ""
    """The column with a scope's key. On PostgreSQL row-level security shows the rows of the
    transaction's scope alone."""
    people: tuple[str, ...] = ()
    """Columns with the Telegram id of whom the row is about; a chat's id may stand there too."""
    chats: tuple[str, ...] = ()
    """Columns with the id of the chat that the row is about."""
    mentions: tuple[str, ...] = ()
    """Columns that name somebody in a row about others; erasing them sets 0."""
    parent: str = ""
    """The table whose rows these belong to, and with which they go."""
    nobody: str = ""
    """Why there is nothing of a person in it."""
    erase: Literal["rows", "plugin"] = "rows"
    """`rows`: whoever erases a person or a scope deletes the rows by the columns above. `plugin`:
    the owner's own `erase_user_data` does, since more hangs on them."""
    export: bool = True
    """Whether the rows are part of what a person gets of their data."""
    leave_out: tuple[str, ...] = ()
    """Columns that an export leaves out: what is derived from others, or of use to us alone."""
    encrypted: tuple[str, ...] = ()
    """Columns of values made by `ctx.secrets.encrypt`, so that a rotation of keys finds them. An
    empty text stands for a value that was given up."""
    restored: bool = False
    """Whether rows that somebody exported come back by an import, those whose key is free."""
    time: str = ""
    """The column that tells how old a row is: seconds since 1970, or a timestamp."""
    keep_days: int = 0
    """Days after which a row may go, where no setting says otherwise; 0: it stays."""
    unguarded: str = ""
    """Why row-level security isn't on although there is a scope."""
    dialect: Literal["", "sqlite", "postgres"] = ""
    """The only database that has it."""

    @model_validator(mode="after")
    def _says_whose(self) -> Self:
        whose = (self.scope, self.people, self.chats, self.parent)
        if self.nobody and any(whose):
            raise ValueError("it can't be nobody's and name a column of somebody")
        if not self.nobody and not any(whose) and self.erase == "rows":
            raise ValueError("say whose rows it holds: scope, people, chats, parent or nobody")
        if self.keep_days and not self.time:
            raise ValueError("keep_days needs the column that tells the age: time")
        return self


class Table(TableEntry):
    """A table of the inventory, with its name and its owner."""

    name: str
    plugin_id: str
    """`core`, or the id of a plugin, which may be switched off."""

    @property
    def guarded(self) -> bool:
        """Whether row-level security is on, where the database has it."""
        return bool(self.scope) and not self.unguarded

    @property
    def columns(self) -> tuple[str, ...]:
        """All that it names, to be compared with what is there."""
        whose = (self.scope, *self.people, *self.chats, *self.mentions)
        named = (*whose, *self.leave_out, *self.encrypted, self.time)
        return tuple(column for column in named if column)


def declared(plugin_id: str, entries: Mapping[str, TableEntry]) -> tuple[Table, ...]:
    """The tables of an owner."""
    return tuple(
        Table(name=name, plugin_id=plugin_id, **entry.model_dump())
        for name, entry in entries.items()
    )


CORE_TABLES = declared(
    CORE,
    {
        "core_jobs": TableEntry(
            scope="scope",
            people=("user_id",),
            chats=("chat_id",),
            unguarded="jobs of all scopes are claimed, counted and finished together",
            leave_out=("worker", "token", "fair", "key", "trace", "error"),
            time="finished_at",
        ),
        "core_workers": TableEntry(nobody="processes that are alive"),
        "core_inbox": TableEntry(
            erase="plugin",  # the payload is Telegram's, and a lane may be of several people
            export=False,
            time="finished_at",
            keep_days=2,
        ),
        "core_recordings": TableEntry(
            people=("user_id",), chats=("chat_id",), export=False, time="began_at", keep_days=2
        ),
        "core_intake_leases": TableEntry(nobody="which process works on which lanes"),
        "core_intake_processes": TableEntry(nobody="processes that are alive"),
        "core_dialog_states": TableEntry(
            people=("user_id",), chats=("chat_id",), time="changed_at", keep_days=30
        ),
        "people": TableEntry(people=("id",), time="seen_at", restored=True),
        "preferences": TableEntry(people=("person_id",), restored=True),
        "core_deployment": TableEntry(nobody="whose database it is"),
        "core_migrations": TableEntry(nobody="migrations that were run"),
        "tortoise_migrations": TableEntry(nobody="migrations that were run"),
    },
)
