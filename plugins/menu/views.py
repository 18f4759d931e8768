"""Texts and buttons of the menu."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from babel import Locale

from plugins.menu import service, timezones
from plugram import Button, Callback, Context, Html, Person, Plugin, Preference, Translate

if TYPE_CHECKING:
    from aiogram.types import CallbackQuery

Rows = Sequence[Sequence[Button]]


class Open(Callback, name="open"):
    """Show a page of the settings: `main`, `language`, `zone`, `city` or `close`."""

    page: str


class Speak(Callback, name="lang"):
    """Choose a language; `auto` is Telegram's."""

    code: str


class Zone(Callback, name="zone"):
    """Choose a time zone by its IANA name."""

    name: str


class Pick(Callback, name="pick"):
    """Show the choices of a plugin's preference."""

    plugin: str
    preference: str


class Choose(Callback, name="set"):
    """Choose one of them, by its place among the choices."""

    plugin: str
    preference: str
    choice: int


@dataclass(frozen=True, slots=True)
class Page:
    text: str
    rows: Rows = field(default_factory=list)


# -- /start and /help -----------------------------------------------------------------------------


def start(ctx: Context, t: Translate, person: Person, place: service.Place) -> Page:
    """A greeting, what the plugins say of themselves, and the commands."""
    greeting = t("menu-start", name=person.name)
    about = [
        t(f"{plugin.id}-about")
        for plugin in ctx.plugins()
        if place.has(plugin) and ctx.i18n.has("en", f"{plugin.id}-about")
    ]
    commands = t("menu-start-commands", commands=_commands(ctx, t, place, person.role))
    rows = []
    if place.kind == "private" and not person.timezone_chosen:
        rows.append([Button(t.plain("menu-button-ask-timezone"), Open(page="zone"))])
    return Page(Html("\n\n").join([greeting, *about, commands]), rows)


def help_page(ctx: Context, t: Translate, person: Person, place: service.Place) -> Page:
    return Page(t("menu-help", commands=_commands(ctx, t, place, person.role)))


def _commands(ctx: Context, t: Translate, place: service.Place, role: str) -> Html:
    return Html("\n").join(
        f"/{command.name} — {service.text_of(ctx, offer.plugin, command, t.language)}"
        for offer in service.offers(ctx, place, role)
        for command in offer.commands
    )


# -- /settings ------------------------------------------------------------------------------------


async def settings(ctx: Context, t: Translate, person: Person) -> Page:
    """The first page: what is chosen now, each a button to change it."""
    now = datetime.now(UTC)
    language = language_name(t.language)
    zone = timezones.label(person.timezone, now, t.language)
    rows = [
        [Button(t.plain("menu-button-language", language=language), Open(page="language"))],
        [Button(t.plain("menu-button-timezone", zone=zone), Open(page="zone"))],
    ]
    rows += await _preferences(ctx, t, service.private(person))
    rows.append([Button(t.plain("menu-button-close"), Open(page="close"))])
    return Page(_summary(t, person, now), rows)


async def _preferences(ctx: Context, t: Translate, place: service.Place) -> list[list[Button]]:
    """A button for each choice of a person, or of a group."""
    rows = []
    for plugin, preference in service.preferences(ctx, place):
        chosen = await chosen_of(ctx, place.chat or 0, plugin, preference)
        title = t.plain(
            "menu-button-preference",
            title=t.plain(_title(plugin, preference)),
            choice=t.plain(_label(plugin, preference, chosen)),
        )
        data = Pick(plugin=plugin.id, preference=preference.name)
        rows.append([Button(title, data)])
    return rows


def closed(t: Translate, person: Person) -> Page:
    return Page(_summary(t, person, datetime.now(UTC)))


def _summary(t: Translate, person: Person, now: datetime) -> str:
    return t(
        "menu-settings",
        language=language_name(t.language),
        zone=timezones.label(person.timezone, now, t.language),
        now=t.datetime(now, person),
    )


def languages(ctx: Context, t: Translate, person: Person) -> Page:
    options = [
        (language_name(code), code, person.language_chosen and person.language == code)
        for code in ctx.i18n.languages
    ]
    options.append((t.plain("menu-button-auto"), "auto", not person.language_chosen))
    rows = [[Button(_ticked(text, on), Speak(code=code))] for text, code, on in options]
    return Page(t("menu-language"), [*rows, _back(t)])


def zones(t: Translate, person: Person) -> Page:
    """Where to say that one types a city, or how far one is from UTC."""
    offsets = [
        Button(timezones.offset_label(minutes), Zone(name=zone))
        for minutes in timezones.OFFSETS
        if (zone := timezones.zone_of(minutes))
    ]
    grid = [offsets[start : start + 4] for start in range(0, len(offsets), 4)]
    zone = timezones.label(person.timezone, datetime.now(UTC), t.language)
    city = [Button(t.plain("menu-button-city"), Open(page="city"))]
    return Page(t("menu-timezone", zone=zone), [city, *grid, _back(t)])


