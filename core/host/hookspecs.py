"""Every hook: its docstring says when it fires and what may be returned.

Registration hooks are sync and pure: they return declarations, once, at load. Runtime hooks are
async and awaited by `core.host.hooks`. An implementation takes the arguments it needs by name;
`ctx` is always its own plugin's `Context`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

import pluggy

if TYPE_CHECKING:
    import typer
    from aiogram import Router

    from core.host.plugin import Command, Context, HealthCheck, Preference, Route
    from core.host.roles import (
        Erased,
        ExportedFile,
        Extraction,
        Processor,
        Provide,
        StoredFile,
        UserArchive,
        Visit,
    )
    from core.jobs.job import JobSpec

Who = tuple[int | None, int | None]
"""A user and a chat."""

PROJECT = "plugram"
MARKED = "__plugram_hooks__"
"""Where a plugin's module keeps what `hookimpl` marked."""

F = TypeVar("F", bound=Callable[..., object])

hookspec = pluggy.HookspecMarker(PROJECT)
_hookimpl = pluggy.HookimplMarker(PROJECT)


@overload
def hookimpl(function: F, /) -> F: ...
@overload
def hookimpl(
    *,
    specname: str | None = None,
    tryfirst: bool = False,
    trylast: bool = False,
    optionalhook: bool = False,
    wrapper: bool = False,
    hookwrapper: bool = False,
) -> Callable[[F], F]: ...
def hookimpl(function: Any = None, /, **options: Any) -> Any:
    """Decorator: this function of a plugin's module implements the hook of its name (`specname`).

    `tryfirst` and `trylast` move it before or behind the others; `optionalhook` lets it pass on a
    host that hasn't got the hook. Wrappers are refused at load.

    The function is noted in its module, so that a submodule of the same name (`jobs.py`), which
    takes the name in the package when it is imported, doesn't hide it.
    """

    def mark(implementation: F) -> F:
        marked: F = _hookimpl(**options)(implementation)
        namespace = getattr(implementation, "__globals__", {})
        namespace.setdefault(MARKED, {})[implementation.__name__] = marked
        return marked

    return mark if function is None else mark(function)


# -- registration: sync, once, at load ---------------------------------------------------------


@hookspec
def routers(ctx: Context) -> Sequence[Router]:
    """At load of a bot process only, after all other plugins are registered.

    Returns aiogram routers with the plugin's handlers, new ones on each call; import aiogram and
    `handlers` in here.
    """


@hookspec
def commands(ctx: Context) -> Sequence[Command]:
    """At load. Returns commands for the menu and /help, beside those that the manifest names."""


@hookspec
def jobs(ctx: Context) -> Sequence[JobSpec]:
    """At load. Returns functions decorated with `@job` that workers may run, cron jobs too."""


@hookspec
def services(ctx: Context) -> Sequence[Provide]:
    """At load. Returns providers of the roles that the manifest names under `provides`."""


@hookspec
def processors(ctx: Context) -> Sequence[Processor]:
    """At load. Returns file processors."""


@hookspec
def health_checks(ctx: Context) -> Sequence[HealthCheck]:
    """At load. Returns checks for /readyz and `plugram doctor`."""


@hookspec
def web_routes(ctx: Context) -> Sequence[Route]:
    """At load. Returns HTTP routes, mounted under `/<plugin id>/`."""


@hookspec
def preferences(ctx: Context) -> Sequence[Preference]:
    """At load. Returns choices that a person finds in /settings."""


@hookspec
def cli(ctx: Context) -> typer.Typer | None:
    """When somebody types the CLI name that the manifest declares. Returns its sub-commands."""


# -- runtime: async -----------------------------------------------------------------------------


@hookspec
async def on_startup(ctx: Context) -> None:
    """Before intake and workers start; the database is migrated. A failure, or no end within
    `[hooks] start_timeout`, quarantines the plugin and those that need it."""


@hookspec
async def on_ready(ctx: Context) -> None:
    """Once, when the process has begun to work."""


@hookspec
async def on_shutdown(ctx: Context) -> None:
    """Once, when handlers and jobs are drained; close what on_startup opened. In reverse load
    order."""


@hookspec
async def on_file_stored(ctx: Context, file: StoredFile) -> None:
    """A file's bytes are in the blob store; its text isn't known yet. Plugins that are off for its
    sender aren't told."""


