"""Structured logs: a trace id through everything, and no secret anywhere.

Two walls keep secrets out. Values that are known to be secret are registered (`secret`), and
whatever looks like one is recognised by its shape. Both are applied to the fields of an event and
once more to the finished line, so that exception texts and records of other libraries pass too.

structlog is imported at first use: commands that log nothing don't pay for it.
"""

from __future__ import annotations

import json
import logging
import os
import random
import re
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TextIO, cast
from urllib.parse import quote

if TYPE_CHECKING:
    import structlog

MASK = "***"

_random = random.Random()  # noqa: S311 - for numbers of traces
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)

trace_id: ContextVar[str] = ContextVar("trace_id", default="")
"""Of the update, job or request that is being worked on; empty outside of one."""

_bound: ContextVar[Mapping[str, Any]] = ContextVar("bound_log_fields", default={})  # noqa: B039 - never mutated


def new_trace() -> str:
    """Starts a trace in the current context and returns its id (16 hexadecimal digits)."""
    # Once per update: no secret, so it needn't come from the system's source, which costs a call.
    trace = f"{_random.getrandbits(64):016x}"
    trace_id.set(trace)
    return trace


@contextmanager
def bind(**fields: Any) -> Iterator[None]:
    """Adds fields to every event logged inside, in this task and in those it starts."""
    token = _bound.set({**_bound.get(), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


# -- redaction ----------------------------------------------------------------------------------

# What secrets look like. Each shape is only looked for where its needle occurs: ordinary lines hold
# few needles, and a search for a plain string costs next to nothing.
_SHAPES: tuple[tuple[str, re.Pattern[str], str], ...] = tuple(
    (needle, re.compile(pattern), replacement)
    for needle, pattern, replacement in (
        # A bot token as a part of a URL.
        ("%3", r"\d{6,}%3[Aa][A-Za-z0-9_-]{30,}", MASK),
        # Keys of OpenAI and Anthropic, AWS, GitHub, Slack; JSON web tokens.
        ("sk-", r"\bsk-[A-Za-z0-9_-]{16,}", MASK),
        ("IA", r"\bA[KS]IA[0-9A-Z]{16}\b", MASK),
        ("gh", r"\bgh[pousr]_[A-Za-z0-9]{20,}", MASK),
        ("xox", r"\bxox[abeprs]-[A-Za-z0-9-]{10,}", MASK),
        ("eyJ", r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*", MASK),
        ("earer ", r"(?i)\bbearer +[A-Za-z0-9._~+/=-]{8,}", f"Bearer {MASK}"),
        ("asic ", r"(?i)\bbasic +[A-Za-z0-9+/=]{8,}", f"Basic {MASK}"),
        # user:password@host; a password may hold an unquoted @ but no slash.
        ("://", r"(://[^\s:/@'\"]*:)[^\s/'\"]+@", rf"\1{MASK}@"),
        # key=value in a query or a command line, "key": "value" in JSON or a repr.
        (
            "=",
            r"(?i)((?:password|passwd|secret|token|signature|credential|api[_-]?key|access[_-]?key)"
            r"=)[^\s&'\",;]{4,}",
            rf"\1{MASK}",
        ),
        *(
            (
                needle,
                rf"(?i)(['\"][\w-]*{needle}['\"]\s*:\s*b?['\"])[^'\"]{{4,}}",
                rf"\1{MASK}",
            )
            for needle in ("password", "secret", "token", "_key", "authorization")
        ),
    )
)
# A bot token. JSON is full of colons, so what is looked for is a colon with a token's tail.
_TOKEN = re.compile(r"\d{6,}:[A-Za-z0-9_-]{30,}")
_TOKENS_TAIL = re.compile(r":[A-Za-z0-9_-]{30}")
_SECRET_FIELD = re.compile(
    r"(?i)(^|_)(password|passwd|secret|token|api_?key|api_?hash|access_?key|encryption_?key|"
    r"authorization|cookie|"
    r"session_string)$"
)
# Shorter values would blank out ordinary words wherever they occur.
_SHORTEST = 6

_registered: set[str] = set()
_registered_pattern: re.Pattern[str] | None = None
_lock = threading.Lock()


def secret(value: str) -> None:
    """Registers a value that must never be printed. Values under 6 characters are ignored."""
    global _registered_pattern
    if len(value) < _SHORTEST:
        return
    with _lock:
        spellings = {value, quote(value, safe=""), repr(value)[1:-1], json.dumps(value)[1:-1]}
        if spellings <= _registered:
            return
        _registered.update(spellings)
        longest_first = sorted(_registered, key=len, reverse=True)
        _registered_pattern = re.compile("|".join(map(re.escape, longest_first)))


def redact(text: str) -> str:
    """The text with everything that is, or looks like, a secret replaced by `***`."""
    if _registered_pattern is not None:
        text = _registered_pattern.sub(MASK, text)
    if _TOKENS_TAIL.search(text):
        text = _TOKEN.sub(MASK, text)
    for needle, shape, replacement in _SHAPES:
        if needle in text:
            text = shape.sub(replacement, text)
    return text


def holds_secret(text: str) -> bool:
    """Whether `redact` would find something: a quick look, for much text that holds nothing."""
    if _TOKENS_TAIL.search(text):
        return True
    for value in _registered:  # a loop, which costs half of what `any` does
        if value in text:
            return True
    for needle, shape, _ in _SHAPES:  # noqa: SIM110 - the same
        if needle in text and shape.search(text):
            return True
    return False


def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds a secret: `token`, `openai_api_key`, …"""
    return _SECRET_FIELD.search(name) is not None


def clean(value: object, name: str = "") -> object:
    """A value for an event, redacted: texts and containers inside, other objects by their repr."""
    if isinstance(value, bool | int | float | None):
        return value
    if isinstance(value, str | bytes) and is_secret_name(name):
        return MASK if value else ""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {str(key): clean(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [clean(item, name) for item in value]
    return redact(repr(value))


# -- output -------------------------------------------------------------------------------------


class LogSettings(Protocol):
    @property
    def level(self) -> str: ...
    @property
    def format(self) -> str: ...


class _Handler(logging.Handler):
    """Writes lines to a stream, or to whatever standard error is at that moment."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__()
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        try:
            stream = self._stream or sys.stderr
            stream.write(self.format(record) + "\n")
            stream.flush()
        except RecursionError:
            raise
        except Exception:  # noqa: BLE001 - logging must not break what it reports on
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """The standard one prints the record's arguments as they are, secrets too."""
        with suppress(Exception):
            lines = redact(traceback.format_exc())
            sys.stderr.write(f"a log record of {record.name} can't be written:\n{lines}")


def configure(settings: LogSettings, *, stream: TextIO | None = None) -> None:
    """Routes structlog and the standard library's logging through one redacting pipeline.

    Replaces what libraries installed before; uncaught exceptions end here too. May be called again.
    """
    import structlog

    fields: list[Any] = [
        structlog.contextvars.merge_contextvars,
        _add_context,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *fields,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = _Handler(stream)
    terminal = (stream or sys.stderr).isatty()
    handler.setFormatter(_formatter(settings.format, terminal, fields))
    _take_over(handler, settings.level.upper())
    _catch_uncaught()


def _formatter(kind: str, terminal: bool, fields: list[Any]) -> logging.Formatter:
    import structlog

    class Redacting(structlog.stdlib.ProcessorFormatter):
        def format(self, record: logging.LogRecord) -> str:
            return redact(super().format(record))

    return Redacting(
        foreign_pre_chain=fields,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _redact_event,
            *_renderers(kind, terminal),
        ],
    )


def _renderers(kind: str, terminal: bool) -> list[Any]:
    import structlog

    if kind == "console" or (kind == "auto" and terminal):
        return [
            structlog.dev.ConsoleRenderer(
                colors=terminal, exception_formatter=structlog.dev.plain_traceback
            )
        ]
    return [
        structlog.processors.EventRenamer("message"),
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]


def _add_context(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in _bound.get().items():
        event.setdefault(name, value)
    if trace := trace_id.get():
        event.setdefault("trace_id", trace)
    return event


def _redact_event(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: clean(value, name) for name, value in event.items()}


# At info these tell of every request; what they have to say there, our own events say with context.
_CHATTY = ("aiogram", "aiogram.event", "asyncio", "httpcore", "httpx", "tortoise", "uvicorn")


def _take_over(handler: logging.Handler, level: str) -> None:
    root = logging.getLogger()
    for old in list(root.handlers):
        # Exactly these types: a test runner's capturing handlers are subclasses and stay.
        if type(old) in (logging.StreamHandler, _Handler):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger) and "pytest" not in name:
            logger.handlers.clear()
            logger.propagate = True
            logger.disabled = False
    quiet = max(logging.WARNING, root.level) if root.level > logging.DEBUG else logging.NOTSET
    for name in (*_CHATTY, "uvicorn.access", "uvicorn.error"):
        logging.getLogger(name).setLevel(quiet)
    logging.captureWarnings(capture=True)


def _catch_uncaught() -> None:
    log = logging.getLogger("plugram")

    def uncaught(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if not issubclass(kind, Exception):  # Ctrl-C and exits are no faults
            sys.__excepthook__(kind, error, trace)
            return
        log.critical("uncaught exception", exc_info=(kind, error, trace))

    def in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            uncaught(args.exc_type, args.exc_value, args.exc_traceback)

    def unraisable(args: sys.UnraisableHookArgs) -> None:
        if args.exc_value is not None:
            info = (args.exc_type, args.exc_value, args.exc_traceback)
            log.error("ignored exception in %r", args.object, exc_info=info)

    sys.excepthook = uncaught
    threading.excepthook = in_thread
    sys.unraisablehook = unraisable


@dataclass(frozen=True)
class _Unconfigured:
    """How to log before `configure`: structlog's own default prints unredacted to stdout."""

    level: str = "warning"
    format: str = "auto"


class _LazyLogger:
    """Becomes structlog's logger of that name when something is logged."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return getattr(self._logger, attribute)

    @cached_property
    def _logger(self) -> Any:
        import structlog

        if not structlog.is_configured():
            configure(_Unconfigured())
        return structlog.stdlib.get_logger(self._name)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """`log = get_logger(__name__)`; then `log.info("file stored", file_id=7)`."""
    return cast("structlog.stdlib.BoundLogger", _LazyLogger(name))
