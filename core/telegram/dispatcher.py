"""From an update to the plugin that answers it: aiogram's routers, each plugin's behind its gate.

Plugins are asked in load order, but one in the middle of a dialog with somebody comes first. A
handler may take, by name: `ctx`, `t`, `person`, `scope`, `state`, and what aiogram gives.

Each plugin stands alone: a failure counts against its breaker and costs the others nothing. What
failed is tried again by intake; in the end the person gets a short sentence with the number of the
trace, and the log the traceback.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiogram import Dispatcher as AiogramDispatcher
from aiogram import Router, types
from aiogram.dispatcher.event.bases import REJECTED, UNHANDLED, CancelHandler, SkipHandler
from aiogram.dispatcher.middlewares.user_context import EventContext
from aiogram.fsm.context import FSMContext
from aiogram.fsm.storage.base import StorageKey
from aiogram.methods import AnswerCallbackQuery, EditMessageText, SendMessage, TelegramMethod

from core import aio
from core import trace as tracing
from core.db.scope import Scope, scoped
from core.errors import Forbidden, NotModified, PluginError, TelegramError, UserError
from core.host import hookspecs as specs
from core.host.roles import Visit
from core.jobs.job import UpdateKey, update_key
from core.log import get_logger
from core.metrics import counter
from core.telegram.callback import owner_of
from core.telegram.client import Telegram, deliver
from core.telegram.outgoing import Lane
from core.telegram.session import bot_on
from core.telegram.text import escape

if TYPE_CHECKING:
    from aiogram.dispatcher.event.telegram import TelegramEventObserver

    from core.host.hooks import Hooks
    from core.host.plugin import Plugin
    from core.i18n import I18n, Translate
    from core.people import People, Person
    from core.telegram.intake import Incoming
    from core.telegram.states import Positions, States
    from core.telegram.wire import Wire

log = get_logger("dispatcher")

ALWAYS = ("message", "callback_query")
"""Types of updates that are asked for even if no plugin handles them: people get an answer."""

_HINT_EVERY = 30.0
"""Seconds between two hints to a chat that nobody understands it: an album is ten messages."""
_GROUPS = frozenset({"group", "supergroup"})
_CONTENT = frozenset(
    {"text", "caption", "photo", "document", "audio", "voice", "video", "video_note", "animation"}
    | {"sticker", "contact", "location", "venue", "poll", "dice"}
)
"""What makes a message one that a person meant for us, rather than news of the chat."""


@dataclass(slots=True)
class Scene:
    """What is known about an update before a plugin sees it."""

    kind: str
    raw: Mapping[str, Any]
    chat_id: int | None
    user_id: int | None
    thread_id: int | None
    person: Person | None
    language: str

    @property
    def is_private(self) -> bool:
        return (_chat(self.kind, self.raw) or {}).get("type") == "private"


class PluginRouter(Router):
    """A plugin's routers behind its gate: asked live, with each event."""

    def __init__(self, plugin: Plugin, routers: Iterable[Router], hooks: Hooks) -> None:
        super().__init__(name=plugin.id)
        self.plugin = plugin
        self._hooks = hooks
        self._breaker = hooks.breaker(plugin.id)
        for router in routers:
            self.include_router(router)
        self.used = frozenset(self.resolve_used_update_types())
        self._has_error_handlers = any(router.errors.handlers for router in self.chain_tail)
        wanted = _wanted(self)
        self.wants_state = wanted is None or not wanted.isdisjoint({"raw_state", "state"})
        self.wants_raw_state = wanted is None or "raw_state" in wanted
        self.wants_update = wanted is None or "event_update" in wanted
        self._translations: dict[str, Translate] = {}
        self._plain: dict[str, bool] = {}

    def t(self, language: str) -> Translate:
        found = self._translations.get(language)
        if found is None:
            found = self._translations[language] = self.plugin.ctx.translate(language)
        return found

    def is_on(self, user: types.User | None, chat: types.Chat | None) -> bool:
        return self.plugin.flags.enabled(
            self.plugin.id, user.id if user else None, chat.id if chat else None
        )

    async def propagate_event(
        self, update_type: str, event: types.TelegramObject, **kwargs: Any
    ) -> Any:
        if not self.plugin.gate():
            self._hooks.step(self.plugin.id, "paused")
            return UNHANDLED
        if not self.is_on(kwargs.get("event_from_user"), kwargs.get("event_chat")):
            self._hooks.step(self.plugin.id, "off")
            return UNHANDLED
        began = time.perf_counter()
        try:
            response = await self._ask(update_type, event, kwargs)
        except CancelHandler:
            response = None
        except Exception:
            self._hooks.step(self.plugin.id, "failed", time.perf_counter() - began)
            raise
        if response is UNHANDLED:
            self._hooks.step(self.plugin.id, "ignored", time.perf_counter() - began)
        else:
            self._hooks.step(self.plugin.id, "claimed", time.perf_counter() - began)
            self._breaker.success()
        return response

    async def _ask(
        self, update_type: str, event: types.TelegramObject, kwargs: dict[str, Any]
    ) -> Any:
        try:
            ask = _propagate if self._is_plain(update_type) else _through_aiogram
            for router in self.sub_routers:
                response = await ask(router, update_type, event, kwargs)
                if response is not UNHANDLED:
                    return response
        except SystemExit as error:  # it would end the process
            raise PluginError(f"called sys.exit({error.code!r})") from error
        except Exception as error:
            if not self._has_error_handlers or isinstance(error, CancelHandler):
                raise
            return await self._forgiven(error, kwargs)
        return UNHANDLED

    def _is_plain(self, update_type: str) -> bool:
        """Whether no middleware sees these events, and no router has ways of its own."""
        found = self._plain.get(update_type)
        if found is None:
            below = [router for router in self.chain_tail if router is not self]
            watched = [one.observers[update_type] for one in [*below, *self.chain_head]]
            found = self._plain[update_type] = all(
                type(router).propagate_event is Router.propagate_event for router in below
            ) and not any(len(one.middleware) or len(one.outer_middleware) for one in watched)
        return found

    async def _forgiven(self, error: Exception, kwargs: dict[str, Any]) -> Any:
        """The plugin's own `@router.errors()` handlers may deal with it."""
        update: Any = kwargs.get("event_update")
        for router in self.sub_routers:
            failed = types.ErrorEvent.model_construct(update=update, exception=error)
            response = await router.propagate_event("error", failed, **kwargs)
            if response is not UNHANDLED:
                return response
        raise error


