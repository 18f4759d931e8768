"""What is known of files. Bytes are in the blob store, texts with whoever makes them searchable."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class Stage(IntEnum):
    """How far a file has come. It only grows, but for an operator who has a file read anew."""

    RECEIVED = 0
    STORED = 1
    PROCESSED = 2
    WORDS = 3
    """Found by its words."""
    MEANING = 4
    """Found by its meaning too."""


class TelegramFile(Model):
    """A file that came in a message."""

    id = fields.BigIntField(primary_key=True)
    scope = fields.CharField(64)
    kind = fields.CharField(16)
    """A `FileKind`: the folder of its bytes, and its metadata table."""
    sent_as = fields.CharField(16)
    """What it was in Telegram: document, photo, audio, video, voice, animation, video_note."""
    name = fields.CharField(255)
    named = fields.BooleanField(default=True)
    """The sender named it; otherwise the name is made up and says nothing."""
    caption = fields.TextField(default="")
    mime = fields.CharField(127, default="")
    size = fields.BigIntField(default=0)
    sha256 = fields.CharField(64, default="")
    blob_key = fields.CharField(128, default="")
    file_id = fields.CharField(255)
    file_unique_id = fields.CharField(64)
    chat_id = fields.BigIntField()
    message_id = fields.BigIntField()
    """With the chat the way back to the message."""
    sender_id = fields.BigIntField()
    language = fields.CharField(8, default="")
    stage = fields.SmallIntField(default=0)
    """A `Stage`."""
    problem = fields.CharField(32, default="")
    """Why it can't go on or can't be read; the locale message `files-problem-<problem>`."""
    found_by = fields.CharField(8, default="")
    """`text`: by what it says; `label`: by its name and caption alone; empty: by nothing."""
    duplicate_of = fields.BigIntField(null=True)
    batch_id = fields.BigIntField(null=True)
    """The `Batch` whose message tells of it; None: it has its own."""
    status_message_id = fields.BigIntField(null=True)
    """The message that tells how far it is; None: still to be sent."""
    revision = fields.IntField(default=0)
    """Grows with each change that the message should show."""
    shown = fields.IntField(default=0)
    """The revision that it shows."""
    part = fields.IntField(default=0)
    """The page that is being read, of a file that is read page by page; 0: it isn't."""
    parts = fields.IntField(default=0)
    status_until = fields.FloatField(default=0)
    """Database time until which somebody is editing it."""
    title = fields.CharField(500, default="")
    """As the document or the song calls itself."""
    changes = fields.IntField(default=0)
    """Grows with each change that other plugins must hear of."""
    trashed_at = fields.DatetimeField(null=True)
    """Since when it lies in the trash; None: it doesn't."""
    trashed_by = fields.BigIntField(null=True)
    deleting = fields.BooleanField(default=False)
    """It is being deleted for good, and nothing brings it back."""
    job_id = fields.BigIntField(null=True)
    """The last job that stores or reads it."""
    created_at = fields.DatetimeField(auto_now_add=True)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "files_telegram_files"
        indexes = (
            Index(fields=("scope", "file_unique_id")),
            Index(fields=("scope", "sha256")),
        )


class Batch(Model):
    """Files that came together: one message tells of all of them."""

    id = fields.BigIntField(primary_key=True)
    scope = fields.CharField(64)
    chat_id = fields.BigIntField()
    sender_id = fields.BigIntField()
    thread_id = fields.BigIntField(null=True)
    album = fields.CharField(64, default="")
    """Telegram's id of the album; empty: they came one by one, and fast."""
    message_id = fields.BigIntField()
    """The message with the first of them."""
    status_message_id = fields.BigIntField(null=True)
    status_until = fields.FloatField(default=0)
    """Database time until which somebody is editing the message."""
    last_at = fields.DatetimeField()
    """When the last of them came."""
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "files_batches"
        indexes = (Index(fields=("scope", "chat_id")),)


class Blob(Model):
    """Bytes, shared by all scopes that hold them."""

    sha256 = fields.CharField(64, primary_key=True)
    key = fields.CharField(128)
    kind = fields.CharField(16)
    size = fields.BigIntField()
    refcount = fields.IntField(default=0)
    """Files that have them; -1: they are being removed."""
    wanted_until = fields.FloatField(default=0)
    """Database time until which somebody is storing them, so that nobody removes them."""
    thumbnail = fields.CharField(128, default="")
    """Key of a small picture of it."""
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "files_blobs"


