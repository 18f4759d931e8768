"""`[plugins.privacy]`."""

from __future__ import annotations

from pydantic import Field

from plugram import PluginSettings


class Settings(PluginSettings):
    confirm_seconds: int = Field(
        default=300, ge=30, le=3600, description="Seconds for which the button that erases works."
    )
    part_mb: int = Field(
        default=0,
        ge=0,
        le=2000,
        description="Megabytes of a part of an export; 0: as much as Telegram takes (50, a local "
        "Bot API server 2000).",
    )
    receipt_days: int = Field(
        default=30,
        ge=0,
        le=3650,
        description="Days for which a receipt knows, encrypted, whose data was erased, so that it "
        "can be verified again.",
    )
    keep: dict[str, int] = Field(
        default_factory=dict,
        description="Table → days after which its rows go, in place of what its manifest says; 0: "
        "they stay. `plugram privacy status` lists tables.",
    )
