"""`plugram cache`: clear, stats."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from core import config
from core.cli import terminal
from core.cli.parts import AsJson
from core.errors import PlugramError

if TYPE_CHECKING:
    from core.cache import Cache

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True)

_ALONE = (
    "There is no Redis: each process keeps what it caches in its own memory, "
    "and forgets it when it restarts."
)


@app.command()
def clear(
    prefix: Annotated[
        str, typer.Argument(help="Beginning of the keys: a plugin's id, or more of them.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Forget cached values, of all plugins or those whose keys begin so. Locks, limits, queues and
    whatever else the server holds stay."""
    removed = _with_cache(lambda cache: cache.clear_prefix(prefix))
    if as_json:
        terminal.put_json({"prefix": prefix, "removed": removed, "shared": removed is not None})
    elif removed is None:
        terminal.say(_ALONE)
    else:
        terminal.say(f"{removed} {'value' if removed == 1 else 'values'} forgotten.")


@app.command()
def stats(as_json: AsJson = False) -> None:
    """Count the cached values of each plugin."""
    entries = _with_cache(lambda cache: cache.entries())
    if as_json:
        terminal.put_json({"entries": entries or {}, "shared": entries is not None})
    elif entries is None:
        terminal.say(_ALONE)
    elif not entries:
        terminal.say("The cache is empty.")
    else:
        terminal.put_table(["plugin", "values"], sorted(entries.items()))


def _with_cache(work: Callable[[Cache], Awaitable[T]]) -> T | None:
    """Runs `work` with the cache that all processes share; None if there is none."""
    settings = config.load()
    if not settings.redis.url:
        return None

    async def run() -> T:
        from redis.asyncio import Redis

        from core.cache import Cache

        redis = Redis.from_url(settings.redis.url, socket_connect_timeout=2, socket_timeout=5)
        try:
            await redis.ping()
            return await work(Cache(redis, settings.redis.prefix))
        except (OSError, _redis_error()) as error:
            raise PlugramError(
                f"Redis is away: {error}", hint="check [redis] url and that the server runs"
            ) from None
        finally:
            await redis.aclose()

    return asyncio.run(run())


def _redis_error() -> type[Exception]:
    from redis.exceptions import RedisError

    return RedisError
