"""Whose data a call may see. Every repository call takes one; there is no default."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """A tenant: a user's private archive, a group's, the shared library, or (named) the system.

    `key` is what the `scope` column of a table holds: `u:<user id>`, `c:<chat id>`, `library`.
    """

    key: str

    @classmethod
    def user(cls, user_id: int) -> Scope:
        return cls(f"u:{user_id}")

    @classmethod
    def chat(cls, chat_id: int) -> Scope:
        """The scope of a chat by Telegram's id: a private chat (positive) is its user's."""
        return cls.user(chat_id) if chat_id > 0 else cls(f"c:{chat_id}")

    @classmethod
    def library(cls) -> Scope:
        return cls("library")

    @property
    def whom(self) -> tuple[int | None, int | None]:
        """The user and the chat whose it is."""
        kind, _, number = self.key.partition(":")
        if kind not in ("u", "c"):
            return None, None
        return (int(number) if kind == "u" else None), int(number)

    @property
    def is_system(self) -> bool:
        return self.key == "system"

    def __str__(self) -> str:
        return self.key


SYSTEM = Scope("system")
"""For worker, reconciler and statistics: sees all rows. Never taken from a user's input."""
