"""Logs: what stands in them, and what never does."""

from __future__ import annotations

import asyncio
import gc
import http.server
import io
import json
import logging
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core import log
from core.config import LogSettings

SECRET_PART = "AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"
TOKEN = f"123456789:{SECRET_PART}"


@dataclass
class Logs:
    stream: io.StringIO

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def last(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.text.splitlines()[-1])
        return event


@pytest.fixture
def logs() -> Iterator[Logs]:
    """JSON logs of this test; everything that `configure` changes is put back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    stream = io.StringIO()
    log.configure(LogSettings(level="info", format="json"), stream=stream)
    yield Logs(stream)
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level = handlers, level
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks


def leaked(text: str) -> str:
    """The first piece of the token's secret part that a text holds: six characters are enough."""
    pieces = (SECRET_PART[start : start + 6] for start in range(len(SECRET_PART) - 5))
    return next((piece for piece in pieces if piece in text), "")


# -- events -------------------------------------------------------------------------------------


def test_event_has_level_logger_time_and_fields(logs: Logs) -> None:
    log.get_logger("files").info("file stored", file_id=7, kinds=("a", "b"))
    event = logs.last
    assert event.pop("timestamp").endswith("Z")
    assert event == {
        "message": "file stored",
        "level": "info",
        "logger": "files",
        "file_id": 7,
        "kinds": ["a", "b"],
    }


def test_trace_id_goes_through_tasks_and_other_libraries(logs: Logs) -> None:
    async def job() -> None:
        log.get_logger("jobs").info("working")
        logging.getLogger("arq.worker").warning("from a library")

    async def update() -> str:
        trace = log.new_trace()
        with log.bind(chat=5):
            await asyncio.create_task(job())
        return trace

    trace = asyncio.run(update())
    for line in logs.text.splitlines():
        event = json.loads(line)
        assert (event["trace_id"], event["chat"]) == (trace, 5)
    assert log.trace_id.get() == ""


def test_bound_fields_end_with_the_block(logs: Logs) -> None:
    with log.bind(chat=5), log.bind(user=6):
        log.get_logger("x").info("inside", chat=7)
    log.get_logger("x").info("outside")
    inside, outside = (json.loads(line) for line in logs.text.splitlines())
    assert (inside["chat"], inside["user"]) == (7, 6)
    assert "chat" not in outside


def test_exceptions_are_texts(logs: Logs) -> None:
    try:
        raise ValueError("boom")
    except ValueError:
        log.get_logger("x").exception("failed")
    assert "ValueError: boom" in logs.last["exception"]


@pytest.mark.parametrize("name", ["asyncio", "aiogram", "arq", "tortoise", "httpx", "uvicorn"])
def test_libraries_are_routed_through(logs: Logs, name: str) -> None:
    logging.getLogger(name).error("of %s", name)
    assert logs.last["message"] == f"of {name}"
    assert logs.last["logger"] == name


def test_console_format_is_for_people() -> None:
    stream = io.StringIO()
    root = logging.getLogger()
    handlers = list(root.handlers)
    log.configure(LogSettings(level="info", format="console"), stream=stream)
    log.get_logger("x").info("file stored", file_id=7)
    root.handlers[:] = handlers
    assert "file stored" in stream.getvalue()
    assert "file_id=7" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_configuring_twice_does_not_double_lines(logs: Logs) -> None:
    again = io.StringIO()
    log.configure(LogSettings(level="info", format="json"), stream=again)
    log.get_logger("x").info("once")
    assert len(again.getvalue().splitlines()) == 1
    assert logs.text == ""


