"""Settings of the admin plugin."""

from __future__ import annotations

from pydantic import Field

from plugram import PluginSettings


class Settings(PluginSettings):
    quiet_hours: float = Field(
        24.0,
        ge=0,
        le=8760,
        description="Hours without a fault after which it is reported again when it comes back.",
    )
