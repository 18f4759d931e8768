"""What the enabled plugins offer to whom, and the command menus that Telegram shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from plugram import BadRequest, Command, Context, Forbidden, Plugin, Preference

Chat = Literal["private", "group"]

_RANKS = {"user": 0, "admin": 1, "owner": 2}
_MOST_COMMANDS = 100
"""As many as Telegram takes."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A plugin's commands for one person in one chat."""

    plugin: Plugin
    commands: Sequence[Command]


def offers(ctx: Context, chat: Chat, role: str) -> list[Offer]:
    """What somebody can do here, by plugins in load order, the menu's own commands last."""
    found = [
        Offer(plugin, commands)
        for plugin in ctx.plugins()
        if plugin.gate() and (commands := _allowed(plugin, chat, role))
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


def preferences(ctx: Context) -> list[tuple[Plugin, Preference]]:
    """The choices of all plugins that work now."""
    return [
        (plugin, preference)
        for plugin in ctx.plugins()
        if plugin.gate()
        for preference in plugin.parts.preferences
    ]


def find_preference(ctx: Context, plugin_id: str, name: str) -> tuple[Plugin, Preference] | None:
    """The choice that a button means, or None if its plugin is gone."""
    for plugin, preference in preferences(ctx):
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


def menus(ctx: Context) -> Iterator[Menu]:
    """All menus as they should be."""
    places: list[tuple[str, Chat, str]] = [
        ("all_private_chats", "private", "user"),
        ("all_group_chats", "group", "user"),
        *((f"chat:{one}", "private", ctx.people.role(one)) for one in ctx.people.staff()),
    ]
    default = ctx.i18n.default
    for scope, chat, role in places:
        for language in ("", *(one for one in ctx.i18n.languages if one != default)):
            commands = [
                (command.name, text_of(ctx, offer.plugin, command, language or default)[:256])
                for offer in offers(ctx, chat, role)
                for command in offer.commands
            ]
            yield Menu(scope, language, commands[:_MOST_COMMANDS])


async def publish(ctx: Context) -> None:
    """Tell Telegram the menus that changed since they were last told, and take back those of
    people who are no staff any more. Raises TelegramError while Telegram is away."""
    bot = (await ctx.telegram.call("getMe"))["id"]
    rows = await ctx.db.fetch("SELECT target, digest FROM menu_published")
    told = {row["target"]: row["digest"] for row in rows}
    for menu in menus(ctx):
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
