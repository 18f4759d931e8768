"""What the enabled plugins offer to whom, and the command menus that Telegram shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from plugram import BadRequest, Command, Context, Forbidden, Person, Plugin, Preference

Chat = Literal["private", "group"]

_RANKS = {"user": 0, "admin": 1, "owner": 2}
_MOST_COMMANDS = 100
"""As many as Telegram takes."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A plugin's commands for one person in one chat."""

    plugin: Plugin
    commands: Sequence[Command]


@dataclass(frozen=True, slots=True)
class Place:
    """Who, where: what is on there. Neither a user nor a chat: everybody, everywhere."""

    kind: Chat
    user: int | None = None
    chat: int | None = None

    def has(self, plugin: Plugin) -> bool:
        if self.user is None and self.chat is None:
            return plugin.gate() and plugin.serves_all
        return plugin.serves(self.user, self.chat)


def private(person: Person) -> Place:
    """Somebody's own chat with the bot."""
    return Place("private", person.id, person.id)


def offers(ctx: Context, place: Place, role: str) -> list[Offer]:
    """What somebody can do here, by plugins in load order, the menu's own commands last."""
    found = [
        Offer(plugin, commands)
        for plugin in ctx.plugins()
        if place.has(plugin) and (commands := _allowed(plugin, place.kind, role))
    ]
    return sorted(found, key=lambda offer: offer.plugin.id == ctx.plugin_id)


def _allowed(plugin: Plugin, chat: Chat, role: str) -> list[Command]:
    return [
        command
        for command in plugin.commands
        if command.chats in ("all", chat) and _RANKS[command.role] <= _RANKS[role]
    ]


def text_of(ctx: Context, plugin: Plugin, command: Command, language: str) -> str:
    """A command's text for menus; the manifest's where the plugin has none in any language."""
    name = command.original or command.name
    return ctx.i18n.command(language, plugin.id, name) or command.description


def preferences(ctx: Context, place: Place) -> list[tuple[Plugin, Preference]]:
    """The choices, of a person or of a group, that the plugins have which work there now."""
    return [
        (plugin, preference)
        for plugin in ctx.plugins()
        if place.has(plugin)
        for preference in plugin.parts.preferences
        if preference.chats in ("all", place.kind)
    ]


def find_preference(
    ctx: Context, place: Place, plugin_id: str, name: str
) -> tuple[Plugin, Preference] | None:
    """The choice that a button means, or None if its plugin is gone, or off there."""
    for plugin, preference in preferences(ctx, place):
        if (plugin.id, preference.name) == (plugin_id, name):
            return plugin, preference
    return None


