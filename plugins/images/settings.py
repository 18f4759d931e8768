"""Settings of pictures."""

from __future__ import annotations

from pydantic import Field

from plugram import PluginSettings


class Settings(PluginSettings):
    """`[plugins.images]`."""

    max_megapixels: float = Field(
        100,
        ge=1,
        le=1000,
        description="Millions of pixels of the largest picture that is opened. More than 100 need "
        "a higher `[sandbox] max_memory_mb`.",
    )
