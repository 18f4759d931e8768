"""The dispatcher: gates, what handlers get, failures, and answers when nobody answers."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiogram import BaseMiddleware, Bot, F, Router
from aiogram.dispatcher.event.bases import SkipHandler
from aiogram.filters import Command
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import (
    BufferedInputFile,
    CallbackQuery,
    ErrorEvent,
    FSInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Message,
    Update,
)

from core.config import Rollout
from core.db.scope import Scope
from core.errors import Forbidden, NotModified, PlugramError, UserError
from core.flags import Flags
from core.host.plugin import Context
from core.i18n import Translate
from core.jobs.job import update_key
from core.people import Person
from core.telegram.callback import Callback
from core.telegram.text import utf16_len
from tests.core.stage import Stage, stage
from tests.support.bot_api import Answer, error, message, press


@pytest.fixture
async def scene(sqlite_url: str) -> AsyncIterator[Stage]:
    async with stage(sqlite_url) as one:
        yield one


def echo(prefix: str = "") -> Router:
    router = Router()

    @router.message(F.text.startswith(prefix))
    async def answer(message: Message) -> None:
        await message.answer(f"{prefix}:{message.text}")

    return router


async def test_handlers_get_what_they_name(scene: Stage) -> None:
    router = Router()
    got: dict[str, Any] = {}

    @router.message()
    async def handle(
        message: Message,
        ctx: Context,
        t: Translate,
        person: Person,
        scope: Scope,
        state: FSMContext,
        bot: Bot,
        event_update: Update,
    ) -> None:
        key = update_key.get()
        got.update(
            plugin=ctx.plugin_id,
            said=t.plain("core-menu-expired"),
            person=(person.id, person.name, person.role, person.language),
            scope=scope.key,
            state=await state.get_state(),
            bot=bot.id,
            update=(event_update.update_id, event_update.message is message),
            key=(key.bot_id, key.update_id, key.user, key.chat) if key else None,
        )

    scene.plugin("aa", router)
    await scene.feed(message(5, "x", user=2, language="es"))
    assert got == {
        "plugin": "aa",
        "said": "Este menú ha caducado.",
        "person": (2, "Ann", "admin", "es"),
        "scope": "u:2",
        "state": None,
        "bot": 123456789,
        "update": (5, True),
        "key": (123456789, 5, 2, 2),
    }
    await scene.feed(message(6, "x", user=2, chat=-100))
    assert got["scope"] == "c:-100"


async def test_the_first_plugin_that_claims_it_has_it(scene: Stage) -> None:
    scene.plugin("aa", echo("a"))
    scene.plugin("bb", echo(""))
    await scene.feed(message(1, "apple"))
    await scene.feed(message(2, "berry"))
    assert scene.api.texts(7) == ["a:apple", ":berry"]


async def test_a_gate_is_asked_with_every_event(scene: Stage) -> None:
    child, parent = echo("a"), Router()
    parent.include_router(child)
    one = scene.plugin("aa", parent)
    scene.plugin("bb", echo(""))
    is_open = True
    one.gate = lambda: is_open
    await scene.feed(message(1, "a1"))
    is_open = False
    await scene.feed(message(2, "a2"))
    is_open = True
    await scene.feed(message(3, "a3"))
    assert scene.api.texts(7) == ["a:a1", ":a2", "a:a3"]


async def test_a_flag_is_asked_with_every_event(scene: Stage) -> None:
    asked: list[str] = []
    router = Router()

    @router.message()
    async def answer(message: Message) -> None:
        asked.append(message.text or "")

    some = scene.plugin("aa", router)
    some.flags = Flags({"aa": Rollout(users=(1,), chats=(-100,))})
    await scene.feed(message(1, "named", user=1))
    await scene.feed(message(2, "not named", user=2))
    await scene.feed(message(3, "named chat", user=2, chat=-100))
    await scene.feed(message(4, "named, elsewhere", user=1, chat=-200))
    some.flags.replace({"aa": True})
    await scene.feed(message(5, "all", user=2))
    assert asked == ["named", "named chat", "named, elsewhere", "all"]


async def test_routers_work_as_in_aiogram(scene: Stage) -> None:
    """Filters of routers, data from filters, skipping, children, handlers that return methods."""
    router, child = Router(), Router()
    router.message.filter(lambda message: {"root": "r"} if "go" in message.text else False)

    @router.message(Command("skip", "go"))
    async def skip(message: Message) -> None:
        raise SkipHandler

    @router.message(F.text.len() > 30)
    async def long(message: Message) -> Any:
        return message.answer("long")

    async def matches(message: Message) -> dict[str, str]:
        return {"found": message.text or ""}

    @child.message(matches)
    async def handle(message: Message, found: str, root: str) -> None:
        await message.answer(f"{root} {found}")

    router.include_router(child)
    scene.plugin("aa", router)
    await scene.feed(message(1, "/go on"))
    await scene.feed(message(2, "go " * 20))
    await scene.feed(message(3, "stay", chat=-5))
    assert scene.api.texts(7) == ["r /go on", "long"]
    assert scene.api.texts(-5) == []


async def test_middlewares_of_plugins_are_called(scene: Stage) -> None:
    seen: list[str] = []

    class Note(BaseMiddleware):
        def __init__(self, name: str) -> None:
            self.name = name

        async def __call__(self, handler: Any, event: Any, data: dict[str, Any]) -> Any:
            seen.append(self.name)
            data["extra"] = self.name
            return await handler(event, data)

    router = Router()
    router.message.outer_middleware(Note("outer"))
    router.message.middleware(Note("inner"))

    @router.message()
    async def handle(message: Message, extra: str, raw_state: str | None) -> None:
        seen.append(extra)

    scene.plugin("aa", router)
    await scene.feed(message(1, "x"))
    assert seen == ["outer", "inner", "inner"]


async def test_the_updates_to_ask_for_are_those_that_are_handled(scene: Stage) -> None:
    router = Router()
    router.inline_query()(lambda query: None)
    router.message_reaction()(lambda reaction: None)
    scene.plugin("aa", router)
    assert scene.dispatcher.allowed_updates() == [
        "callback_query",
        "inline_query",
        "message",
        "message_reaction",
    ]
    assert scene.dispatcher.warm() >= 0


# -- going out ----------------------------------------------------------------------------------


async def test_what_aiogram_sends_obeys_our_rules(scene: Stage, tmp_path: Path) -> None:
    router = Router()
    path = tmp_path / "f.txt"
    path.write_bytes(b"file")
    results: list[Any] = []

    @router.message()
    async def handle(message: Message, bot: Bot) -> None:
        button = InlineKeyboardButton(text="A", callback_data="a:1")
        sent = await message.answer(
            "<b>" + "word " * 1500 + "</b>",
            reply_markup=InlineKeyboardMarkup(inline_keyboard=[[button]]),
        )
        results.append(sent)
        await message.reply("5 < 6")
        await message.answer_document(FSInputFile(path), caption="c")
        await message.answer_document(BufferedInputFile(b"data", "d.bin"))
        results.append(await bot.get_me())
        results.append(await bot.delete_message(7, 1))
        results.append(await bot.send_message(7, "plain", parse_mode=None))

    scene.plugin("aa", router)
    scene.api.script(
        "sendMessage",
        Answer(result={"message_id": 1, "date": 1, "chat": {"id": 7, "type": "private"}}),
        Answer(result={"message_id": 2, "date": 1, "chat": {"id": 7, "type": "private"}}),
        error(400, "Bad Request: can't parse entities"),
    )
    await scene.feed(message(1, "x"))
    sent = [call.params for call in scene.api.of("sendMessage")]
    assert [one.get("parse_mode") for one in sent] == ["HTML", "HTML", "HTML", None, None]
    assert sent[1]["reply_markup"] == {"inline_keyboard": [[{"text": "A", "callback_data": "a:1"}]]}
    assert "reply_markup" not in sent[0]
    assert all(utf16_len(one["text"]) <= 4200 for one in sent)
    assert sent[2]["reply_parameters"]["message_id"] == 1
    documents = scene.api.of("sendDocument")
    assert [list(call.files.values()) for call in documents] == [
        [("f.txt", b"file")],
        [("d.bin", b"data")],
    ]
    assert documents[0].params["document"] == "attach://file0"
    message_sent, me, deleted, last = results
    assert isinstance(message_sent, Message)
    assert message_sent.message_id == 2
    assert message_sent.bot is scene.dispatcher.bot
    assert me.username == "test_bot"
    assert deleted is True
    assert last.text == "plain"


async def test_aiogram_downloads_through_the_wire(scene: Stage) -> None:
    from tests.support.bot_api import TOKEN

    router = Router()
    got: list[bytes] = []

    @router.message()
    async def handle(message: Message, bot: Bot) -> None:
        file = await bot.download("file-id")
        assert file is not None
        got.append(file.read())
        assert TOKEN not in bot.token

    content = base64.b64encode(bytes(100_000))
    scene.plugin("aa", router)
    scene.api.script(
        "getFile",
        Answer(result={"file_id": "f", "file_unique_id": "u", "file_path": "docs/a.bin"}),
    )
    scene.api.files[f"bot{TOKEN}/docs/a.bin"] = Answer(body=content)
    await scene.feed(message(1, "x"))
    assert got == [content]


async def test_errors_are_ours_in_handlers(scene: Stage) -> None:
    router = Router()
    caught: list[PlugramError] = []

    @router.message()
    async def handle(message: Message) -> None:
        try:
            await message.answer("x")
        except PlugramError as error_:
            caught.append(error_)

    scene.plugin("aa", router)
    scene.api.script("sendMessage", error(403, "Forbidden: bot was blocked by the user"))
    await scene.feed(message(1, "x"))
    assert isinstance(caught[0], Forbidden)


# -- failures -----------------------------------------------------------------------------------


def failing(what: BaseException) -> Router:
    router = Router()

    @router.message()
    @router.callback_query()
    @router.inline_query()
    async def handle(event: Any) -> None:
        raise what

    return router


async def test_a_failure_is_told_in_the_persons_language_with_the_trace(scene: Stage) -> None:
    scene.plugin("aa", failing(ValueError("secret detail")))
    raised = await scene.fail(message(1, "x", language="ru"))
    assert str(raised) == "secret detail"
    (text,) = scene.api.texts(7)
    assert "что-то пошло не так" in text
    assert "0123456789abcdef" in text
    assert "secret" not in text


async def test_a_handler_that_exits_ends_nothing_but_itself(scene: Stage) -> None:
    scene.plugin("aa", failing(SystemExit(3)))
    assert "sys.exit(3)" in str(await scene.fail(message(1, "x")))
    assert "went wrong" in scene.api.texts(7)[-1]


async def test_a_failed_press_is_answered(scene: Stage) -> None:
    scene.plugin("aa", failing(ValueError()))
    await scene.fail(press(1, "a:x"))
    (answer,) = scene.api.of("answerCallbackQuery")
    assert "0123456789abcdef" in answer.params["text"]
    assert answer.params["show_alert"] is True
    assert scene.api.texts(7) == []


async def test_a_press_that_changes_nothing_is_answered(scene: Stage) -> None:
    scene.plugin("aa", failing(NotModified("editMessageText: message is not modified")))
    await scene.feed(message(1, "x"))
    assert scene.api.calls == []
    await scene.feed(press(2, "a:x"))
    (answer,) = scene.api.of("answerCallbackQuery")
    assert not answer.params.get("text")
    assert scene.hooks.breaker("aa").allows()


async def test_groups_arent_told_of_what_nobody_asked(scene: Stage) -> None:
    scene.plugin("aa", failing(ValueError()))
    await scene.fail(message(1, "chatter", chat=-5))
    assert scene.api.texts(-5) == []
    await scene.fail(message(2, "/do", chat=-5))
    assert len(scene.api.texts(-5)) == 1
    await scene.fail({"update_id": 3, "inline_query": _inline()})
    assert len(scene.api.of("sendMessage")) == 1


def _inline() -> dict[str, Any]:
    person = {"id": 7, "is_bot": False, "first_name": "Ann"}
    return {"id": "1", "from": person, "query": "q", "offset": ""}


async def test_failures_open_the_plugins_breaker_and_leave_the_others(scene: Stage) -> None:
    bad = scene.plugin("bad", failing(ValueError("x")), doit="Do it")
    scene.plugin("good", echo(""))
    breaker = scene.hooks.breaker("bad")
    bad.gate = breaker.allows
    for at in range(3):
        await scene.fail(message(at + 1, "x"))
    assert not breaker.allows()
    await scene.feed(message(9, "x"))
    assert scene.api.texts(7)[-1] == ":x"
    scene.clock.now += 31
    assert breaker.allows()


async def test_a_user_error_is_a_sentence_and_no_failure(scene: Stage) -> None:
    scene.plugin("aa", failing(UserError("core-failed-short", trace="<7>")))
    for at in range(5):
        await scene.feed(message(at + 1, "x"))
    await scene.feed(press(9, "a:x"))
    assert scene.api.texts(7)[0] == "Sorry, something went wrong (number &lt;7&gt;)."
    alert = scene.api.of("answerCallbackQuery")[0].params
    assert alert["text"] == "Sorry, something went wrong (number <7>)."
    assert scene.hooks.breaker("aa").allows()


async def test_a_person_who_blocked_us_is_no_failure(scene: Stage) -> None:
    scene.plugin("aa", failing(Forbidden("sendMessage: Forbidden: bot was blocked by the user")))
    await scene.feed(message(1, "x"))
    assert scene.api.calls == []


async def test_a_chat_that_cant_be_told_is_no_second_failure(scene: Stage) -> None:
    scene.plugin("aa", failing(ValueError()))
    scene.api.script("sendMessage", error(403, "Forbidden: bot was kicked"))
    await scene.fail(message(1, "x"))


async def test_a_plugins_own_error_handlers_come_first(scene: Stage) -> None:
    router = failing(ValueError("mine"))

    @router.errors()
    async def forgive(event: ErrorEvent) -> bool:
        return str(event.exception) == "mine"

    scene.plugin("aa", router)
    await scene.feed(message(1, "x"))
    assert scene.api.calls == []


async def test_an_answer_cut_by_a_restart_is_missed_aloud(scene: Stage) -> None:
    scene.plugin("aa", echo())
    await scene.dispatcher.interrupted(scene.incoming(message(1, "x", language="es")))
    await scene.dispatcher.interrupted(scene.incoming(message(2, "x", chat=-5)))
    assert "reiniciado" in scene.api.texts(7)[0]
    assert scene.api.texts(-5) == []


# -- when nobody answers ------------------------------------------------------------------------


async def test_an_old_button_says_so_and_offers_the_menu(scene: Stage) -> None:
    scene.plugin("aa", echo("never"), files="Your files", search="Search")
    await scene.feed(press(1, "gone:page:3", language="es"))
    answer = scene.api.of("answerCallbackQuery")[0].params
    assert answer["text"] == "Este menú ha caducado."
    (text,) = scene.api.texts(7)
    assert "/files — Your files\n/search — Search" in text


async def test_a_button_of_a_paused_plugin_says_that(scene: Stage) -> None:
    one = scene.plugin("files", echo("never"), files="Your files")
    one.gate = lambda: False
    await scene.feed(press(1, "files:page:3"))
    assert "break" in scene.api.of("answerCallbackQuery")[0].params["text"]
    await scene.feed(message(2, "/files"))
    assert "break" in scene.api.texts(7)[0]


async def test_hints_in_private_and_silence_in_groups(scene: Stage) -> None:
    scene.plugin("aa", echo("never"), files="Your files")
    await scene.feed(message(1, "hello", chat=-5))
    await scene.feed(message(2, "/unknown", chat=-5))
    await scene.feed(message(3, "hello"))
    await scene.feed(message(4, "hello again"))
    await scene.feed(message(5, "/unknown"))
    assert scene.api.texts(-5) == []
    first, second = scene.api.texts(7)
    assert first.startswith("I don't know what to do with this.")
    assert second.startswith("I don't know that command.")


async def test_news_of_a_chat_gets_no_hint(scene: Stage) -> None:
    scene.plugin("aa", echo("never"))
    news = message(1, "x")
    del news["message"]["text"]
    news["message"]["pinned_message"] = message(2, "y")["message"]
    await scene.feed(news)
    assert scene.api.calls == []


async def test_no_hint_where_a_plugin_claims_plain_text(scene: Stage) -> None:
    scene.plugin("aa", echo(""))
    await scene.feed(message(1, "hello"))
    assert scene.api.texts(7) == [":hello"]


async def test_commands_are_offered_to_those_who_may(scene: Stage) -> None:
    one = scene.plugin("aa", echo("never"), files="Your files", ban="Ban")
    one.manifest.commands["ban"].__dict__["role"] = "admin"
    await scene.feed(message(1, "/what", user=7))
    await scene.feed(message(2, "/what", user=2))
    assert "/ban" not in scene.api.texts(7)[0]
    assert "/ban" in scene.api.texts(2)[0]


async def test_unknown_types_and_broken_updates_dont_fail(scene: Stage) -> None:
    scene.plugin("aa", echo())
    await scene.feed({"update_id": 1, "from_the_future": {"x": 1}})
    await scene.feed({"update_id": 2})
    await scene.feed({"update_id": 3, "message": None})
    assert scene.api.calls == []


# -- dialogs ------------------------------------------------------------------------------------


class Form(StatesGroup):
    name = State()


def form(tag: str) -> Router:
    """A dialog; two plugins with this one have equal states."""
    router = Router()

    @router.message(Command(tag))
    async def begin(message: Message, state: FSMContext) -> None:
        await state.set_state(Form.name)
        await state.update_data(tag=tag)

    @router.message(Form.name)
    async def end(message: Message, state: FSMContext) -> None:
        data = await state.get_data()
        await message.answer(f"{tag} got {message.text} in {data['tag']}")
        await state.clear()

    return router


async def test_equal_states_of_two_plugins_dont_meet(scene: Stage) -> None:
    scene.plugin("aa", form("one"))
    scene.plugin("bb", form("two"))
    await scene.feed(message(1, "/two"))
    await scene.feed(message(2, "Bob"))
    await scene.feed(message(3, "/one"))
    await scene.feed(message(4, "Ann"))
    assert scene.api.texts(7) == ["two got Bob in two", "one got Ann in one"]


async def test_who_is_in_a_dialog_comes_first(scene: Stage) -> None:
    scene.plugin("aa", _all_but_commands())
    scene.plugin("bb", form("two"))
    await scene.feed(message(1, "words"))
    await scene.feed(message(2, "/two"))
    await scene.feed(message(3, "Bob"))
    await scene.feed(message(4, "words"))
    assert scene.api.texts(7) == ["search words", "two got Bob in two", "search words"]


def _all_but_commands() -> Router:
    router = Router()

    @router.message(~F.text.startswith("/"))
    async def search(message: Message) -> None:
        await message.answer(f"search {message.text}")

    return router


async def test_equal_buttons_of_two_plugins_dont_meet(scene: Stage) -> None:
    class PageA(Callback, name="page", plugin="aa"):
        number: int

    class PageB(Callback, name="page", plugin="bb"):
        number: int

    def pages(page: type[Callback], tag: str) -> Router:
        router = Router()

        @router.callback_query(page.filter())
        async def turn(query: CallbackQuery, callback_data: Any) -> None:
            await query.answer(f"{tag} {callback_data.number}")

        return router

    scene.plugin("aa", pages(PageA, "a"))
    scene.plugin("bb", pages(PageB, "b"))
    await scene.feed(press(1, PageB(number=3).pack()))
    await scene.feed(press(2, PageA(number=4).pack()))
    answers = [call.params["text"] for call in scene.api.of("answerCallbackQuery")]
    assert answers == ["b 3", "a 4"]


async def test_fifty_at_once_get_their_own(scene: Stage) -> None:
    router = Router()

    @router.message()
    async def handle(message: Message, person: Person, ctx: Context) -> None:
        await asyncio.sleep(0)
        await message.answer(f"{person.id} {ctx.plugin_id}")

    scene.plugin("aa", router)
    await asyncio.gather(*(scene.feed(message(at, "x", user=at)) for at in range(1, 51)))
    assert all(scene.api.texts(at) == [f"{at} aa"] for at in range(1, 51))
