"""Dice."""

from __future__ import annotations

import random
from typing import Any

DICE = {"🎲": 6, "🎯": 6, "🎳": 6, "🏀": 5, "⚽": 5, "🎰": 64}
"""The highest value of each."""


def rolled(emoji: str) -> dict[str, Any]:
    """Telegram's Dice."""
    return {"emoji": emoji, "value": random.randint(1, DICE[emoji])}  # noqa: S311 - a game
