"""`[plugins.files]`."""

from __future__ import annotations

from pydantic import Field

from plugram import PluginSettings


class Settings(PluginSettings):
    max_mb: int = Field(
        default=20,
        ge=1,
        le=2000,
        description="Megabytes of the largest file to take. Telegram hands bots no more than 20, "
        "a local Bot API server 2000.",
    )
    files_per_person: int = Field(
        default=10_000,
        ge=0,
        le=10_000_000,
        description="Files of one person that are kept, the trash included. 0: no limit.",
    )
    mb_per_person: int = Field(
        default=20_000,
        ge=0,
        le=100_000_000,
        description="Megabytes that one person's files may take. 0: no limit.",
    )
    files_per_minute: int = Field(
        default=300,
        ge=0,
        le=10_000,
        description="Files that one person may send a minute; all of them at once, if they like. "
        "0: no limit.",
    )
    waiting_per_person: int = Field(
        default=1000,
        ge=0,
        le=1_000_000,
        description="Files of one person that may wait to be read. 0: no limit.",
    )
    waiting_files: int = Field(
        default=20_000,
        ge=0,
        le=10_000_000,
        description="Files of everybody that may wait to be read. 0: no limit.",
    )
    groups: bool = Field(
        default=True,
        description="Take files from groups too, each group into an archive of its own.",
    )
    edit_pause: float = Field(
        default=1.0,
        ge=0,
        le=60,
        description="Seconds between two edits of status messages in one private chat; groups, "
        "where Telegram allows less, get three times that.",
    )
    trash_days: int = Field(
        default=30,
        ge=0,
        le=3650,
        description="Days that a deleted file stays in the trash. 0: until the next full hour.",
    )
    page_size: int = Field(default=8, ge=1, le=40, description="Files on a page of /files.")
    batch_from: int = Field(
        default=10,
        ge=2,
        le=100,
        description="Of files that come within ten seconds, this one and those after it share one "
        "status message: a chat may get no more than one a second. Those of an album always do.",
    )
