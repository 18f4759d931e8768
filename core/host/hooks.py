"""Hooks: pluggy registers, validates and orders; this file awaits.

Each call of each plugin is alone: a time-out, a barrier for exceptions, and a circuit breaker that
pauses a plugin after too many failures and lets it try again later. Code that blocks the event loop
can't be interrupted from inside it; the time-out is for code that awaits.

The spec function is the argument, so a type checker knows names and results:
`await hooks.emit(specs.on_file_stored, file=file)`.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, cast

import pluggy

from core import trace as tracing
from core.errors import (
    Conflict,
    DatabaseAway,
    DatabaseReadOnly,
    DiskFull,
    Forbidden,
    HookError,
    LockedError,
    PluginError,
    RetryAfter,
    TelegramAway,
    Unauthorized,
    UserError,
    storable,
)
from core.host import hookspecs
from core.log import get_logger
from core.sources import nearest
from core.trace import Trace

if TYPE_CHECKING:
    from pluggy import HookImpl

    from core.host.plugin import Context, Plugin

P = ParamSpec("P")
R = TypeVar("R")
V = TypeVar("V")

if TYPE_CHECKING:
    Spec = Callable[Concatenate[Context, P], Awaitable[R]]

log = get_logger("hooks")

BLAMELESS: tuple[type[BaseException], ...] = (
    Conflict,
    DatabaseAway,
    DatabaseReadOnly,
    DiskFull,
    Forbidden,
    HookError,
    LockedError,
    RetryAfter,
    TelegramAway,
    Unauthorized,
    UserError,
)
"""Failures that say nothing about the plugin's code: a person's typing, or a service that is away.
They are logged, and no breaker opens for them."""

DELIVER_PATIENCE = 12
"""`deliver` waits this many times the usual time-out: it runs in a worker, where nobody waits."""


class HookSettings(Protocol):
    """The `[hooks]` section, in seconds."""

    @property
    def timeout(self) -> float: ...
    @property
    def breaker_failures(self) -> int: ...
    @property
    def breaker_window(self) -> float: ...
    @property
    def breaker_pause(self) -> float: ...
    @property
    def trace(self) -> bool: ...


# -- the breaker ----------------------------------------------------------------------------------


class Breaker:
    """Pauses a plugin: open after `breaker_failures` within `breaker_window`, for `breaker_pause`.

    After the pause it is half open: calls pass again, the first success closes it, the first
    failure opens it anew. The dispatcher's gate and hooks ask and tell the same one; workers ask it
    before they take a job; the watchdog opens it.
    """

    def __init__(
        self,
        plugin_id: str,
        settings: HookSettings,
        clock: Callable[[], float],
        opened: Callable[[str, str, str], None],
    ) -> None:
        """`opened(plugin_id, reason, cause)` is called each time that it opens."""
        self.plugin_id = plugin_id
        self._settings = settings
        self._clock = clock
        self._opened = opened
        self._failures: deque[float] = deque()
        self._until: float | None = None

    @property
    def state(self) -> str:
        """`closed`, `open` or `half-open`."""
        if self._until is None:
            return "closed"
        return "open" if self._clock() < self._until else "half-open"

    def allows(self) -> bool:
        """May the plugin act now?"""
        return self._until is None or self._clock() >= self._until

    def success(self) -> None:
        if self.state == "half-open":
            self._until = None
            self._failures.clear()
            log.info("plugin works again", plugin=self.plugin_id)

    def failure(self, error: BaseException) -> None:
        """Count a failure; those that aren't the plugin's fault don't count."""
        state = self.state
        if isinstance(error, BLAMELESS) or state == "open":
            return
        now = self._clock()
        self._failures.append(now)
        while self._failures[0] < now - self._settings.breaker_window:
            self._failures.popleft()
        if state == "half-open" or len(self._failures) >= self._settings.breaker_failures:
            self._open_for(now, error)

    def trip(self, why: str, cause: str) -> None:
        """Open at once, for what harms everybody. `cause`: what stays the same next time."""
        self._open(self._clock(), why, cause)

    def _open_for(self, now: float, error: BaseException) -> None:
        window = self._settings.breaker_window
        why = (
            f"{len(self._failures)} failures within {window:g} s; the last one: {described(error)}"
        )
        self._open(now, why, blamed(error))

    def _open(self, now: float, why: str, cause: str) -> None:
        pause = self._settings.breaker_pause
        self._until = now + pause
        self._failures.clear()
        reason = f"paused for {pause:g} s after {why}"
        log.error("plugin paused", plugin=self.plugin_id, reason=reason)
        self._opened(self.plugin_id, reason, f"breaker:{cause}")