async def _through_aiogram(
    router: Router, update_type: str, event: types.TelegramObject, kwargs: dict[str, Any]
) -> Any:
    return await router.propagate_event(update_type, event, **kwargs)


async def _propagate(
    router: Router, update_type: str, event: types.TelegramObject, kwargs: dict[str, Any]
) -> Any:
    """What `Router.propagate_event` does where there are no middlewares, without the layers that
    are there for them: filters of the router, its handlers in order, its children."""
    observer = router.observers[update_type]
    kwargs = {**kwargs, "event_router": router}
    if observer._handler.filters:  # noqa: SLF001 - the router's own filters, as in renaming
        passed, kwargs = await observer.check_root_filters(event, **kwargs)
        if not passed:
            return UNHANDLED
    response = await _handle(observer, event, kwargs)
    if response is REJECTED:
        return UNHANDLED
    if response is not UNHANDLED:
        return response
    for child in router.sub_routers:
        response = await _propagate(child, update_type, event, kwargs)
        if response is not UNHANDLED:
            return response
    return UNHANDLED


async def _handle(
    observer: TelegramEventObserver, event: types.TelegramObject, kwargs: dict[str, Any]
) -> Any:
    for handler in observer.handlers:
        kwargs["handler"] = handler
        given = kwargs
        if handler.filters:
            passed, given = await handler.check(event, **kwargs)
            if not passed:
                continue
        try:
            return await handler.call(event, **given)
        except SkipHandler:
            continue
    return UNHANDLED