class Tag(Model):
    """A word that somebody gave a file."""

    id = fields.BigIntField(primary_key=True)
    scope = fields.CharField(64)
    file_id = fields.BigIntField()
    name = fields.CharField(32)
    """As `names.tag` makes it: lower case, without #."""

    class Meta:
        table = "files_tags"
        unique_together = (("file_id", "name"),)
        indexes = (Index(fields=("scope", "name")),)


class CachedExtraction(Model):
    """What readers made of some bytes, for all scopes that hold them. It goes with them."""

    id = fields.BigIntField(primary_key=True)
    sha256 = fields.CharField(64)
    processor = fields.CharField(32)
    """Fingerprint of the processor and its version."""
    content = fields.BinaryField()
    """JSON of the `Extraction`, compressed by zlib."""
    created_at = fields.DatetimeField(auto_now_add=True)

    class Meta:
        table = "files_extractions"
        unique_together = (("sha256", "processor"),)


class UserStatistics(Model):
    """What somebody has stored in a scope, by kind."""

    id = fields.BigIntField(primary_key=True)
    scope = fields.CharField(64)
    user_id = fields.BigIntField()
    kind = fields.CharField(16)
    files = fields.IntField(default=0)
    bytes = fields.BigIntField(default=0)

    class Meta:
        table = "files_user_statistics"
        unique_together = (("scope", "user_id", "kind"),)


class Metadata(Model):
    """Base of the tables with what is known of a kind of file, one row a file."""

    file_id = fields.BigIntField(primary_key=True, generated=False)
    scope = fields.CharField(64)

    class Meta:
        abstract = True

    @classmethod
    def fitting(cls, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Of some facts those that the table has a column for, cut to its width."""
        found = {}
        for name, value in facts.items():
            column = cls._meta.fields_map.get(name)
            if column is not None and value is not None:
                longest = getattr(column, "max_length", None)
                found[name] = str(value)[:longest] if longest else value
        return found


class Document(Metadata):
    pages = fields.IntField(null=True)
    words = fields.IntField(null=True)
    title = fields.CharField(500, default="")
    author = fields.CharField(255, default="")
    written_at = fields.CharField(40, default="")
    """As the document says: ISO 8601, or what its program wrote."""

    class Meta:
        table = "files_documents"


class Image(Metadata):
    width = fields.IntField(null=True)
    height = fields.IntField(null=True)
    pages = fields.IntField(null=True)
    """More than one in faxes and scans; None otherwise."""
    words = fields.IntField(null=True)
    """That were read in the picture; None: nobody looked."""
    phash = fields.CharField(16, default="")
    """64 bits in hexadecimal; pictures that look alike differ in few of them."""
    taken_at = fields.CharField(40, default="")
    """ISO 8601 by the camera's clock, with its offset if it knows one."""
    camera = fields.CharField(120, default="")
    latitude = fields.FloatField(null=True)
    """Degrees, north and east positive. Where somebody was: for the sender's eyes alone."""
    longitude = fields.FloatField(null=True)

    class Meta:
        table = "files_images"


class Video(Metadata):
    width = fields.IntField(null=True)
    height = fields.IntField(null=True)
    duration = fields.IntField(null=True)
    """Seconds."""

    class Meta:
        table = "files_videos"


class Animation(Metadata):
    width = fields.IntField(null=True)
    height = fields.IntField(null=True)
    duration = fields.IntField(null=True)

    class Meta:
        table = "files_animations"


class Audio(Metadata):
    title = fields.CharField(500, default="")
    performer = fields.CharField(255, default="")
    duration = fields.IntField(null=True)

    class Meta:
        table = "files_audio"


class Voice(Metadata):
    duration = fields.IntField(null=True)

    class Meta:
        table = "files_voice"


class Sticker(Metadata):
    emoji = fields.CharField(32, default="")
    set_name = fields.CharField(64, default="")
    width = fields.IntField(null=True)
    height = fields.IntField(null=True)

    class Meta:
        table = "files_stickers"


METADATA: dict[str, type[Metadata]] = {
    "documents": Document,
    "images": Image,
    "videos": Video,
    "animations": Animation,
    "audio": Audio,
    "voice": Voice,
    "stickers": Sticker,
}
"""By kind; `other` has none."""
