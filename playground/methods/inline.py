"""Inline mode."""

from __future__ import annotations

from playground.methods.base import Call, Handler


async def answer_inline_query(call: Call) -> bool:
    """answerInlineQuery."""
    call.services.inline.answer(call.bot, call.params)
    return True


METHODS: dict[str, Handler] = {"answerInlineQuery": answer_inline_query}
