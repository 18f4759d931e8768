from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from core.errors import DatabaseAway, HookError, PluginError, UserError
from core.host import hooks as hooks_module
from core.host.hooks import Hooks, Veto, described
from core.host.hookspecs import hookimpl, hookspec, on_file_searchable, on_ready, on_startup
from core.host.plugin import Context, Plugin
from tests.core.kit import Clock, Knobs, plugin


class Specs:
    """Hooks of every style, beside those that report quarantine."""

    @staticmethod
    @hookspec
    async def on_event(ctx: Context, what: str) -> None:
        """Something happened."""

    @staticmethod
    @hookspec
    async def pick(ctx: Context, what: str) -> str | None:
        """The first answer counts."""
        return None

    @staticmethod
    @hookspec
    async def rewrite(ctx: Context, text: str, loud: bool = False) -> str | None:
        """From plugin to plugin."""
        return None

    @staticmethod
    @hookspec
    async def allow(ctx: Context, size: int) -> str | None:
        """May object."""
        return None

    @staticmethod
    @hookspec
    def things(ctx: Context) -> list[str]:
        """Declared at load."""
        return []

    @staticmethod
    @hookspec
    async def on_plugin_quarantined(ctx: Context, plugin_id: str, reason: str, cause: str) -> None:
        """As in core.host.hookspecs."""


@pytest.fixture
def knobs() -> Knobs:
    return Knobs(timeout=0.05)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hooks(knobs: Knobs, clock: Clock) -> Hooks:
    return Hooks(knobs, specs=Specs, clock=clock)


def register(hooks: Hooks, plugin_id: str, **functions: Callable[..., Any]) -> Plugin:
    made = plugin(plugin_id, **{name: hookimpl(one) for name, one in functions.items()})
    hooks.register(made)
    return made


# -- registering ----------------------------------------------------------------------------------


async def misspelt(ctx: Context) -> None: ...


async def asks_too_much(ctx: Context, who: str) -> None: ...


def not_async(ctx: Context, what: str) -> None: ...


async def async_declaration(ctx: Context) -> list[str]:
    return []


async def with_default(ctx: Context, what: str = "") -> None: ...


async def keyword_only(ctx: Context, *, what: str) -> None: ...


@pytest.mark.parametrize(
    ("name", "function", "said"),
    [
        ("on_evnt", misspelt, "unknown hook 'on_evnt'; did you mean on_event?"),
        ("on_event", asks_too_much, "who"),
        ("on_event", not_async, "on_event must be `async def`"),
        ("things", async_declaration, "things must be a plain `def`"),
        ("on_event", with_default, "what would never be given"),
        ("on_event", keyword_only, "what would never be given"),
    ],
)
def test_wrong_implementation_is_refused_and_leaves_nothing(
    hooks: Hooks, name: str, function: Callable[..., Any], said: str
) -> None:
    made = plugin("broken", **{name: hookimpl(function)})
    with pytest.raises(PluginError, match="broken") as caught:
        hooks.register(made)
    assert said in str(caught.value)
    # The way is free for a mended version, and the others register as ever.
    hooks.register(plugin("broken"))
    hooks.register(plugin("sound"))


@pytest.mark.parametrize("options", [{"wrapper": True}, {"hookwrapper": True}])
def test_wrappers_are_refused(hooks: Hooks, options: dict[str, Any]) -> None:
    def on_event(ctx: Context, what: str) -> Iterator[None]:
        yield

    with pytest.raises(PluginError, match="wrapper"):
        hooks.register(plugin("wraps", on_event=hookimpl(**options)(on_event)))


@pytest.mark.parametrize("options", [{"firstresult": True}, {"historic": True}])
def test_async_spec_cannot_be_firstresult_or_historic(
    knobs: Knobs, options: dict[str, Any]
) -> None:
    async def on_event(ctx: Context) -> None: ...

    with pytest.raises(PluginError, match="firstresult or historic"):
        Hooks(knobs, specs=type("Specs", (), {"on_event": hookspec(**options)(on_event)}))


def test_optional_hook_of_a_newer_host_is_skipped(hooks: Hooks) -> None:
    hooks.register(plugin("ahead", on_tomorrow=hookimpl(optionalhook=True)(misspelt)))


