"""/pair, /invite, /access."""

from __future__ import annotations

from datetime import UTC, datetime

from aiogram import F, Router
from aiogram.filters import Command, CommandObject, CommandStart
from aiogram.types import CallbackQuery, Chat, Message

from plugins.access import service, views
from plugins.access.service import LINK
from plugins.access.views import Leaf, Revoke, View
from plugram import Context, Person, Translate


def is_admin(_: object, person: Person) -> bool:
    return person.is_admin


def build() -> Router:
    router = Router(name="access")
    router.message.register(pair, Command("pair"))
    router.message.register(follow, CommandStart(magic=F.args.startswith(LINK)))
    router.message.register(invite, Command("invite"), F.chat.type == "private", is_admin)
    router.message.register(access, Command("access"), F.chat.type == "private", is_admin)
    router.callback_query.register(leaf, Leaf.filter(), is_admin)
    router.callback_query.register(revoke, Revoke.filter(), is_admin)
    return router


async def pair(
    message: Message, command: CommandObject, ctx: Context, t: Translate, person: Person
) -> None:
    if command.args:
        await _try(message, command.args, ctx, t, person)
    else:
        await message.answer(t("access-pair-how"))


async def follow(
    message: Message, command: CommandObject, ctx: Context, t: Translate, person: Person
) -> None:
    """The link t.me/<bot>?start=pair_<code>."""
    await _try(message, (command.args or "").removeprefix(LINK), ctx, t, person)


async def _try(message: Message, code: str, ctx: Context, t: Translate, person: Person) -> None:
    known = await service.of(ctx).pair(code, person.id, message.chat.id, _name(message.chat))
    if known is None:
        await message.answer(t("access-too-many-tries"))
    elif not known:
        await message.answer(t("access-code-unknown"))
    else:
        private = message.chat.type == "private"
        await message.answer(t("access-welcome" if private else "access-welcome-group"))


async def invite(
    message: Message, command: CommandObject, ctx: Context, t: Translate, person: Person
) -> None:
    uses = views.uses_of(command.args)
    if uses is None:
        await message.answer(t("access-invite-how", most=views.MOST_USES))
        return
    code, ends = await service.of(ctx).invite(person.id, uses)
    bot = (await ctx.telegram.call("getMe"))["username"]
    until = t.datetime(datetime.fromtimestamp(ends, UTC), person)
    await message.answer(
        t(
            "access-invite",
            code=code,
            link=f"https://t.me/{bot}?start={LINK}{code}",
            uses=uses,
            until=until,
            pair=ctx.command("pair"),
        )
    )


async def access(message: Message, ctx: Context, t: Translate, person: Person) -> None:
    view = await views.guests(ctx, t, person)
    await ctx.telegram.send(message.chat.id, view.text, buttons=view.rows)


async def leaf(
    query: CallbackQuery, callback_data: Leaf, ctx: Context, t: Translate, person: Person
) -> None:
    await _show(query, ctx, await views.guests(ctx, t, person, callback_data.page))


async def revoke(
    query: CallbackQuery, callback_data: Revoke, ctx: Context, t: Translate, person: Person
) -> None:
    await service.of(ctx).revoke(callback_data.id)
    view = await views.guests(ctx, t, person, callback_data.page)
    await _show(query, ctx, view, t.plain("access-revoked"))


async def _show(query: CallbackQuery, ctx: Context, view: View, said: str = "") -> None:
    await ctx.telegram.answer_callback(query.id, said)
    if query.message is not None:
        await ctx.telegram.edit(
            query.message.chat.id, query.message.message_id, view.text, buttons=view.rows
        )


def _name(chat: Chat) -> str:
    return chat.title or chat.full_name
