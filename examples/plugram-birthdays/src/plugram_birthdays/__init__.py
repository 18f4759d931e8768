"""Birthdays from contact cards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plugram import HealthCheck, Processor, hookimpl

if TYPE_CHECKING:
    from aiogram import Router

    from plugram import Context, Extraction, JobSpec, StoredFile


@hookimpl
def routers(ctx: Context) -> Sequence[Router]:
    from plugram_birthdays.handlers import build

    return [build()]


@hookimpl
def jobs(ctx: Context) -> Sequence[JobSpec]:
    from plugram_birthdays.jobs import find_due, remind

    return [find_due, remind]


@hookimpl
def processors(ctx: Context) -> Sequence[Processor]:
    return [Processor("vcard", ("text/vcard", "text/x-vcard"), "plugram_birthdays.vcard:read")]


@hookimpl
def health_checks(ctx: Context) -> Sequence[HealthCheck]:
    from plugram_birthdays.service import reminders_health

    return [HealthCheck("reminders", lambda: reminders_health(ctx))]


@hookimpl
async def on_file_processed(ctx: Context, file: StoredFile, extraction: Extraction) -> None:
    from plugram_birthdays.service import remember_all

    found = extraction.metadata.get("birthdays")
    if isinstance(found, str):  # other processors may have the word for something else
        await remember_all(ctx, file, found.splitlines())