# -- emit -----------------------------------------------------------------------------------------


async def test_emit_tells_everybody_in_load_order_with_their_own_context(hooks: Hooks) -> None:
    told: list[tuple[str, str]] = []

    async def on_event(ctx: Context, what: str) -> None:
        told.append((ctx.plugin_id, what))

    for name in ("b", "a", "c"):
        register(hooks, name * 2, on_event=on_event)
    assert await hooks.emit(Specs.on_event, what="rain") == []
    assert told == [("bb", "rain"), ("aa", "rain"), ("cc", "rain")]


async def test_tryfirst_and_trylast_come_before_and_after_the_load_order(hooks: Hooks) -> None:
    told: list[str] = []

    async def on_event(ctx: Context) -> None:
        told.append(ctx.plugin_id)

    order: dict[str, dict[str, Any]] = {
        "last": {"trylast": True},
        "mid": {},
        "first": {"tryfirst": True},
    }
    for name, options in order.items():
        hooks.register(plugin(name, on_event=hookimpl(**options)(_copied(on_event))))
    await hooks.emit(Specs.on_event, what="")
    assert told == ["first", "mid", "last"]


def _copied(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function again: pluggy's marker writes on it."""

    async def copy(ctx: Context) -> Any:
        return await function(ctx)

    return copy


async def test_emit_takes_positional_arguments_too_and_refuses_unknown_ones(hooks: Hooks) -> None:
    async def on_event(what: str) -> str:
        return what.upper()

    register(hooks, "aa", on_event=on_event)
    assert await hooks.emit(Specs.on_event, "rain") == ["RAIN"]
    with pytest.raises(TypeError):
        await hooks.emit(Specs.on_event, waht="rain")  # type: ignore[call-arg]


async def test_one_that_raises_costs_the_others_nothing(hooks: Hooks) -> None:
    told: list[str] = []

    async def broken(ctx: Context) -> None:
        raise KeyError("x")

    async def sound(ctx: Context) -> None:
        told.append(ctx.plugin_id)

    register(hooks, "bad", on_event=broken)
    register(hooks, "good", on_event=sound)
    await hooks.emit(Specs.on_event, what="")
    assert told == ["good"]


async def test_one_that_hangs_is_cut_off(hooks: Hooks) -> None:
    told: list[str] = []

    async def hangs(ctx: Context) -> None:
        await asyncio.sleep(60)

    async def sound(ctx: Context) -> None:
        told.append(ctx.plugin_id)

    register(hooks, "bad", on_event=hangs)
    register(hooks, "good", on_event=sound)
    started = time.monotonic()
    await hooks.emit(Specs.on_event, what="")
    assert told == ["good"]
    assert time.monotonic() - started < 2


async def test_cancellation_passes_the_barrier(hooks: Hooks, knobs: Knobs) -> None:
    knobs.timeout = 60
    begun = asyncio.Event()

    async def hangs(ctx: Context) -> None:
        begun.set()
        await asyncio.sleep(60)

    register(hooks, "slow", on_event=hangs)
    task = asyncio.create_task(hooks.emit(Specs.on_event, what=""))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_unregistered_plugin_hears_nothing(hooks: Hooks) -> None:
    async def answers(ctx: Context) -> str:
        return ctx.plugin_id

    register(hooks, "aa", on_event=answers)
    register(hooks, "bb", on_event=_copied(answers))
    hooks.unregister("aa")
    hooks.unregister("nobody")
    assert await hooks.emit(Specs.on_event, what="") == ["bb"]


# -- deliver, first, pipeline, veto ---------------------------------------------------------------


async def test_deliver_tells_everybody_and_then_raises(hooks: Hooks) -> None:
    told: list[str] = []

    async def broken(ctx: Context) -> None:
        raise DatabaseAway("the database is away")

    async def sound(ctx: Context) -> None:
        told.append(ctx.plugin_id)

    register(hooks, "bad", on_event=broken)
    register(hooks, "good", on_event=sound)
    with pytest.raises(HookError) as caught:
        await hooks.deliver(Specs.on_event, what="")
    assert told == ["good"]
    assert caught.value.failed == {"bad": "DatabaseAway: the database is away"}


async def test_deliver_waits_longer_than_emit(hooks: Hooks) -> None:
    async def slow(ctx: Context) -> str:
        await asyncio.sleep(0.1)
        return "done"

    register(hooks, "slow", on_event=slow)
    assert await hooks.emit(Specs.on_event, what="") == []
    assert await hooks.deliver(Specs.on_event, what="") == ["done"]


async def test_deliver_fails_for_a_paused_plugin(hooks: Hooks) -> None:
    async def sound(ctx: Context) -> None: ...

    made = register(hooks, "paused", on_event=sound)
    made.gate = lambda: False
    with pytest.raises(HookError, match="paused"):
        await hooks.deliver(Specs.on_event, what="")


async def test_first_stops_at_the_first_answer(hooks: Hooks) -> None:
    asked: list[str] = []

    def answering(answer: str | None) -> Callable[..., Any]:
        async def pick(ctx: Context, what: str) -> str | None:
            asked.append(ctx.plugin_id)
            return answer

        return pick

    for name, answer in (("silent", None), ("knows", "42"), ("late", "43")):
        register(hooks, name, pick=answering(answer))
    assert await hooks.first(Specs.pick, what="?") == "42"
    assert asked == ["silent", "knows"]


async def test_first_without_an_answer_is_none(hooks: Hooks) -> None:
    async def broken(ctx: Context) -> str | None:
        raise ValueError("no")

    assert await hooks.first(Specs.pick, what="?") is None
    register(hooks, "bad", pick=broken)
    assert await hooks.first(Specs.pick, what="?") is None


async def test_pipeline_hands_the_value_on(hooks: Hooks) -> None:
    async def adds(text: str, loud: bool) -> str:
        return f"{text}{'!' if loud else '.'}"

    async def leaves(text: str) -> None: ...

    async def fails(text: str) -> str:
        raise ValueError(text)

    async def doubles(text: str) -> str:
        return text * 2

    register(hooks, "adds", rewrite=adds)
    register(hooks, "leaves", rewrite=leaves)
    register(hooks, "fails", rewrite=fails)
    register(hooks, "doubles", rewrite=doubles)
    assert await hooks.pipeline(Specs.rewrite, "hey", loud=True) == "hey!hey!"
    assert await hooks.pipeline(Specs.rewrite, "hey") == "hey.hey."


async def test_veto_names_who_objects(hooks: Hooks) -> None:
    async def fails(size: int) -> str | None:
        raise ValueError("broken quota")

    async def limits(size: int) -> str | None:
        return "too big" if size > 10 else None

    register(hooks, "fails", allow=fails)
    register(hooks, "quota", allow=limits)
    assert await hooks.veto(Specs.allow, size=11) == Veto("quota", "too big")
    assert await hooks.veto(Specs.allow, size=1) is None


async def test_a_guard_that_fails_objects(hooks: Hooks) -> None:
    falls = True

    async def guards(size: int) -> str | None:
        if falls:
            raise ValueError("asleep")
        return None

    async def limits(size: int) -> str | None:
        return "too big" if size > 10 else None

    assert not hooks.is_heard(Specs.allow)
    register(hooks, "guard", allow=guards)
    register(hooks, "quota", allow=limits)
    assert hooks.is_heard(Specs.allow)
    for _ in range(5):  # no breaker lets anybody pass
        with pytest.raises(ValueError, match="asleep"):
            await hooks.guard(Specs.allow, size=1)
    falls = False
    assert await hooks.guard(Specs.allow, size=11) == Veto("quota", "too big")
    assert await hooks.guard(Specs.allow, size=1) is None


# -- declarations ---------------------------------------------------------------------------------


def test_declared_asks_one_plugin_with_its_context(hooks: Hooks) -> None:
    def things(ctx: Context) -> list[str]:
        return [ctx.plugin_id]

    def others(ctx: Context) -> list[str]:
        return ["other"]

    one = register(hooks, "one", things=things)
    register(hooks, "two", things=others)
    none = register(hooks, "none")
    assert hooks.declared(one, Specs.things) == ["one"]
    assert hooks.declared(none, Specs.things) is None


def test_declared_passes_exceptions_on(hooks: Hooks) -> None:
    def things(ctx: Context) -> list[str]:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        hooks.declared(register(hooks, "bad", things=things), Specs.things)


# -- the breaker ----------------------------------------------------------------------------------


class Moody:
    """Fails while it is told to."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error
        self.calls = 0

    async def on_event(self, ctx: Context) -> str:
        self.calls += 1
        if self.error:
            raise self.error
        return "fine"


@pytest.fixture
def moody(hooks: Hooks) -> Moody:
    mood = Moody(KeyError("x"))

    async def on_event(ctx: Context) -> str:
        return await mood.on_event(ctx)

    register(hooks, "moody", on_event=on_event)
    return mood


async def emit(hooks: Hooks, times: int) -> list[Any]:
    return [answer for _ in range(times) for answer in await hooks.emit(Specs.on_event, what="")]


async def test_breaker_opens_after_enough_failures_and_pauses(hooks: Hooks, moody: Moody) -> None:
    await emit(hooks, 5)
    assert moody.calls == 3
    assert hooks.breaker("moody").state == "open"
    assert not hooks.breaker("moody").allows()


async def test_failures_that_lie_apart_open_nothing(
    hooks: Hooks, moody: Moody, clock: Clock
) -> None:
    for _ in range(5):
        await emit(hooks, 2)
        clock.now += 61
    assert moody.calls == 10
    assert hooks.breaker("moody").state == "closed"


async def test_after_the_pause_a_success_closes_it(
    hooks: Hooks, moody: Moody, clock: Clock
) -> None:
    await emit(hooks, 3)
    clock.now += 30
    assert hooks.breaker("moody").state == "half-open"
    moody.error = None
    assert await emit(hooks, 1) == ["fine"]
    assert hooks.breaker("moody").state == "closed"
    moody.error = KeyError("x")
    await emit(hooks, 2)
    assert hooks.breaker("moody").state == "closed"


async def test_after_the_pause_one_failure_opens_it_anew(
    hooks: Hooks, moody: Moody, clock: Clock
) -> None:
    await emit(hooks, 3)
    clock.now += 30
    await emit(hooks, 3)
    assert moody.calls == 4
    assert hooks.breaker("moody").state == "open"


@pytest.mark.parametrize("error", [DatabaseAway("away"), UserError("core-menu-expired")])
async def test_what_is_not_the_plugins_fault_opens_nothing(
    hooks: Hooks, moody: Moody, error: Exception
) -> None:
    moody.error = error
    await emit(hooks, 10)
    assert moody.calls == 10


async def test_time_outs_count(hooks: Hooks, knobs: Knobs) -> None:
    knobs.timeout = 0.01

    async def hangs(ctx: Context) -> None:
        await asyncio.sleep(60)

    register(hooks, "slow", on_event=hangs)
    await emit(hooks, 3)
    assert hooks.breaker("slow").state == "open"


async def test_opening_is_reported_once_per_cause(hooks: Hooks, moody: Moody, clock: Clock) -> None:
    heard: list[tuple[str, str, str]] = []

    async def on_plugin_quarantined(plugin_id: str, reason: str, cause: str) -> None:
        heard.append((plugin_id, reason, cause))

    register(hooks, "admin", on_plugin_quarantined=on_plugin_quarantined)
    for _ in range(3):
        await emit(hooks, 3)
        clock.now += 30
    await hooks.settle()
    [(plugin_id, reason, cause)] = heard
    assert plugin_id == "moody"
    assert "3 failures" in reason
    assert "KeyError: 'x'" in reason
    assert cause.startswith("breaker:KeyError:on_event:")
    moody.error = ValueError("something else")
    clock.now += 30
    await emit(hooks, 1)
    await hooks.settle()
    assert len(heard) == 2


def test_breaker_works_outside_of_a_loop(hooks: Hooks) -> None:
    breaker = hooks.breaker("moody")
    for _ in range(3):
        breaker.failure(ValueError("x"))
    assert breaker.state == "open"


async def test_the_gate_of_a_plugin_is_its_breaker(hooks: Hooks, clock: Clock) -> None:
    made = register(hooks, "gated")
    assert made.gate()
    for _ in range(3):
        hooks.breaker("gated").failure(ValueError("x"))
    assert not made.gate()
    clock.now += 30
    assert made.gate()
    hooks.breaker("gated").success()
    assert hooks.breaker("gated").state == "closed"


# -- the trace ------------------------------------------------------------------------------------


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Events that core.host.hooks logs at level info."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(
        hooks_module,
        "log",
        SimpleNamespace(
            info=lambda event, **fields: found.append({"event": event, **fields}),
            error=lambda event, **fields: None,
        ),
    )
    return found


async def test_trace_says_who_heard_answered_failed_or_is_paused(
    hooks: Hooks, knobs: Knobs, lines: list[dict[str, Any]]
) -> None:
    async def hears(ctx: Context) -> None: ...

    async def answers(ctx: Context) -> str:
        return "yes"

    async def fails(ctx: Context) -> None:
        raise ValueError("x")

    register(hooks, "hears", on_event=hears)
    register(hooks, "answers", on_event=answers)
    register(hooks, "fails", on_event=fails)
    register(hooks, "paused", on_event=_copied(hears)).gate = lambda: False
    await hooks.emit(Specs.on_event, what="")
    assert lines == []
    knobs.trace = True
    await hooks.emit(Specs.on_event, what="")
    [line] = lines
    assert (line["event"], line["subject"], line["hook"]) == ("trace", "hook", "on_event")
    assert [step.split(" ")[:2] for step in line["plugins"].split(", ")] == [
        ["hears", "heard"],
        ["answers", "answered"],
        ["fails", "failed"],
        ["paused", "paused"],
    ]
    assert line["ms"] >= 0


def test_trace_of_an_update_collects_what_its_handlers_note(
    hooks: Hooks, knobs: Knobs, lines: list[dict[str, Any]]
) -> None:
    with hooks.trace("update", update_id=7):
        hooks.step("files", "claimed", 0.002)
    assert lines == []
    knobs.trace = True
    with hooks.trace("update", update_id=7):
        hooks.step("menu", "ignored")
        hooks.step("files", "claimed", 0.002)
    assert lines[0]["update_id"] == 7
    assert lines[0]["plugins"] == "menu ignored 0.0 ms, files claimed 2.0 ms"


# -- one plugin at start --------------------------------------------------------------------------


async def test_call_is_for_one_plugin_and_passes_exceptions_on() -> None:
    hooks = Hooks(Knobs())
    told: list[str] = []

    async def notes(ctx: Context) -> None:
        told.append(ctx.plugin_id)

    async def fails(ctx: Context) -> None:
        raise ValueError("no port")

    one = register(hooks, "one", on_startup=notes)
    two = register(hooks, "two", on_startup=fails)
    none = register(hooks, "none")
    await hooks.call(one, on_startup, 1)
    await hooks.call(none, on_startup, 1)
    with pytest.raises(ValueError, match="no port"):
        await hooks.call(two, on_startup, 1)
    assert told == ["one"]


async def test_call_ends_in_time_even_if_cancellation_is_swallowed() -> None:
    hooks = Hooks(Knobs())
    stop = False

    async def stubborn(ctx: Context) -> None:
        while not stop:
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue

    made = register(hooks, "stubborn", on_startup=stubborn)
    with pytest.raises(PluginError, match="didn't end within"):
        await hooks.call(made, on_startup, 0.05)
    stop = True
    await asyncio.sleep(0.05)


async def test_typed_specs_of_the_host_can_be_emitted() -> None:
    hooks = Hooks(Knobs())
    seen: list[tuple[int, bool]] = []

    async def found(file_id: int, words: bool) -> None:
        seen.append((file_id, words))

    register(hooks, "files", on_file_searchable=found)
    await hooks.emit(on_file_searchable, file_id=3, scope_key="u:1", words=True, meaning=False)
    await hooks.emit(on_ready)
    assert seen == [(3, True)]


def test_an_error_that_cant_say_what_it_is_is_described() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise ValueError("no words")

    assert described(Mute()).startswith("Mute: ")
    assert described(OSError()) == "OSError"
