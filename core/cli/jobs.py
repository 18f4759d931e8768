"""`plugram jobs`: list, show, retry, cancel, dead, reset-stuck, counts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from core.cli import terminal
from core.cli.database import with_database
from core.cli.parts import AsJson
from core.cli.terminal import FAILED
from core.errors import JobError
from core.sources import nearest

if TYPE_CHECKING:
    from core.db.database import Database
    from core.jobs.job import Jobs
    from core.jobs.ledger import JobRow

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True)

JobId = Annotated[int, typer.Argument(metavar="ID", help="Id of a job.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")]
Name = Annotated[str | None, typer.Option(help="Only jobs of this name, `files.store`.")]


@app.command("list")
def list_jobs(
    state: Annotated[str | None, typer.Option(help="Only in this state, `running`.")] = None,
    name: Name = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List jobs, the newest first, and how many are in each state."""
    from core.jobs.ledger import STATES

    known = next((known for known in STATES if known == state), None)
    if state and known is None:
        raise typer.BadParameter(f"there is no state {state!r}{nearest(state, STATES)}")

    async def work(jobs: Jobs) -> tuple[list[JobRow], dict[Any, int]]:
        return await jobs.find(state=known, name=name, limit=limit), await jobs.counts()

    rows, counts = _with_jobs(work)
    if as_json:
        terminal.put_json({"counts": counts, "jobs": [asdict(row) for row in rows]})
        return
    _put_rows(rows)
    present = [f"{number} {name}" for name, number in counts.items() if number]
    terminal.say(", ".join(present) if present else "There are no jobs.")


@app.command()
def dead(name: Name = None, limit: Limit = 50, as_json: AsJson = False) -> None:
    """List the dead letters: jobs that used up their attempts."""
    list_jobs(state="dead", name=name, limit=limit, as_json=as_json)


@app.command()
def show(job_id: JobId, as_json: AsJson = False) -> None:
    """Show all about a job."""
    row = _with_jobs(lambda jobs: jobs.get(job_id))
    if row is None:
        raise JobError(f"There is no job {job_id}", hint="plugram jobs list")
    if as_json:
        terminal.put_json(asdict(row))
        return
    facts = asdict(row)
    for name in ("created_at", "run_at", "started_at", "finished_at"):
        facts[name] = _when(facts[name])
    done = facts.pop("progress")
    facts["progress"] = f"{done['done']} of {done['total']} {done['text']}" if done["done"] else ""
    terminal.put_fields(facts)


@app.command()
def retry(
    job_ids: Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="Jobs.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="All dead letters.")] = False,
    name: Name = None,
    as_json: AsJson = False,
) -> None:
    """Queue dead or cancelled jobs again, with all their attempts."""
    if not job_ids and not dead:
        raise typer.BadParameter("name jobs, or --dead for all dead letters")

    async def work(jobs: Jobs) -> tuple[int, list[int]]:
        number = await jobs.retry_dead(name) if dead else 0
        refused = [job for job in job_ids or () if not await jobs.retry(job)]
        return number + len(job_ids or ()) - len(refused), refused

    number, refused = _with_jobs(work)
    _report("queued again", number, refused, "neither dead nor cancelled", as_json=as_json)


@app.command()
def cancel(
    job_ids: Annotated[list[int], typer.Argument(metavar="ID...", help="Jobs.")],
    as_json: AsJson = False,
) -> None:
    """Stop jobs: at once if they wait, within 2 s if they run."""

    async def work(jobs: Jobs) -> list[int]:
        return [job for job in job_ids if not await jobs.cancel(job)]

    refused = _with_jobs(work)
    number = len(job_ids) - len(refused)
    _report("cancelled", number, refused, "ended, or never there", as_json=as_json)


@app.command("reset-stuck")
def reset_stuck(as_json: AsJson = False) -> None:
    """Take back the jobs of workers that died, and say which and why.

    Running workers do it by themselves every 2 s. What live workers have in hand stays theirs: a
    worker counts as dead when its lease has run out, `[jobs] lease` seconds after its last sign.
    """

    async def work(jobs: Jobs) -> tuple[list[JobRow], int]:
        return await jobs.reset_stuck(), (await jobs.counts())["running"]

    rows, running = _with_jobs(work)
    if as_json:
        terminal.put_json(
            {"taken_back": len(rows), "running": running, "jobs": [asdict(row) for row in rows]}
        )
        return
    if rows:
        columns = ["id", "job", "now", "crashes", "why"]
        terminal.put_table(
            columns, [(row.id, row.name, _now(row), row.crashes, row.error) for row in rows]
        )
    terminal.say(f"{_jobs(len(rows))} taken back.")
    if running:
        terminal.say(f"{_jobs(running)} at live workers left alone.")


# -- parts --------------------------------------------------------------------------------------


def _with_jobs(work: Callable[[Jobs], Awaitable[T]]) -> T:
    async def run(database: Database) -> T:
        from core.jobs.job import Jobs

        return await work(Jobs(database))

    return with_database(run)


def _put_rows(rows: list[JobRow]) -> None:
    if rows:
        columns = ["id", "job", "state", "attempt", "created", "user", "what"]
        terminal.put_table(columns, [_line(row) for row in rows])


def _line(row: JobRow) -> tuple[object, ...]:
    attempt = f"{row.attempt}/{row.attempts}"
    progress = row.progress
    what = row.error.strip().rpartition("\n")[2] if row.error else progress.text
    if progress.total:
        what = f"{progress.done}/{progress.total} {what}"
    state = "stopping" if row.cancel else row.state
    return row.id, row.name, state, attempt, _when(row.created_at), row.user or "", what


def _now(row: JobRow) -> str:
    return "runs again, alone" if row.state == "suspect" else row.state


def _jobs(number: int) -> str:
    return f"{number} {'job' if number == 1 else 'jobs'}"


def _when(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _report(verb: str, number: int, refused: list[int], why: str, *, as_json: bool) -> None:
    """What was done; exit status 1 if something was asked for that couldn't be."""
    if as_json:
        terminal.put_json({verb.replace(" ", "_"): number, "refused": refused})
    else:
        terminal.say(f"{_jobs(number)} {verb}.")
        for job in refused:
            terminal.say(f"Job {job}: {why}.", error=True)
    raise typer.Exit(FAILED if refused else 0)