def described(error: BaseException) -> str:
    """An exception in one line, for people."""
    return f"{type(error).__name__}: {storable(error)}".rstrip(": ")


def blamed(error: BaseException) -> str:
    """What stays the same when the same thing fails again: the type, and the line that raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    code = trace.tb_frame.f_code
    return f"{type(error).__name__}:{code.co_name}:{trace.tb_lineno}"


_NOT_TRACED = nullcontext()


# -- the hooks ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Veto(Generic[R]):
    """Who said no, and the answer that said it."""

    plugin_id: str
    answer: R


@dataclass(frozen=True, slots=True)
class _Heard:
    """How one plugin took one call."""

    plugin_id: str
    answer: Any = None
    failure: str = ""


class Hooks:
    """All hooks of the loaded plugins."""

    def __init__(
        self,
        settings: HookSettings,
        *,
        specs: ModuleType | type = hookspecs,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(specs)
        self._plugins: dict[str, Plugin] = {}
        self._breakers: dict[str, Breaker] = {}
        self._told: set[tuple[str, str]] = set()
        self._reports: set[asyncio.Task[None]] = set()
        self._check_specs()

    # -- registering

    def register(self, plugin: Plugin) -> None:
        """Take in a plugin's implementations. Raises PluginError, and then nothing of it stays."""
        try:
            self._manager.register(_implementing(plugin.module), name=plugin.id)
            self._check_names(plugin)
            for spec, impl in self._implementations(plugin):
                _check_implementation(spec, impl)
        except (pluggy.PluginValidationError, ValueError, PluginError) as error:
            self._manager.unregister(name=plugin.id)
            raise PluginError(
                f"plugin {plugin.id}: {' '.join(str(error).split())}",
                hint="the hook reference is docs/hooks.md",
            ) from None
        self._plugins[plugin.id] = plugin
        plugin.gate = self.breaker(plugin.id).allows

    def unregister(self, plugin_id: str) -> None:
        """Forget a plugin; one that isn't registered is no error."""
        self._manager.unregister(name=plugin_id)
        self._plugins.pop(plugin_id, None)

    def breaker(self, plugin_id: str) -> Breaker:
        """The plugin's breaker, for whoever runs its code: ask `allows()`, tell `success()` or
        `failure(error)`."""
        if plugin_id not in self._breakers:
            self._breakers[plugin_id] = Breaker(
                plugin_id, self._settings, self._clock, self._breaker_opened
            )
        return self._breakers[plugin_id]

    # -- registration hooks

    def declared(self, plugin: Plugin, spec: Callable[..., R]) -> R | None:
        """What one plugin answers to a registration hook, or None if it doesn't implement it.
        Its exceptions pass through: the loader decides."""
        own = self._manager.get_plugin(plugin.id)
        others = [other for other in self._manager.get_plugins() if other is not own]
        answers = self._manager.subset_hook_caller(spec.__name__, others)(ctx=plugin.ctx)
        return answers[0] if answers else None

    # -- runtime hooks

    async def emit(
        self,
        spec: Spec[P, R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> list[R]:
        """Tell all plugins, in load order. Returns what they answered, None left out; failures are
        logged and cost the others nothing."""
        heard = await self._tell(spec, args, kwargs, self._settings.timeout)
        return [one.answer for one in heard if one.answer is not None]

    async def deliver(
        self,
        spec: Spec[P, R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> list[R]:
        """Like `emit`, for what must not get lost: when everybody was told, raises HookError if
        somebody failed or is paused. For jobs, whose attempts then tell them again."""
        patience = self._settings.timeout * DELIVER_PATIENCE
        heard = await self._tell(spec, args, kwargs, patience)
        failed = {one.plugin_id: one.failure for one in heard if one.failure}
        if failed:
            raise HookError(spec.__name__, failed)
        return [one.answer for one in heard if one.answer is not None]

    async def first(
        self,
        spec: Spec[P, R | None],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R | None:
        """The first answer that isn't None; the plugins after it aren't asked."""
        heard = await self._tell(
            spec, args, kwargs, self._settings.timeout, until=lambda answer: answer is not None
        )
        answer: R | None = heard[-1].answer if heard else None
        return answer

    async def pipeline(
        self,
        spec: Callable[Concatenate[Context, V, P], Awaitable[V | None]],
        value: V,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> V:
        """Hand a value (the spec's first argument after `ctx`) from plugin to plugin; None leaves
        it as it is, and so does a failure."""
        name, given = _bound(spec, (value, *args), kwargs)
        carried = next(iter(given))
        with self.trace("hook", hook=name):
            for plugin, impl in self._listeners(name):
                heard = await self._call(plugin, impl, name, given, self._settings.timeout)
                if heard.answer is not None:
                    given[carried] = heard.answer
        result: V = given[carried]
        return result

    async def veto(
        self,
        spec: Spec[P, R | None],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Veto[R] | None:
        """The first objection, or None: any answer objects. A plugin that fails doesn't."""
        heard = await self._tell(
            spec, args, kwargs, self._settings.timeout, until=lambda answer: answer is not None
        )
        last = heard[-1] if heard else None
        return Veto(last.plugin_id, last.answer) if last and last.answer is not None else None

    async def guard(
        self,
        spec: Spec[P, R | None],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Veto[R] | None:
        """Like `veto`, without barrier, breaker and gate: whoever fails raises, and so objects."""
        name, given = _bound(spec, args, kwargs)
        for plugin, impl in self._listeners(name):
            started = time.perf_counter()
            async with asyncio.timeout(self._settings.timeout):
                answer = await _invoke(impl, {"ctx": plugin.ctx, **given})
            took = time.perf_counter() - started
            self.step(plugin.id, "heard" if answer is None else "answered", took, name)
            if answer is not None:
                return Veto(plugin.id, answer)
        return None

    def is_heard(self, spec: Callable[..., Any]) -> bool:
        """Whether any plugin implements a hook."""
        return bool(self._caller(spec.__name__).get_hookimpls())

    async def call(
        self, plugin: Plugin, spec: Callable[..., Awaitable[Any]], seconds: float
    ) -> None:
        """One plugin, within `seconds`; its exceptions pass. For start and stop."""
        for listener, impl in self._listeners(spec.__name__):
            if listener is plugin:
                await _limited(_invoke(impl, {"ctx": plugin.ctx}), seconds, spec.__name__)

    # -- telling about quarantine

    async def report_quarantine(self, plugin_id: str, reason: str, cause: str) -> None:
        """Emit on_plugin_quarantined, once per cause."""
        if (plugin_id, cause) not in self._told:
            self._told.add((plugin_id, cause))
            await self.emit(
                hookspecs.on_plugin_quarantined, plugin_id=plugin_id, reason=reason, cause=cause
            )

    async def settle(self) -> None:
        """Wait for the reports that are under way."""
        while self._reports:
            await asyncio.gather(*self._reports)

    def _breaker_opened(self, plugin_id: str, reason: str, cause: str) -> None:
        try:
            task = asyncio.create_task(self.report_quarantine(plugin_id, reason, cause))
        except RuntimeError:  # no loop runs here; the log has it
            return
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)

    # -- tracing

    def trace(self, subject: str, *, hook: str = "", **facts: Any) -> AbstractContextManager[None]:
        """Around an update or a hook: with `[hooks] trace`, how plugins took it is a line of the
        log. `hook`: its name, for its own steps alone."""
        if not self._settings.trace:
            return _NOT_TRACED
        return self._logged(subject, hook, facts)

    @contextmanager
    def _logged(self, subject: str, hook: str, facts: dict[str, Any]) -> Iterator[None]:
        begun = tracing.current() is None
        if begun:
            tracing.start(Trace())
        found = tracing.current() or Trace()
        first, started = len(found.steps), time.perf_counter()
        try:
            yield
        finally:
            if begun:
                tracing.start(None)
            took = round((time.perf_counter() - started) * 1000, 1)
            steps = tracing.told(step for step in found.steps[first:] if step.hook == hook)
            if hook:
                facts["hook"] = hook
            log.info("trace", subject=subject, plugins=steps, ms=took, **facts)

    @staticmethod
    def step(plugin_id: str, outcome: str, seconds: float = 0.0, hook: str = "") -> None:
        """Note in the current trace how a plugin took something: `claimed`, `ignored`, `paused`,
        `failed`."""
        trace = tracing.current()
        if trace is not None:
            trace.step(plugin_id, outcome, seconds, hook)

    # -- inside

    async def _tell(
        self,
        spec: Callable[..., Awaitable[Any]],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        seconds: float,
        until: Callable[[Any], bool] = lambda answer: False,
    ) -> list[_Heard]:
        name, given = _bound(spec, args, kwargs)
        heard: list[_Heard] = []
        whom = hookspecs.WHOM.get(name)
        user, chat = whom(given) if whom else (None, None)
        with self.trace("hook", hook=name):
            for plugin, impl in self._listeners(name):
                if not plugin.flags.enabled(plugin.id, user, chat):
                    self.step(plugin.id, "off")
                    continue
                heard.append(await self._call(plugin, impl, name, given, seconds))
                if until(heard[-1].answer):
                    break
        return heard

    def _listeners(self, name: str) -> Sequence[tuple[Plugin, HookImpl]]:
        """Implementations in load order, `tryfirst` before and `trylast` after the others."""
        impls = {impl.plugin_name: impl for impl in self._caller(name).get_hookimpls()}
        found = [(plugin, impls[id_]) for id_, plugin in self._plugins.items() if id_ in impls]
        return sorted(found, key=lambda pair: pair[1].trylast - pair[1].tryfirst)

    def _caller(self, name: str) -> pluggy.HookCaller:
        caller: pluggy.HookCaller = getattr(self._manager.hook, name)
        return caller

    async def _call(
        self, plugin: Plugin, impl: HookImpl, name: str, given: Mapping[str, Any], seconds: float
    ) -> _Heard:
        breaker = self.breaker(plugin.id)
        if not plugin.gate():
            self.step(plugin.id, "paused", hook=name)
            return _Heard(plugin.id, failure="paused")
        started = time.perf_counter()
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                answer = await _invoke(impl, {"ctx": plugin.ctx, **given})
        except Exception as error:  # the barrier: one plugin never breaks another
            took = time.perf_counter() - started
            breaker.failure(error)
            self.step(plugin.id, "failed", took, name)
            late = limit.expired()
            why = f"no end within {seconds:g} s" if late else described(error)
            log.error("hook failed", plugin=plugin.id, hook=name, error=why, exc_info=not late)
            _observe(name, plugin.id, took, failed=True)
            return _Heard(plugin.id, failure=why)
        took = time.perf_counter() - started
        breaker.success()
        self.step(plugin.id, "heard" if answer is None else "answered", took, name)
        _observe(name, plugin.id, took, failed=False)
        return _Heard(plugin.id, answer)

    def _check_names(self, plugin: Plugin) -> None:
        """What pluggy's `check_pending` refuses, said with the hook that was probably meant."""
        own = self._manager.get_plugin(plugin.id)
        known = [name for name, one in vars(self._manager.hook).items() if _is_known(name, one)]
        for caller in self._manager.get_hookcallers(own) or ():
            if caller.has_spec():
                continue
            if any(not one.optionalhook for one in caller.get_hookimpls() if one.plugin is own):
                raise PluginError(f"unknown hook '{caller.name}'{nearest(caller.name, known)}")

    def _implementations(self, plugin: Plugin) -> Iterator[tuple[Callable[..., Any], HookImpl]]:
        own = self._manager.get_plugin(plugin.id)
        for caller in self._manager.get_hookcallers(own) or ():
            if caller.spec is None:  # an optional hook of a newer host
                continue
            for impl in caller.get_hookimpls():
                if impl.plugin is own:
                    yield caller.spec.function, impl

    def _check_specs(self) -> None:
        for name, caller in vars(self._manager.hook).items():
            if caller.spec is None or not inspect.iscoroutinefunction(caller.spec.function):
                continue
            if caller.spec.opts.get("firstresult") or caller.spec.opts.get("historic"):
                raise PluginError(f"hook {name}: an async hook can't be firstresult or historic")


def _is_known(name: str, caller: pluggy.HookCaller) -> bool:
    return not name.startswith("_") and caller.has_spec()


def _bound(
    spec: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """The hook's name, and the arguments by name in the spec's order, without `ctx`."""
    bound = _signature(spec).bind(None, *args, **kwargs)
    bound.apply_defaults()
    given = dict(bound.arguments)
    given.pop("ctx", None)
    return spec.__name__, given


def _implementing(module: ModuleType) -> ModuleType:
    """The marked functions of a module alone, those too that a submodule of their name hides, and
    those that it imported."""
    marker = f"{hookspecs.PROJECT}_impl"
    own = vars(module).get(hookspecs.MARKED, {})
    found = {
        name: one
        for name, one in vars(module).items()
        if hasattr(one, marker) and one not in own.values()
    }
    found |= own
    namespace = ModuleType(module.__name__)
    vars(namespace).update(found)
    return namespace


_signature = cache(inspect.signature)


async def _invoke(impl: HookImpl, given: Mapping[str, Any]) -> Any:
    """Call an implementation with the arguments that it names."""
    function = cast("Callable[..., Awaitable[Any]]", impl.function)
    try:
        return await function(**{name: given[name] for name in impl.argnames})
    except SystemExit as error:  # it would end the process
        raise PluginError(f"called sys.exit({error.code!r})") from error


async def _limited(work: Coroutine[Any, Any, None], seconds: float, what: str) -> None:
    """Unlike asyncio.timeout this ends in time even if the work swallows its cancellation."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        late = not task.done()
        task.cancel()
    if late:
        raise PluginError(f"{what} didn't end within {seconds:g} s")
    await task


def _check_implementation(spec: Callable[..., Any], impl: HookImpl) -> None:
    """What pluggy doesn't check. Raises PluginError."""
    where = f"its hook {spec.__name__}"
    if impl.wrapper or impl.hookwrapper:
        raise PluginError(f"{where} is a wrapper: plugins don't wrap each other's hooks")
    wanted = inspect.iscoroutinefunction(spec)
    if wanted and not inspect.iscoroutinefunction(impl.function):
        raise PluginError(f"{where} must be `async def`")
    if not wanted and (
        inspect.iscoroutinefunction(impl.function) or inspect.isasyncgenfunction(impl.function)
    ):
        raise PluginError(f"{where} must be a plain `def`: it runs once, at load")
    names = list(inspect.signature(impl.function).parameters)
    unfilled = [name for name in names if name not in impl.argnames]
    if unfilled:
        raise PluginError(
            f"{where}: {', '.join(unfilled)} would never be given: arguments of a hook have plain "
            "names, no default, no star"
        )


def _observe(hook: str, plugin_id: str, seconds: float, *, failed: bool) -> None:
    from core.metrics import counter, histogram

    histogram("hook_seconds", "Time in hooks", "hook", "plugin").labels(hook, plugin_id).observe(
        seconds
    )
    if failed:
        counter("hook_failures", "Hooks that failed", "hook", "plugin").labels(
            hook, plugin_id
        ).inc()