class Dispatcher:
    """Intake's handler. `routers` is what `Loader.routers()` gives."""

    def __init__(
        self,
        routers: Sequence[tuple[Plugin, Sequence[Router]]],
        wire: Wire,
        people: People,
        i18n: I18n,
        hooks: Hooks,
        states: States,
    ) -> None:
        self.bot = bot_on(wire)
        self.root = AiogramDispatcher(disable_fsm=True, name="plugram")
        asked = sorted(routers, key=lambda pair: pair[0].manifest.asked_last)
        self.routers = [PluginRouter(plugin, own, hooks) for plugin, own in asked]
        self._wire = wire
        self._telegram = Telegram(wire)
        self._people = people
        self._i18n = i18n
        self._hooks = hooks
        self._states = states
        self._guarded = hooks.is_heard(specs.check_access)
        self._validation = {"bot": self.bot}
        self._hinted: dict[int, float] = {}
        self._models = _event_models()
        self._unknown = counter("updates_unknown", "Updates of types that nobody knows", "kind")
        for router in self.routers:
            self.root.include_router(router)
        # Who handles what doesn't change while a process runs; gates do.
        self._by_kind = {
            kind: tuple(router for router in self.routers if kind in router.used)
            for kind in self._models
        }
        self._stateful = {
            kind: any(router.wants_raw_state for router in interested)
            for kind, interested in self._by_kind.items()
        }

    def allowed_updates(self) -> list[str]:
        """What to ask Telegram for: the types that somebody handles, and those that people send."""
        return sorted({*ALWAYS, *(kind for router in self.routers for kind in router.used)})

    def warm(self) -> float:
        """Build the schemas that every update needs; seconds of CPU."""
        events = {self._models[kind] for kind in self.allowed_updates() if kind in self._models}
        return aio.build(*events, SendMessage, EditMessageText, AnswerCallbackQuery)

    # -- intake's handler ---------------------------------------------------------------------

    async def feed(self, incoming: Incoming) -> None:
        """Let the plugins have it. Raises what a plugin raises; a UserError is told to the person
        and is no failure."""
        scene = await self._scene(incoming)
        if scene is None:
            return
        with self._hooks.trace("update", update_id=incoming.update_id, kind=scene.kind):
            try:
                refusal = await self._refusal(scene) if self._guarded else None
                if refusal is not None:
                    await self._turn_away(scene, refusal)
                    return
                handled = await self._ask_plugins(incoming, scene)
            except UserError as error:
                await self._correct(scene, error)
                return
            except NotModified:  # a button pressed twice, or one that leads to where one is
                if scene.kind == "callback_query":
                    await self._answer_press(scene, "")
                return
            except Forbidden as error:
                log.info("the chat refuses our answer", chat=scene.chat_id, error=error.message)
                return
            if not handled:
                await self._nobody(scene)

    async def gave_up(self, incoming: Incoming, error: BaseException) -> None:
        """Count it against the plugin, and tell the person in their language."""
        plugin_id = incoming.plugin
        if plugin_id:
            self._hooks.breaker(plugin_id).failure(error)
            counter("plugin_failures", "Updates that a plugin failed at", "plugin").labels(
                plugin_id
            ).inc()
        scene = await self._scene(incoming)
        if scene is None or not _addressed(scene):
            return
        t = self._core(scene)
        if scene.kind == "callback_query":
            await self._answer_press(scene, t.plain("core-failed-short", trace=incoming.trace))
        else:
            await self._explain(scene, t("core-failed", trace=incoming.trace))

    async def interrupted(self, incoming: Incoming) -> None:
        """Its effects are there, its answer may not be: say so."""
        scene = await self._scene(incoming)
        if scene is not None and _addressed(scene):
            await self._explain(scene, self._core(scene)("core-interrupted"))

    def forget_hints(self) -> None:
        """As if nobody had been told lately that they weren't understood."""
        self._hinted.clear()

    # -- at the door ----------------------------------------------------------------------------

    async def _refusal(self, scene: Scene) -> str | None:
        """What the guards object, as a plain text, or None."""
        visit = Visit(
            scene.kind,
            scene.person,
            scene.chat_id,
            (_chat(scene.kind, scene.raw) or {}).get("type", ""),
            str(scene.raw.get("text") or ""),
            _addressed(scene),
        )
        objection = await self._hooks.guard(specs.check_access, visit=visit)
        return objection.answer if objection else None

    async def _turn_away(self, scene: Scene, refusal: str) -> None:
        if scene.kind == "callback_query":
            await self._answer_press(scene, refusal)
        elif refusal and _addressed(scene):
            await self._explain(scene, escape(refusal))

    # -- asking -------------------------------------------------------------------------------

    async def _scene(self, incoming: Incoming) -> Scene | None:
        """Who and where; None for an update that we don't know."""
        kind = incoming.kind
        raw = incoming.update.get(kind)
        if kind not in self._models or not isinstance(raw, dict):
            self._unknown.labels(kind or "none").inc()
            log.info("unknown type of update, let pass", kind=kind, update_id=incoming.update_id)
            return None
        chat, user = _chat(kind, raw), raw.get("from") or raw.get("user")
        person = None
        if user is not None:
            person = await self._people.get(
                user["id"],
                user.get("language_code"),
                f"{user.get('first_name', '')} {user.get('last_name') or ''}".rstrip(),
                user.get("username") or "",
            )
        language = person.language if person else self._i18n.default
        if chat and chat.get("type") in _GROUPS:
            language = await self._people.group_language(chat["id"]) or language
        return Scene(
            kind,
            raw,
            chat["id"] if chat else None,
            user["id"] if user else None,
            _thread(kind, raw),
            person,
            language,
        )

    async def _ask_plugins(self, incoming: Incoming, scene: Scene) -> bool:
        interested = self._by_kind[scene.kind]
        if not interested:
            return False
        update_key.set(UpdateKey(incoming.bot_id, incoming.update_id, scene.user_id, scene.chat_id))
        event = self._models[scene.kind].model_validate(scene.raw, context=self._validation)
        key = self._storage_key(scene)
        positions: Positions = {}
        if key is not None and self._stateful[scene.kind]:
            positions = await self._states.positions(key, incoming.lease)
            interested = _in_dialog_first(interested, positions)
            if positions and (trace := tracing.current()) is not None:
                trace.dialogs = {name: (one.state, one.data) for name, one in positions.items()}
        given = self._given(event, scene)
        for router in interested:
            self._add_own(given, router, incoming, scene, event, key, positions)
            try:
                with scoped(given["scope"]):
                    response = await router.propagate_event(scene.kind, event, **given)
            except Exception:
                incoming.plugin = router.plugin.id
                raise
            if response is not UNHANDLED:
                if isinstance(response, TelegramMethod):
                    await self.bot(response)
                return True
        return False

    def _given(self, event: Any, scene: Scene) -> dict[str, Any]:
        """What every plugin's handlers may take."""
        user = getattr(event, "from_user", None) or getattr(event, "user", None)
        chat = getattr(event, "chat", None)
        if chat is None and scene.kind == "callback_query" and event.message is not None:
            chat = event.message.chat
        scope_of = scene.chat_id if scene.chat_id is not None else scene.user_id
        return {
            "bot": self.bot,
            "dispatcher": self.root,
            "event_context": EventContext(chat, user, scene.thread_id),
            "event_from_user": user,
            "event_chat": chat,
            "event_thread_id": scene.thread_id,
            "person": scene.person,
            "scope": Scope.chat(scope_of) if scope_of is not None else None,
        }

    def _add_own(
        self,
        given: dict[str, Any],
        router: PluginRouter,
        incoming: Incoming,
        scene: Scene,
        event: Any,
        key: StorageKey | None,
        positions: Positions,
    ) -> None:
        """What is a plugin's own."""
        plugin_id = router.plugin.id
        given["ctx"] = router.plugin.ctx
        given["t"] = router.t(scene.language)
        if router.wants_state and key is not None:
            own = StorageKey(
                key.bot_id, key.chat_id, key.user_id, key.thread_id, None, destiny=plugin_id
            )
            position = positions.get(plugin_id)
            given["fsm_storage"] = self._states
            given["state"] = FSMContext(self._states, own)
            given["raw_state"] = position.state if position else None
        if router.wants_update and "event_update" not in given:
            given["event_update"] = types.Update.model_construct(
                update_id=incoming.update_id, **{scene.kind: event}
            )

    def _storage_key(self, scene: Scene) -> StorageKey | None:
        """Dialogs are a person's in a chat."""
        if scene.user_id is None:
            return None
        chat_id = scene.chat_id if scene.chat_id is not None else scene.user_id
        return StorageKey(self._wire.bot_id, chat_id, scene.user_id)

    # -- when nobody answers ------------------------------------------------------------------

    async def _nobody(self, scene: Scene) -> None:
        if scene.kind == "callback_query":
            await self._old_button(scene)
        elif scene.kind == "message" and scene.is_private and not _CONTENT.isdisjoint(scene.raw):
            await self._hint(scene)

    async def _old_button(self, scene: Scene) -> None:
        """A button of an earlier version, or of a plugin that is off or paused."""
        t = self._core(scene)
        owner = owner_of(scene.raw.get("data") or "")
        if why := self._closed(scene, [one for one in self.routers if one.plugin.id == owner]):
            await self._answer_press(scene, t.plain(why))
            return
        await self._answer_press(scene, t.plain("core-menu-expired"))
        if scene.chat_id is not None:
            await self._explain(scene, self._with_commands(scene, t("core-menu-again")))

    async def _hint(self, scene: Scene) -> None:
        t = self._core(scene)
        text = scene.raw.get("text") or ""
        command = re.match(r"/(\w+)", text)
        if command:
            if why := self._closed(scene, self._with_command(command[1])):
                await self._explain(scene, t(why))
                return
            await self._explain(scene, self._with_commands(scene, t("core-unknown-command")))
        elif self._may_hint(scene):
            await self._explain(scene, self._with_commands(scene, t("core-hint")))

    def _may_hint(self, scene: Scene) -> bool:
        now = time.monotonic()
        if len(self._hinted) > 1000:
            self._hinted = {c: until for c, until in self._hinted.items() if until > now}
        chat = scene.chat_id or 0
        if self._hinted.get(chat, 0.0) > now:
            return False
        self._hinted[chat] = now + _HINT_EVERY
        return True

    def _with_commands(self, scene: Scene, heading: str) -> str:
        """The menu in words: what the plugins that are on can do for this person here."""
        here = "private" if scene.is_private else "group"
        rank = {"user": 0, "admin": 1, "owner": 2}
        role = rank[scene.person.role] if scene.person else 0
        lines = [
            f"/{command.name} — "
            + escape(
                self._i18n.command(
                    scene.language, router.plugin.id, command.original or command.name
                )
                or command.description
            )
            for router in self.routers
            if router.plugin.serves(scene.user_id, scene.chat_id)
            for command in router.plugin.commands
            if command.chats in ("all", here) and rank[command.role] <= role
        ]
        return "\n".join([heading, "", *lines]) if lines else heading

    @staticmethod
    def _closed(scene: Scene, routers: Iterable[PluginRouter]) -> str:
        """The message that says why what they asked for isn't to be had, or nothing."""
        for router in routers:
            if not router.plugin.gate():
                return "core-paused"
            if not router.plugin.serves(scene.user_id, scene.chat_id):
                return "core-unavailable"
        return ""

    def _with_command(self, name: str) -> list[PluginRouter]:
        return [
            router
            for router in self.routers
            if any(command.name == name for command in router.plugin.commands)
        ]

    # -- talking ------------------------------------------------------------------------------

    def _core(self, scene: Scene) -> Translate:
        return self._i18n.bound(scene.language)

    async def _explain(self, scene: Scene, text: str) -> None:
        """Say something where the update came from: a press is answered, a chat gets a message."""
        if scene.kind == "callback_query":
            await self._answer_press(scene, "")
        if scene.chat_id is None:
            return
        try:
            await self._telegram.send(
                scene.chat_id, text, thread_id=scene.thread_id, lane=Lane.REPLY
            )
        except TelegramError as error:
            log.info("the chat can't be told", chat=scene.chat_id, error=error.message)

    async def _correct(self, scene: Scene, error: UserError) -> None:
        """What the person did wrong, in their words: an alert, or a message."""
        t = self._core(scene)
        if scene.kind == "callback_query":
            await self._answer_press(scene, t.plain(error.key, **error.values))
        else:
            await self._explain(scene, t(error.key, **error.values))

    async def _answer_press(self, scene: Scene, text: str) -> None:
        params = {
            "callback_query_id": scene.raw["id"],
            "text": text or None,
            "show_alert": bool(text) or None,
        }
        try:
            await deliver(self._wire, "answerCallbackQuery", params)
        except TelegramError as error:
            log.info("a press wasn't answered", error=error.message)


