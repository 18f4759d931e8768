"""How a bot gets its updates."""

from __future__ import annotations

from typing import Any

from playground import webhooks
from playground.methods.base import Call, Handler
from playground.model import Update
from playground.updates import LONGEST_POLL


async def get_updates(call: Call) -> list[Update]:
    """getUpdates; `allowed_updates` holds until it is given again, an empty list is the default."""
    if "allowed_updates" in call.params:
        call.bot.allowed_updates = call.params["allowed_updates"]
        call.world.save_bot(call.bot)
    limit = min(max(call.get("limit", 100), 1), 100)
    timeout = min(max(call.get("timeout", 0), 0), LONGEST_POLL)
    return await call.world.queues[call.bot.id].poll(call.get("offset", 0), limit, timeout)


async def delete_webhook(call: Call) -> bool:
    """deleteWebhook; what waits can be dropped."""
    if call.get("drop_pending_updates"):
        call.world.queues[call.bot.id].clear()
    await call.services.webhooks.delete(call.bot)
    return True


async def set_webhook(call: Call) -> bool:
    """setWebhook; an empty address is deleteWebhook."""
    if not call.params["url"]:
        return await delete_webhook(call)
    webhook = webhooks.checked(call.params)
    if "allowed_updates" in call.params:
        call.bot.allowed_updates = call.params["allowed_updates"]
    if call.get("drop_pending_updates"):
        call.world.queues[call.bot.id].clear()
    await call.services.webhooks.set(call.bot, webhook)
    return True


async def get_webhook_info(call: Call) -> dict[str, Any]:
    """getWebhookInfo."""
    info: dict[str, Any] = {
        "url": "",
        "has_custom_certificate": False,
        "pending_update_count": len(call.world.queues[call.bot.id]),
        **call.services.webhooks.info(call.bot),
    }
    if call.bot.allowed_updates:
        info["allowed_updates"] = call.bot.allowed_updates
    return info


METHODS: dict[str, Handler] = {
    "getUpdates": get_updates,
    "setWebhook": set_webhook,
    "deleteWebhook": delete_webhook,
    "getWebhookInfo": get_webhook_info,
}
