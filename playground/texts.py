"""Texts and inline keyboards as Telegram takes them, whoever gives them."""

from __future__ import annotations

from typing import Any

from playground import entities, markup, utf16
from playground.errors import bad_request
from playground.world import World

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
_RAW_LIMIT = 1 << 15
"""Bytes of a text before its markup is parsed."""
_BUTTONS_LIMIT = 100
_ACTIONS = {
    "url", "callback_data", "web_app", "login_url", "switch_inline_query",
    "switch_inline_query_current_chat", "switch_inline_query_chosen_chat", "copy_text",
    "callback_game", "pay", "disabled",
}  # fmt: skip


def format_text(
    world: World, raw: str, mode: str, given: list[dict[str, Any]], name: str, limit: int
) -> tuple[str, list[dict[str, Any]]]:
    """A text with its markup parsed, or with the entities given.

    Raises ApiError for markup that can't be parsed and for a text of more than `limit` UTF-16
    code units after parsing.
    """
    if len(raw.encode("utf-8", "surrogatepass")) > _RAW_LIMIT:
        raise bad_request("text is too long")
    if mode and mode.lower() != "none":
        text, marked = markup.parse(raw, mode)
    else:
        text, marked = raw, given
    text, found = entities.finish(text, [e for e in marked if _resolve_mention(world, e)])
    if utf16.length(text) > limit:
        raise bad_request(f"message {'caption ' if name == 'caption' else ''}is too long")
    return text, found


def _resolve_mention(world: World, entity: dict[str, Any]) -> bool:
    """Fill in the user of a mention by id; False when nobody has that id."""
    if entity["type"] != "text_mention":
        return True
    user = world.users.get((entity.get("user") or {}).get("id", 0))
    if user is not None:
        entity["user"] = user.as_json()
    return user is not None


def text(world: World, given: dict[str, Any], name: str = "text") -> dict[str, Any]:
    """The content of a text message from `text` (or another `name`), `parse_mode`, `entities` and
    the options of the link's preview; raises ApiError."""
    if not given.get(name):
        raise bad_request("message text is empty")
    body, found = format_text(
        world, given[name], given.get("parse_mode", ""), given.get("entities", []), name, TEXT_LIMIT
    )
    if not body:
        raise bad_request("text must be non-empty")
    content: dict[str, Any] = {"text": body}
    if found:
        content["entities"] = found
    if options := link_preview(given):
        content["link_preview_options"] = options
    return content


def link_preview(given: dict[str, Any]) -> dict[str, Any] | None:
    """The options of a link preview, also from the old parameter."""
    if given.get("disable_web_page_preview"):
        return {"is_disabled": True}
    options: dict[str, Any] | None = given.get("link_preview_options")
    return options


def caption(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """The fields of a caption; none when there is no caption."""
    mode, marked = given.get("parse_mode", ""), given.get("caption_entities", [])
    raw = given.get("caption", "")
    body, found = format_text(world, raw, mode, marked, "caption", CAPTION_LIMIT)
    content: dict[str, Any] = {"caption": body} if body else {}
    if found:
        content["caption_entities"] = found
    if body and given.get("show_caption_above_media"):
        content["show_caption_above_media"] = True
    return content


def inline_keyboard(given: dict[str, Any] | None) -> dict[str, Any] | None:
    """An InlineKeyboardMarkup without its empty rows, None when nothing is left; raises
    ApiError."""
    rows = [row for row in (given or {}).get("inline_keyboard", []) if row]
    buttons = [button for row in rows for button in row]
    if len(buttons) > _BUTTONS_LIMIT:
        raise bad_request("reply markup is too long")
    for button in buttons:
        _check_button(button)
    return {"inline_keyboard": rows} if rows else None


def _check_button(button: dict[str, Any]) -> None:
    actions = _ACTIONS & button.keys()
    if not button["text"].strip():
        raise bad_request("BUTTON_TEXT_INVALID")
    if "callback_data" in actions and len(button["callback_data"].encode()) > 64:
        raise bad_request("BUTTON_DATA_INVALID")
    if not actions or not all(button[a] for a in actions & {"callback_data", "url"}):
        raise bad_request(
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
        )
    if "url" in actions and not markup.checked_link(button["url"]):
        raise bad_request("BUTTON_URL_INVALID")
    if "login_url" in actions:
        raise bad_request("BOT_DOMAIN_INVALID")
    if "copy_text" in actions and not 1 <= len(button["copy_text"]["text"]) <= 256:
        raise bad_request("BUTTON_COPY_TEXT_INVALID")
    if "web_app" in actions and not button["web_app"]["url"].startswith("https://"):
        raise bad_request(
            f"inline keyboard button Web App URL '{button['web_app']['url']}' is invalid: "
            "Only HTTPS links are allowed"
        )
