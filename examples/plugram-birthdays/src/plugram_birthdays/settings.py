"""Settings, in [plugins.birthdays]."""

from __future__ import annotations

from pydantic import Field

from plugram import PluginSettings


class Settings(PluginSettings):
    hour: int = Field(
        9, ge=0, le=23, description="Hour of the day at which people are reminded, on their clock."
    )
    days_ahead: int = Field(
        60, ge=1, le=366, description="How far /birthdays looks ahead, in days."
    )