@hookspec
async def on_file_processed(ctx: Context, file: StoredFile, extraction: Extraction) -> None:
    """A processor has read the file. Fires in a worker, at least once per file and content:
    doing it twice must give the same. A failure here makes it fire again. Plugins that are off for
    the file's sender aren't told; once one is on for them, it fires again."""


@hookspec
async def on_file_searchable(
    ctx: Context, file_id: int, scope_key: str, words: bool, meaning: bool
) -> None:
    """The file can be found: by its words, and (later) by its meaning."""


@hookspec
async def on_file_changed(ctx: Context, file: StoredFile) -> None:
    """A file was renamed or tagged, or its caption was edited: what is known of it has changed, its
    bytes haven't. Fires in a worker, at least once, with the file as it is by then."""


@hookspec
async def on_file_trashed(ctx: Context, file: StoredFile) -> None:
    """A file lies in the trash: nobody finds it now, and it can come back. Fires in a worker, at
    least once; of quick changes perhaps the last alone."""


@hookspec
async def on_file_restored(ctx: Context, file: StoredFile) -> None:
    """A file is back from the trash, perhaps under another name or with other tags. Fires in a
    worker, at least once; of quick changes perhaps the last alone."""


@hookspec
async def on_file_deleted(ctx: Context, file: StoredFile) -> None:
    """A file is gone for good: forget all that came of it. Fires in a worker, at least once, while
    its row and bytes are still there; they go when everybody has heard."""


@hookspec
async def file_leftovers(ctx: Context, file_ids: frozenset[int], fix: bool) -> Sequence[str] | None:
    """`plugram files verify` asks what is kept of files that aren't any more. `file_ids`: all that
    there are, in the trash too. With `fix`, remove what is too much. Returns a sentence per
    finding (`search_passages: 12 rows of file 7`), or None."""


@hookspec
async def blob_faults(
    ctx: Context, told: Callable[[str, int], Awaitable[None]]
) -> AsyncIterator[str] | None:
    """`plugram storage verify` asks what tables say of the blob store that isn't so: bytes that a
    row promises and nobody has, bytes that nobody knows. Changes nothing. Returns at once; what it
    returns is then gone through, a sentence per finding, with `told(what, seen)` as progress."""


@hookspec
async def export_user_data(ctx: Context, user_id: int) -> AsyncIterator[ExportedFile] | None:
    """Somebody wants what is kept of them, in a worker. Rows of tables come by the inventory
    (`[tables.…]` of the manifest); returns an iterator over what isn't in tables, such as files,
    or None."""


@hookspec
async def import_user_data(ctx: Context, user_id: int, archive: UserArchive) -> int | None:
    """An operator brings back what somebody exported, perhaps to another deployment. Returns how
    much of it is there now, or None; repeating it must not bring anything twice. Tables that are
    `restored` by the inventory are the host's business."""


@hookspec
async def erase_user_data(ctx: Context, user_id: int) -> Erased | None:
    """Somebody wants all of theirs gone, in a worker. Called before the rows of tables whose
    manifest says `erase = "rows"` are deleted; a plugin takes away what else there is: rows that
    more hangs on, files, caches, memory. Within some seconds: what is left then is `more`, and it
    is called again. Returns what it took away, or None. Repeating it must do no harm."""


@hookspec
async def on_job_dead(ctx: Context, job_id: int, name: str, error: str) -> None:
    """A job used up its attempts and lies among the dead letters."""


@hookspec
async def check_access(ctx: Context, visit: Visit) -> str | None:
    """In a bot process, before any handler sees an update of somebody, or of a channel.

    The first answer turns it away: a plain text in the person's language, or an empty one to say
    nothing. There is no barrier here: what raises makes the update fail and be tried again, since
    a door must not stand open because its guard fell.
    """


@hookspec
async def on_plugin_quarantined(ctx: Context, plugin_id: str, reason: str, cause: str) -> None:
    """A plugin was set aside at start, or its breaker opened: once per cause and process.

    `reason` is a sentence for the operator; `cause` stays the same when the same thing happens
    again, in this process or another one.
    """


# -- whom they concern --------------------------------------------------------------------------


def _sender(given: Mapping[str, Any]) -> Who:
    file: StoredFile = given["file"]
    return file.sender_id, file.chat_id


WHOM: Mapping[str, Callable[[Mapping[str, Any]], Who]] = {
    "on_file_stored": _sender,
    "on_file_processed": _sender,
}
"""Hooks that begin something for somebody aren't told to plugins that are off for them. Those that
keep up or end what has begun (a file was changed, trashed, deleted) are told to all: whatever a
plugin keeps has to stay right, and go."""
