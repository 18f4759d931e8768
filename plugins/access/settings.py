"""`[plugins.access]`."""

from __future__ import annotations

from pydantic import Field

from plugram import PluginSettings


class Settings(PluginSettings):
    open: bool = Field(
        default=False,
        description="Let everybody in, and only mind how fast they write.",
    )
    users: tuple[int, ...] = Field(
        default=(),
        description="Telegram ids of people who may use the bot, beside its owner and admins.",
    )
    groups: tuple[int, ...] = Field(
        default=(),
        description="Ids of groups and channels in which everybody may use it.",
    )
    code_days: int = Field(
        default=7, ge=1, le=365, description="Days that a pairing code of `/invite` works."
    )
    per_minute: int = Field(
        default=0,
        ge=0,
        le=1000,
        description="Messages, buttons and inline queries of one person a minute; what is over is "
        "left unanswered, after a word about it. Files have limits of their own. 0: no limit.",
    )