def city(t: Translate) -> Page:
    return Page(t("menu-timezone-city"), [_back(t)])


def found(t: Translate, place: str, names: Sequence[str]) -> Page:
    """Several zones that a typed place may mean, or none."""
    now = datetime.now(UTC)
    if not names:
        return Page(t("menu-timezone-unknown", place=place[:64]), [_back(t)])
    rows = [[Button(timezones.label(name, now, t.language), Zone(name=name))] for name in names]
    return Page(t("menu-timezone-which"), [*rows, _back(t)])


def zone_set(t: Translate, person: Person) -> Page:
    zone = timezones.label(person.timezone, datetime.now(UTC), t.language)
    return Page(t("menu-timezone-set", zone=zone), [_back(t)])


async def choices(
    ctx: Context, t: Translate, holder: int, plugin: Plugin, preference: Preference
) -> Page:
    """`holder`: the person whose choice it is, or the group."""
    chosen = await chosen_of(ctx, holder, plugin, preference)
    rows = [
        [
            Button(
                _ticked(t.plain(_label(plugin, preference, choice)), choice == chosen),
                Choose(plugin=plugin.id, preference=preference.name, choice=place),
            )
        ]
        for place, choice in enumerate(preference.choices)
    ]
    return Page(t(_title(plugin, preference)), [*rows, _back(t)])


async def chosen_of(ctx: Context, holder: int, plugin: Plugin, preference: Preference) -> str:
    """What a person or a group chose; the default if that isn't among the choices any more."""
    chosen = await ctx.people.preference(holder, plugin.id, preference.name, preference.default)
    return chosen if chosen in preference.choices else preference.default


# -- groups ---------------------------------------------------------------------------------------


def joined(
    ctx: Context, t: Translate, title: str, place: service.Place, *, hears_everything: bool
) -> Page:
    """What a group reads that the bot was added to."""
    parts = [t("menu-joined", title=title)]
    parts += [
        t(f"{plugin.id}-about")
        for plugin in ctx.plugins()
        if place.has(plugin) and ctx.i18n.has("en", f"{plugin.id}-about")
    ]
    parts.append(t("menu-start-commands", commands=_commands(ctx, t, place, "user")))
    if not hears_everything:
        parts.append(t("menu-privacy"))
    rows = [[Button(t.plain("menu-button-group"), Open(page="main"))]]
    return Page(Html("\n\n").join(parts), rows)


async def group_settings(ctx: Context, t: Translate, chat_id: int) -> Page:
    """What the administrators of a group choose for all in it."""
    chosen = await ctx.people.group_language(chat_id)
    language = language_name(chosen) if chosen else t.plain("menu-each-their-own")
    rows = [
        [Button(t.plain("menu-button-language", language=language), Open(page="language"))],
        *await _preferences(ctx, t, service.Place("group", chat=chat_id)),
        [Button(t.plain("menu-button-close"), Open(page="close"))],
    ]
    return Page(t("menu-group-settings", language=language), rows)


async def group_languages(ctx: Context, t: Translate, chat_id: int) -> Page:
    chosen = await ctx.people.group_language(chat_id)
    options = [(language_name(code), code, code == chosen) for code in ctx.i18n.languages]
    options.append((t.plain("menu-each-their-own"), "auto", not chosen))
    rows = [[Button(_ticked(text, on), Speak(code=code))] for text, code, on in options]
    return Page(t("menu-group-language"), [*rows, _back(t)])


# -- showing --------------------------------------------------------------------------------------


async def show(query: CallbackQuery, ctx: Context, page: Page, toast: str = "") -> None:
    """Turn the pages of the message whose button was pressed."""
    if query.message is not None:
        place = query.message
        await ctx.telegram.edit(place.chat.id, place.message_id, page.text, page.rows)
    await ctx.telegram.answer_callback(query.id, toast)


def language_name(code: str) -> str:
    """A language in its own words: Русский."""
    return (Locale(code).get_display_name(code) or code).capitalize()


def _title(plugin: Plugin, preference: Preference) -> str:
    return f"{plugin.id}-preference-{preference.name}"


def _label(plugin: Plugin, preference: Preference, choice: str) -> str:
    return f"{_title(plugin, preference)}-{choice}"


def _ticked(text: str, on: bool) -> str:
    return f"✓ {text}" if on else text


def _back(t: Translate) -> list[Button]:
    return [Button(t.plain("menu-button-back"), Open(page="main"))]