# -- the command menu -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Menu:
    """The commands that Telegram shows in some chats, to people of one language."""

    scope: str
    """`all_private_chats`, `all_group_chats`, or `chat:<id>` for one of the staff."""
    language: str
    """Empty: for all languages that have no menu of their own."""
    commands: Sequence[tuple[str, str]]

    @property
    def params(self) -> dict[str, Any]:
        """Of setMyCommands."""
        listed = [{"command": name, "description": text} for name, text in self.commands]
        return {**_address(self.scope, self.language), "commands": listed}

    @property
    def digest(self) -> str:
        said = json.dumps(self.params, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(said.encode()).hexdigest()


def menus(ctx: Context, known: Iterable[int] = ()) -> Iterator[Menu]:
    """All menus as they should be. `known`: chats that had one of their own so far."""
    yield from _menus(ctx, "all_private_chats", Place("private"), "user")
    yield from _menus(ctx, "all_group_chats", Place("group"), "user")
    chats = dict.fromkeys([*ctx.people.staff(), *_named(ctx), *known])
    for chat in chats:
        yield from chat_menus(ctx, chat)


def chat_menus(ctx: Context, chat: int) -> Iterator[Menu]:
    """Those of one chat, if it has others than all chats of its kind."""
    place = _place(chat)
    role = ctx.people.role(chat) if chat > 0 else "user"
    if role != "user" or _has_more(ctx, place):
        yield from _menus(ctx, f"chat:{chat}", place, role)


def _menus(ctx: Context, scope: str, place: Place, role: str) -> Iterator[Menu]:
    default = ctx.i18n.default
    offered = offers(ctx, place, role)
    for language in ("", *(one for one in ctx.i18n.languages if one != default)):
        commands = [
            (command.name, text_of(ctx, offer.plugin, command, language or default)[:256])
            for offer in offered
            for command in offer.commands
        ]
        yield Menu(scope, language, commands[:_MOST_COMMANDS])


def _place(chat: int) -> Place:
    return Place("private", chat, chat) if chat > 0 else Place("group", None, chat)


def _has_more(ctx: Context, place: Place) -> bool:
    """Whether a plugin that only some have offers commands here."""
    return any(
        not plugin.serves_all and place.has(plugin) and _allowed(plugin, place.kind, "user")
        for plugin in ctx.plugins()
    )


def _named(ctx: Context) -> Iterator[int]:
    """People and chats that a rollout names."""
    for plugin in ctx.plugins():
        for rule in plugin.flags.rules(plugin.id):
            yield from sorted(rule.users | rule.chats)


def _known(told: Mapping[str, str], bot: int) -> list[int]:
    """Chats that have a menu of their own."""
    scopes = [target.split("/")[1] for target in told if target.startswith(f"{bot}/chat:")]
    return [int(scope.removeprefix("chat:")) for scope in scopes]


async def publish(ctx: Context, chat: int | None = None) -> None:
    """Tell Telegram the menus that changed since they were last told, and take back those of
    people who are no staff any more and of chats where nothing is special now. `chat`: only that
    one's. Raises TelegramError while Telegram is away."""
    bot = (await ctx.telegram.call("getMe"))["id"]
    rows = await ctx.db.fetch("SELECT target, digest FROM menu_published")
    told = {row["target"]: row["digest"] for row in rows}
    if chat is not None:
        told = {one: said for one, said in told.items() if one.startswith(f"{bot}/chat:{chat}/")}
    wanted = menus(ctx, _known(told, bot)) if chat is None else chat_menus(ctx, chat)
    for menu in wanted:
        target = f"{bot}/{menu.scope}/{menu.language}"
        if told.pop(target, "") != menu.digest and await _tell(ctx, "setMyCommands", menu.params):
            await ctx.db.execute(
                "INSERT INTO menu_published (target, digest) VALUES ($1, $2)"
                " ON CONFLICT (target) DO UPDATE SET digest = excluded.digest",
                target,
                menu.digest,
            )
    for target in told:
        of_bot, scope, language = target.split("/")
        if of_bot == str(bot):
            await _tell(ctx, "deleteMyCommands", _address(scope, language))
            await ctx.db.execute("DELETE FROM menu_published WHERE target = $1", target)


async def _tell(ctx: Context, method: str, params: dict[str, Any]) -> bool:
    """Whether Telegram took it. It knows no chat with staff who never wrote to the bot: their menu
    is told at a later start."""
    try:
        await ctx.telegram.call(method, params)
    except (BadRequest, Forbidden) as error:
        if not params["scope"].get("chat_id"):
            raise
        ctx.log.debug("no menu for staff yet", chat=params["scope"]["chat_id"], reason=str(error))
        return False
    return True


def _address(scope: str, language: str) -> dict[str, Any]:
    kind, _, chat = scope.partition(":")
    place: dict[str, Any] = {"type": kind}
    if chat:
        place["chat_id"] = int(chat)
    return {"scope": place, "language_code": language}


async def is_out_of_date(ctx: Context, chat: int) -> bool:
    """Whether a chat's own menu isn't as it should be: it has none although somebody in it has
    more than others, or the other way around."""
    if all(plugin.serves_all for plugin in ctx.plugins()):
        return False
    told = await ctx.db.fetchval(
        "SELECT count(*) FROM menu_published WHERE target LIKE $1", f"%/chat:{chat}/%"
    )
    return bool(told) != any(True for _ in chat_menus(ctx, chat))


# -- groups ---------------------------------------------------------------------------------------


async def hears_everything(ctx: Context, status: str) -> bool:
    """Whether Telegram gives the bot all messages of a group in which it has such a status."""
    if status == "administrator":
        return True
    return bool((await ctx.telegram.call("getMe")).get("can_read_all_group_messages"))


async def administers(ctx: Context, chat_id: int, user_id: int) -> bool:
    """Whether somebody may choose for a group."""
    asked = {"chat_id": chat_id, "user_id": user_id}
    member = await ctx.telegram.call("getChatMember", asked)
    return member["status"] in ("creator", "administrator")