# -- reading updates ----------------------------------------------------------------------------


def _event_models() -> dict[str, type[types.TelegramObject]]:
    """Type of update → the class of its event, for all that this aiogram knows."""
    found: dict[str, type[types.TelegramObject]] = {}
    known = set(Router().observers)
    for name, annotation in types.Update.__annotations__.items():
        class_name = str(annotation).split("|", maxsplit=1)[0].strip().rpartition(".")[2]
        model = getattr(types, class_name, None)
        if name in known and isinstance(model, type) and issubclass(model, types.TelegramObject):
            found[name] = model
    return found


def _chat(kind: str, raw: Mapping[str, Any]) -> Mapping[str, Any] | None:
    chat: Mapping[str, Any] | None = raw.get("chat")
    if chat is None and kind == "callback_query":
        chat = (raw.get("message") or {}).get("chat")
    return chat


def _thread(kind: str, raw: Mapping[str, Any]) -> int | None:
    """The forum topic."""
    message = raw.get("message") or {} if kind == "callback_query" else raw
    return message.get("message_thread_id") if message.get("is_topic_message") else None


def _addressed(scene: Scene) -> bool:
    """Whether a person waits for an answer: they pressed a button, wrote to us, or a command."""
    if scene.kind == "callback_query":
        return True
    if scene.kind not in ("message", "edited_message"):
        return False
    return scene.is_private or str(scene.raw.get("text") or "").startswith("/")


def _in_dialog_first(
    routers: tuple[PluginRouter, ...], positions: Positions
) -> tuple[PluginRouter, ...]:
    """A plugin in the middle of a dialog is asked before the others."""
    talking = {name for name, position in positions.items() if position.state is not None}
    if not talking:
        return routers
    return tuple(sorted(routers, key=lambda router: router.plugin.id not in talking))


def _wanted(router: Router) -> set[str] | None:
    """The names that handlers and filters of a router and its children take; None if that can't
    be known: middlewares and `**kwargs` see everything."""
    wanted: set[str] = set()
    for one in router.chain_tail:
        for observer in one.observers.values():
            if len(observer.middleware) or len(observer.outer_middleware):
                return None
            for handler in [*observer.handlers, observer._handler]:  # noqa: SLF001 - as in renaming
                for callback in [handler, *(handler.filters or ())]:
                    if callback.varkw:
                        return None
                    wanted |= callback.params
    return wanted
