"""`plugram storage`: hold the bytes to account, let them age, move them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from plugins.storage import rounds, stores
from plugins.storage.local import LocalStore, Unfinished
from plugram import PluginError, StoredBlob, hooks

if TYPE_CHECKING:
    from plugins.storage.lifecycle import Rules
    from plugram import BlobStore, Context

AsJson = Annotated[bool, typer.Option("--json", help="JSON for programs.")]
Deep = Annotated[bool, typer.Option("--deep", help="Read all bytes and compare their checksums.")]
Apply = Annotated[bool, typer.Option("--apply", help="Set the rules, remove what is stale.")]
Older = Annotated[
    float | None,
    typer.Option(help="Hours after which what never ended is stale; else the setting.", min=0),
]
Target = Annotated[Literal["local", "s3"], typer.Option("--to", help="The store to move to.")]
Delete = Annotated[
    bool, typer.Option("--delete", help="Remove from the old store what the new one has.")
]


def build(ctx: Context) -> typer.Typer:
    group = typer.Typer(
        help="Where the bytes of files are.", no_args_is_help=True, add_completion=False
    )

    @group.command()
    async def verify(deep: Deep = False, as_json: AsJson = False) -> None:
        """Whether the store and the tables agree, and the bytes are well. Ends with 1 if not."""
        findings = await _verified(ctx, deep=deep, quiet=as_json)
        if as_json:
            _print_json({"ok": not findings, "findings": findings})
        else:
            for finding in findings or ["Everything agrees."]:
                typer.echo(finding)
        raise typer.Exit(1 if findings else 0)

    @group.command()
    async def lifecycle(apply: Apply = False, older: Older = None, as_json: AsJson = False) -> None:
        """What becomes of old files and of uploads that never ended; shows, and with --apply does.

        Ends with 1 where the bucket's rules aren't those of the settings.
        """
        told = await _aged(ctx, apply=apply, older=None if older is None else older * 3600)
        if as_json:
            _print_json(told)
        else:
            _put_lifecycle(told)
        raise typer.Exit(0 if told["in_force"] else 1)

    @group.command()
    async def move(to: Target, delete: Delete = False, as_json: AsJson = False) -> None:
        """Copy everything to the other store, checked; begin it again where it was stopped.

        First with the old store in use, as often as you like; then switch, and once more.
        """
        told = await _moved(ctx, to, delete=delete, quiet=as_json)
        if as_json:
            _print_json(told)
        else:
            typer.echo(f"{told['copied']} blobs copied, {told['bytes']:,} bytes.")
            for fault in told["faults"]:
                typer.echo(fault)
        raise typer.Exit(1 if told["faults"] else 0)

    return group


# -- verify ---------------------------------------------------------------------------------------


async def _verified(ctx: Context, *, deep: bool, quiet: bool) -> list[str]:
    """The store by itself, then what the plugins know of it."""
    store = stores.chosen(ctx)
    findings: list[str] = []
    if deep:
        with _bar("reading", await rounds.everything(store), quiet=quiet) as told:
            findings += await rounds.damaged(store, told)
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as bar:
        task = bar.add_task("")

        async def told_of(what: str, seen: int) -> None:
            bar.update(task, description=f"{what} {seen:,}")

        for faults in await ctx.hooks.deliver(hooks.blob_faults, told=told_of):
            if faults is not None:
                findings += [fault async for fault in faults]
    return findings


@contextmanager
def _bar(what: str, total: rounds.Sum, *, quiet: bool) -> Iterator[rounds.Told]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as bar:
        task = bar.add_task(what, total=total.bytes)

        async def told(blob: StoredBlob) -> None:
            bar.advance(task, blob.size)

        yield told


# -- lifecycle ------------------------------------------------------------------------------------


async def _aged(ctx: Context, *, apply: bool, older: float | None) -> dict[str, Any]:
    store = stores.chosen(ctx)
    if isinstance(store, LocalStore):
        stale = await (store.tidy if apply else store.unfinished)(*_given(older))
        return _told(store, stale, apply=apply)
    if not stores.has_bucket(ctx) or store is not stores.s3(ctx):
        raise PluginError("the bytes are in another plugin's store, which ages them itself")
    from plugins.storage import lifecycle

    bucket = stores.s3(ctx)
    # First what has no need of the server's help: not every server knows rules.
    stale = await (bucket.tidy if apply else bucket.unfinished)(older)
    rules = await lifecycle.look(bucket)
    if apply and not rules.in_force:
        await lifecycle.apply(bucket, rules)
        rules = await lifecycle.look(bucket)
    return _told(bucket, stale, apply=apply, rules=rules)


def _given(older: float | None) -> tuple[float, ...]:
    return () if older is None else (older,)


def _told(
    store: BlobStore, stale: Sequence[Unfinished], *, apply: bool, rules: Rules | None = None
) -> dict[str, Any]:
    from plugins.storage import lifecycle  # no more than tables of it without a bucket

    told: dict[str, Any] = {
        "store": "local" if isinstance(store, LocalStore) else "s3",
        "stale": [asdict(one) for one in stale],
        "removed": apply,
        "in_force": True,
        "rules": [],
    }
    if rules is not None:
        shown = [(rule, True) for rule in rules.found]
        shown += [(rule, False) for rule in rules.wanted if not rules.in_force]
        told["in_force"] = rules.in_force
        told["rules"] = [
            {"id": rule.get("ID", ""), "what": lifecycle.sentence(rule), "in_force": there}
            for rule, there in shown
        ]
    return told


def _put_lifecycle(told: dict[str, Any]) -> None:
    if told["store"] == "local":
        typer.echo("A folder: files stay as they are; only what never ended is removed.")
    for rule in told["rules"]:
        mark = "in force" if rule["in_force"] else "wanted"
        typer.echo(f"{mark:9} {rule['what']}")
    for one in told["stale"]:
        hours = (time.time() - one["begun_at"]) / 3600
        what = one["key"] or one["id"]
        done = "removed" if told["removed"] else "stale"
        typer.echo(f"{done:9} {what}, begun {hours:.0f} h ago")
    if not told["stale"]:
        typer.echo("Nothing is stale.")
    if not told["in_force"]:
        typer.echo("The bucket's rules aren't those of the settings: --apply sets them.")


# -- move -----------------------------------------------------------------------------------------


async def _moved(
    ctx: Context, to: Literal["local", "s3"], *, delete: bool, quiet: bool
) -> dict[str, Any]:
    if not stores.has_bucket(ctx):
        raise PluginError(
            "there is only one store", hint="set S3_BUCKET_NAME, then move with --to s3"
        )
    folder, bucket = stores.local(ctx), stores.s3(ctx)
    source, target = (folder, bucket) if to == "s3" else (bucket, folder)
    if delete and stores.chosen(ctx) is not target:
        raise PluginError(
            f"the bot still uses the store that --delete would empty, not storage.{to}",
            hint=f'set [roles] blob_store = "storage.{to}" and restart bot and workers first',
        )
    move = rounds.Move(source, target, ctx.folder(), delete=delete)
    with _bar("moving", await rounds.everything(source), quiet=quiet) as told:
        copied, faults = await move.run(told)
    return {"copied": copied.blobs, "bytes": copied.bytes, "faults": faults}


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
