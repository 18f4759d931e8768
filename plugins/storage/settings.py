"""`[plugins.storage]`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from plugram import PluginSettings


def _absolute(path: Path | None) -> Path | None:
    if path is not None and not path.is_absolute():
        raise ValueError("must be an absolute path: /var/lib/plugram/blobs")
    return path


class Settings(PluginSettings):
    path: Annotated[Path | None, AfterValidator(_absolute)] = Field(
        default=None,
        description="Folder for the files' bytes, absolute. Not set: a folder in `data_dir`. "
        "Keep it on a disk of its own if the database must not run out of room.",
    )
    cdn_base: str = Field(
        default="",
        pattern=r"^$|^https?://[^\s/]+(/\S*)?$",
        description="Address of a CDN in front of `[web] public_url` + `/storage`; links to files "
        "begin with it.",
    )
    min_free_mb: int = Field(
        default=200,
        ge=0,
        le=1_000_000,
        description="Megabytes that stay free on that disk: below, new files are refused.",
    )