def test_nothing_is_imported_to_get_a_logger() -> None:
    code = (
        "import sys; from core import log; log.get_logger('x'); print('structlog' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# -- redaction ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        (f"https://api.telegram.org/bot{TOKEN}/getMe", "https://api.telegram.org/bot***/getMe"),
        (f"bot{TOKEN.replace(':', '%3A')}/x", "bot***/x"),
        ("key sk-proj-abcdefghijklmnopqrst.", "key ***."),
        ("sk-ant-api03-abcdefghijklmnopqrst", "***"),
        ("AKIAIOSFODNN7EXAMPLE", "***"),
        ("Authorization: Bearer abcdefghij", "Authorization: Bearer ***"),
        ("postgresql://ann:p@ss@db/x", "postgresql://ann:***@db/x"),
        ("redis://:hush@h:6379/0", "redis://:***@h:6379/0"),
        ("GET /?a=1&api_key=abcdef&b=2", "GET /?a=1&api_key=***&b=2"),
        ("{'openai_api_key': 'abcdef'}", "{'openai_api_key': '***'}"),
        ('{"password": "abcdef", "key": "jobs.slots"}', '{"password": "***", "key": "jobs.slots"}'),
        ("http://127.0.0.1:8080/path?mail=a@b.c", "http://127.0.0.1:8080/path?mail=a@b.c"),
        ("12 files at 10:30, 999999:short", "12 files at 10:30, 999999:short"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, safe: str) -> None:
    assert log.redact(text) == safe


def test_registered_values_are_masked_in_any_spelling() -> None:
    log.secret("correct horse/battery")
    assert log.redact("x correct horse/battery y") == "x *** y"
    assert log.redact("x=correct%20horse%2Fbattery") == "x=***"
    log.secret("abc")  # too short: it would blank out words
    assert log.redact("abc") == "abc"


def test_fields_with_secret_names_are_masked(logs: Logs) -> None:
    log.get_logger("x").info("e", token="a", nested={"api_key": b"b", "tokens": 3}, password="")
    event = logs.last
    assert event["token"] == "***"
    assert event["nested"] == {"api_key": "***", "tokens": 3}
    assert event["password"] == ""


# -- error paths: a token travels through each of them ---------------------------------------------


class Leaky:
    def __repr__(self) -> str:
        return f"<Leaky {TOKEN}>"

    def __del__(self) -> None:
        raise RuntimeError(TOKEN)


def _log_call() -> None:
    log.get_logger("x").error(f"calling https://api/bot{TOKEN}/x", url=TOKEN, o={"a": [TOKEN]})


def _log_exception() -> None:
    try:
        try:
            raise ConnectionError(f"https://api/bot{TOKEN}/getMe")
        except ConnectionError as error:
            raise ValueError(Leaky.__repr__(Leaky.__new__(Leaky))) from error
    except ValueError:
        log.get_logger("x").exception("failed", extra_value=TOKEN)


def _library_record() -> None:
    logging.getLogger("httpx").warning("HTTP Request: GET https://api/bot%s/getMe", TOKEN)


def _library_exception() -> None:
    try:
        raise OSError(TOKEN)
    except OSError:
        logging.getLogger("aiogram").exception("failed to fetch")


def _bad_record() -> None:
    logging.getLogger("x").error("%d", TOKEN)


def _in_thread() -> None:
    def work() -> None:
        raise RuntimeError(TOKEN)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def _uncaught() -> None:
    try:
        raise RuntimeError(TOKEN)
    except RuntimeError as error:
        sys.excepthook(RuntimeError, error, error.__traceback__)


def _task_nobody_awaits() -> None:
    async def fails() -> None:
        raise RuntimeError(TOKEN)

    async def main() -> None:
        task = asyncio.ensure_future(fails())
        await asyncio.sleep(0.01)
        del task
        gc.collect()

    asyncio.run(main())


def _callback_fails() -> None:
    def fails() -> None:
        raise RuntimeError(TOKEN)

    async def main() -> None:
        asyncio.get_running_loop().call_soon(fails)
        await asyncio.sleep(0.01)

    asyncio.run(main())


def _unraisable() -> None:
    leaky = Leaky()
    del leaky
    gc.collect()


def _warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn(f"odd answer of bot{TOKEN}", stacklevel=1)


def _bound_value() -> None:
    with log.bind(url=f"https://api/bot{TOKEN}/x"):
        log.get_logger("x").warning("bound")


def _stack() -> None:
    log.get_logger("x").warning("here", stack_info=True, dump={"Authorization": TOKEN})


IN_PROCESS: list[Callable[[], None]] = [
    _log_call,
    _log_exception,
    _library_record,
    _library_exception,
    _bad_record,
    _in_thread,
    _uncaught,
    _task_nobody_awaits,
    _callback_fails,
    _unraisable,
    _warning,
    _bound_value,
    _stack,
]


@pytest.mark.parametrize("path", IN_PROCESS, ids=lambda path: path.__name__.strip("_"))
@pytest.mark.parametrize("kind", ["json", "console"])
def test_error_paths_leak_nothing(
    logs: Logs, path: Callable[[], None], kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    log.configure(LogSettings.model_validate({"level": "info", "format": kind}), stream=logs.stream)
    # pytest's own handlers raise what a record that can't be formatted raises.
    root = logging.getLogger()
    root.handlers[:] = [one for one in root.handlers if type(one).__module__ == "core.log"]
    path()
    printed = "".join(capfd.readouterr())
    written = logs.text + printed
    assert written if path is _bad_record else log.MASK in written
    assert leaked(written) == ""


class _Rude(http.server.BaseHTTPRequestHandler):
    """A server whose errors quote the request: its path holds the token."""

    def do_POST(self) -> None:
        kind = self.headers["Host"].partition(".")[0]
        status, body = {
            "refuses": (
                401,
                json.dumps({"ok": False, "error_code": 401, "description": self.path}),
            ),
            "breaks": (500, f"<html>{self.path}</html>"),
            "babbles": (200, f"{self.path} is no JSON"),
        }[kind]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    do_GET = do_POST  # noqa: N815 - the name that http.server looks for

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        pass


@pytest.fixture(scope="module")
def rude() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Rude)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


PLUGIN = """
manifest = {"id": "leaky", "version": "1", "summary": "x", "api": ">=1,<2"}
import os
raise RuntimeError("can't log in with " + os.environ["BOT_TOKEN"])
"""

# Command, further variables. `{port}` is the rude server's; localhost names choose its answer.
COMMANDS = {
    "check a malformed token": ("config check", {"BOT_TOKEN": f"{TOKEN} "}),
    "a token as a number": ("config check", {"PLUGRAM_JOBS__SLOTS": TOKEN}),
    "a token as a choice": ("config check", {"PLUGRAM_LOG__LEVEL": TOKEN}),
    "a token as a key": ("config check", {"PLUGRAM_PLUGINS__X": TOKEN}),
    "two tokens": ("config check", {"TELEGRAM_TOKEN": f"7{TOKEN}"}),
    "explain": ("config explain BOT_TOKEN", {}),
    "explain as JSON": ("config explain bot --json", {}),
    "show": ("config show", {}),
    "show as JSON": ("config show --json", {}),
    "nobody listens": ("doctor", {"TELEGRAM_API_BASE": "http://127.0.0.1:9"}),
    "no TLS there": ("doctor", {"TELEGRAM_API_BASE": "https://127.0.0.1:{port}"}),
    "refused": ("doctor", {"TELEGRAM_API_BASE": "http://refuses.localhost:{port}"}),
    "server error": ("doctor", {"TELEGRAM_API_BASE": "http://breaks.localhost:{port}"}),
    "no JSON": ("doctor", {"TELEGRAM_API_BASE": "http://babbles.localhost:{port}"}),
    "a plugin that quotes it": ("plugins check", {"PLUGRAM_PLUGINS__PATHS": "{root}/leaky.py"}),
    "the password of a database": ("db status", {"DATABASE_URL": f"postgres://u:{SECRET_PART}@127.0.0.1:9/d"}),
    "of a database nobody knows": ("config check", {"DATABASE_URL": f"mysql://u:{SECRET_PART}@h/d"}),
    "the password of a Redis": ("doctor", {"REDIS_URL": f"redis://:{SECRET_PART}@127.0.0.1:9"}),
    "a token as an argument": (f"jobs show {TOKEN}", {}),
    "a token as a command": (TOKEN, {}),
}  # fmt: skip


@pytest.mark.parametrize("what", COMMANDS)
def test_commands_leak_nothing(tmp_path: Path, rude: int, what: str) -> None:
    (tmp_path / "leaky.py").write_text(PLUGIN)
    command, variables = COMMANDS[what]
    more = {
        name: value.replace("{port}", str(rude)).replace("{root}", str(tmp_path))
        for name, value in variables.items()
    }
    done = subprocess.run(
        [sys.executable, "-m", "core", *command.split()],
        env={"PATH": os.environ["PATH"], "PLUGRAM_ROOT": str(tmp_path), "BOT_TOKEN": TOKEN, **more},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout + done.stderr
    assert leaked(done.stdout + done.stderr) == ""
