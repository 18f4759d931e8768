"""The table of birthdays."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model


class Birthday(Model):
    """Somebody's birthday, as one chat knows it."""

    id = fields.BigIntField(primary_key=True)
    scope = fields.CharField(64)
    chat_id = fields.BigIntField()
    """Who is reminded, and in which chat."""
    person_id = fields.BigIntField()
    name = fields.CharField(120)
    month = fields.SmallIntField()
    day = fields.SmallIntField()
    year = fields.SmallIntField(null=True)
    """Of birth, if the card says it."""
    reminded_year = fields.SmallIntField(default=0)
    """The last year in which the chat was reminded."""

    class Meta:
        table = "birthdays_birthday"
        unique_together = (("scope", "name"),)
        indexes = (("month", "day"),)
