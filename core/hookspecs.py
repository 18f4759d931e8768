"""Every hook: its docstring says when it fires and what may be returned.

Registration hooks are sync and pure: they return declarations, once, at load. Runtime hooks are
async and awaited by `core.hooks`. An implementation takes the arguments it needs by name; `ctx` is
always its own plugin's `Context`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import typer
    from aiogram import Router

    from core.jobs import JobSpec
    from core.plugin import Command, Context, HealthCheck, Preference, Route
    from core.roles import Extraction, Processor, Provide, StoredFile

PROJECT = "plugram"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

# -- registration: sync, once, at load ---------------------------------------------------------


@hookspec
def routers(ctx: Context) -> Sequence[Router]:
    """Bot processes only. aiogram routers with the plugin's handlers; import aiogram in here."""


@hookspec
def commands(ctx: Context) -> Sequence[Command]:
    """Commands for the menu and /help, beside those that the manifest names."""


@hookspec
def jobs(ctx: Context) -> Sequence[JobSpec]:
    """Functions decorated with `@job` that workers may run, cron jobs among them."""


@hookspec
def services(ctx: Context) -> Sequence[Provide]:
    """Providers of roles."""


@hookspec
def processors(ctx: Context) -> Sequence[Processor]:
    """File processors."""


@hookspec
def health_checks(ctx: Context) -> Sequence[HealthCheck]:
    """Checks for /readyz and `plugram doctor`."""


@hookspec
def web_routes(ctx: Context) -> Sequence[Route]:
    """HTTP routes, mounted under `/<plugin id>/`."""


@hookspec
def preferences(ctx: Context) -> Sequence[Preference]:
    """Choices that a person finds in /settings."""


@hookspec
def cli(ctx: Context) -> typer.Typer | None:
    """The sub-commands behind the CLI name that the manifest declares."""


# -- runtime: async -----------------------------------------------------------------------------


@hookspec
async def on_startup(ctx: Context) -> None:
    """Before intake and workers start; the database is migrated. A failure quarantines the plugin."""


@hookspec
async def on_ready(ctx: Context) -> None:
    """The process works now."""


@hookspec
async def on_shutdown(ctx: Context) -> None:
    """Handlers and jobs are drained; close what on_startup opened. Called in reverse load order."""


@hookspec
async def on_file_stored(ctx: Context, file: StoredFile) -> None:
    """A file's bytes are in the blob store; its text isn't known yet."""


@hookspec
async def on_file_processed(ctx: Context, file: StoredFile, extraction: Extraction) -> None:
    """A processor has read the file. Fires in a worker, at least once per file and content."""


@hookspec
async def on_file_searchable(
    ctx: Context, file_id: int, scope_key: str, words: bool, meaning: bool
) -> None:
    """The file can be found: by its words, and (later) by its meaning."""


@hookspec
async def on_job_dead(ctx: Context, job_id: int, name: str, error: str) -> None:
    """A job used up its attempts and lies among the dead letters."""


@hookspec
async def on_plugin_quarantined(ctx: Context, plugin_id: str, reason: str) -> None:
    """A plugin was set aside at start or its breaker opened; told once per cause."""
