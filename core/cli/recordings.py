"""What was recorded of updates, for people: a line each, and the whole of one as a timeline."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import typer

from core.cli import terminal

if TYPE_CHECKING:
    from core.db.database import Database
    from core.telegram.recorder import Recording

_TRACE = re.compile(r"[0-9a-f]{16}")
_TEXT = 160
"""Characters of a text on one line."""
_UNTOLD = frozenset({"chat_id", "text", "caption", "parse_mode"})
"""Parameters that a line tells in its own way, or needn't."""
_STYLES = {"failed": "red", "set aside": "red", "half done": "red", "cut short": "yellow"}


@dataclass
class Flight:
    """An update as it was stored, and its tries as they were recorded, the first first."""

    update_id: int
    update: dict[str, Any] | None
    """None when it is forgotten."""
    received_at: float | None = None
    error: str = ""
    """Why it was set aside, or failed last."""
    tries: list[Recording] = field(default_factory=list)
    jobs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Trace → its jobs as they are now: `id`, `name`, `state`, `error`."""

    def as_json(self) -> dict[str, Any]:
        """For scripts; what people wrote is in it."""
        return asdict(self)


def named(which: Sequence[str]) -> tuple[list[int], list[str]]:
    """Ids of updates, and of traces. Raises BadParameter."""
    updates, traces = [], []
    for name in which:
        if _TRACE.fullmatch(name):
            traces.append(name)
        elif name.isascii() and name.isdigit():
            updates.append(int(name))
        else:
            raise typer.BadParameter(f"{name!r} is neither an update's number nor a trace's")
    return updates, traces


async def flights(
    database: Database, bot: int, updates: Collection[int], traces: Collection[str]
) -> list[Flight]:
    """What is known of updates, in the order in which they were asked for."""
    from core.telegram import recorder

    wanted = dict.fromkeys(updates)
    if traces:
        for one in await recorder.find(database, bot, traces=traces, limit=len(traces)):
            wanted[one.update_id] = None
        places = ", ".join(f"${at}" for at in range(2, len(traces) + 2))
        rows = await database.fetch(
            f"SELECT update_id FROM core_inbox WHERE bot_id = $1 AND trace_id IN ({places})",  # noqa: S608 - places alone
            bot,
            *traces,
        )
        wanted |= dict.fromkeys(row["update_id"] for row in rows)
    found = [await _flight(database, bot, update_id) for update_id in wanted]
    return [one for one in found if one.update is not None or one.tries]


async def _flight(database: Database, bot: int, update_id: int) -> Flight:
    from core.telegram import recorder

    row = await database.fetchrow(
        "SELECT payload, received_at, error FROM core_inbox WHERE bot_id = $1 AND update_id = $2",
        bot,
        update_id,
    )
    flight = Flight(update_id, None)
    if row is not None:
        flight.update = orjson.loads(row["payload"]) or None  # blank once a person was erased
        flight.received_at, flight.error = row["received_at"], row["error"] or ""
    tries = await recorder.find(database, bot, updates=[update_id], limit=20)
    flight.tries = tries[::-1]
    for one in flight.tries:
        jobs = await database.fetch(
            "SELECT id, name, state, error FROM core_jobs WHERE trace = $1 ORDER BY id LIMIT 50",
            one.trace_id,
        )
        if jobs:
            flight.jobs[one.trace_id] = [dict(job) for job in jobs]
    return flight


def missing(
    updates: Collection[int], traces: Collection[str], found: Sequence[Flight]
) -> list[str]:
    """Those of which nothing is known."""
    ids = {one.update_id for one in found}
    seen = {attempt.trace_id for one in found for attempt in one.tries}
    unknown = [str(one) for one in updates if one not in ids]
    return unknown + [one for one in traces if one not in seen and not found]


# -- a line each ----------------------------------------------------------------------------------


def summary(one: Recording) -> dict[str, Any]:
    """A try on one line, without what people wrote."""
    steps = one.record.get("steps", ())
    claimed = [step[0] for step in steps if step[1] == "claimed"]
    return {
        "update": one.update_id,
        "kind": one.kind,
        "chat": one.chat_id or one.user_id or "",
        "try": one.attempt,
        "outcome": one.outcome,
        "began": _moment(one.began_at),
        "ms": round(one.seconds * 1000),
        "plugin": one.record.get("plugin") or ", ".join(claimed),
        "calls": len(one.record.get("calls", ())),
        "trace": one.trace_id,
    }


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


# -- a timeline -----------------------------------------------------------------------------------


def put(flight: Flight) -> None:
    """Print an update with all its tries."""
    out = terminal.console()
    out.print()
    at = f", received {_moment(flight.received_at)}" if flight.received_at else ""
    out.print(f"[bold]Update {flight.update_id}[/]{at}")
    if flight.update is not None:
        out.print(plain(f"  {_said(flight.update)}"))
    else:
        out.print(
            "  [dim]What was in it is forgotten: [intake] keep[/]".replace("[intake]", r"\[intake]")
        )
    if not flight.tries:
        out.print("  [dim]Nothing is recorded of it.[/]")
        if flight.error:
            out.print(plain(f"  {flight.error}"))
    for one in flight.tries:
        _put_try(one, flight.jobs.get(one.trace_id, ()))


def _put_try(one: Recording, jobs: Sequence[Mapping[str, Any]]) -> None:
    from rich.table import Table
    from rich.text import Text

    out = terminal.console()
    head = Text(f"\nTry {one.attempt}, {_moment(one.began_at)}, trace {one.trace_id}: ")
    head.append(one.outcome, style=_STYLES.get(one.outcome, "green"))
    head.append(f" after {_ms(one.seconds * 1000)}")
    out.print(head)
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="dim")
    table.add_column(overflow="fold")
    table.add_column(justify="right", style="dim")
    for at, what, ms, style in sorted(_timeline(one.record), key=lambda line: line[0]):
        table.add_row(f"{max(at, 0):.1f}", plain(what, style), _ms(ms) if ms is not None else "")
    out.print(table)
    for line in _afterwards(one.record, jobs):
        out.print(line)


def _timeline(record: Mapping[str, Any]) -> Iterator[tuple[float, str, float | None, str]]:
    """When (ms), what, how long (ms), style."""
    for plugin, (state, data) in record.get("dialogs", {}).items():
        yield -1.0, f"{plugin} is in a dialog: {state} {short(data)}", None, "cyan"
    for plugin, outcome, ms, at, *hook in record.get("steps", ()):
        style = "red" if outcome == "failed" else "dim" if outcome == "ignored" else ""
        what = f"{plugin} {outcome}" + (f" ({hook[0]})" if hook else "")
        yield at - ms, what, ms, style
    for call in record.get("calls", ()):
        style = "red" if "refusal" in call else "green"
        yield call["at"], f"→ {told(call)}", call.get("ms"), style
    for name, args, at in record.get("jobs", ()):
        yield at, f"queued {name} {short(args)}", None, "magenta"


def told(call: Mapping[str, Any], *, answer: bool = True) -> str:
    """A call on one line: to whom, what, and what Telegram said."""
    params = dict(call["params"])
    words = [str(call["method"])]
    if "chat_id" in params:
        words.append(f"to {params['chat_id']}")
    text = params.get("text") or params.get("caption")
    if text:
        words.append(f"«{_one_line(text)}»")
    rest = {name: value for name, value in params.items() if name not in _UNTOLD}
    if rest:
        words.append(short(rest))
    for name, file in call.get("files", {}).items():
        digest = f", sha256 {file['sha256'][:12]}…" if file.get("sha256") else ""
        words.append(f"[{name}: {file['name']}, {file['size']} bytes{digest}]")
    if answer:
        words.append(_answered(call))
    return " ".join(words)


def _answered(call: Mapping[str, Any]) -> str:
    if (refusal := call.get("refusal")) is not None:
        code = refusal.get("error_code") or "no answer"
        return f"= {code} {refusal.get('description', '')}"
    answer = call.get("answer")
    if isinstance(answer, dict) and "message_id" in answer:
        return f"= message {answer['message_id']}"
    return f"= {short(answer)}" if "answer" in call else "= no answer yet"


def _afterwards(record: Mapping[str, Any], jobs: Sequence[Mapping[str, Any]]) -> Iterator[Any]:
    if "error" in record:
        plugin = f"{record['plugin']}: " if record.get("plugin") else ""
        yield plain(f"  {plugin}{record['error']}", "red")
        for line in record.get("where", ()):
            yield plain(f"    {line}", "dim")
    if record.get("cut"):
        left = ", ".join(f"{number} {what}" for what, number in record["cut"].items())
        yield plain(f"  too large: long texts were shortened, {left or 'nothing'} left out", "dim")
    for job in jobs:
        error = f": {job['error']}" if job["error"] else ""
        yield plain(f"  job {job['id']} {job['name']} is {job['state']}{error}", "magenta")


def _said(update: Mapping[str, Any]) -> str:
    """An update on one line: what kind, from whom, what it says."""
    from core.telegram.inbox import kind_of

    kind = kind_of(update)
    event = update.get(kind)
    if not isinstance(event, dict):
        return kind or "of no known type"
    message = event.get("message") or {}
    chat = (event.get("chat") or message.get("chat") or {}).get("id", "")
    sender = (event.get("from") or {}).get("id", "")
    words = [kind, f"in chat {chat}" if chat else "", f"from {sender}" if sender else ""]
    said = event.get("text") or event.get("caption") or event.get("data") or event.get("query")
    if said:
        words.append(f"«{_one_line(str(said))}»")
    for name in ("document", "video", "audio", "voice", "photo", "sticker", "animation"):
        if name in event:
            file = event[name][-1] if name == "photo" else event[name]
            words.append(
                f"[{name}: {file.get('file_name', '')} {file.get('file_size', '?')} bytes]"
            )
    return " ".join(filter(None, words))


def _one_line(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _TEXT else f"{flat[:_TEXT]}…"


def short(value: Any) -> str:
    return _one_line(orjson.dumps(value).decode())


def _ms(ms: float) -> str:
    return f"{ms:.1f} ms" if ms < 1000 else f"{ms / 1000:.2f} s"


def plain(text: str, style: str = "") -> Any:
    from rich.text import Text

    from core import log

    return Text(log.redact(text), style=style)
