"""Commands under the deployment's names: `[plugins.<id>.aliases] roll = "dice_roll"`.

A plugin's handlers say `Command("roll")`. Where the settings rename it, the filters of its routers
are changed before the first update, so that /dice_roll reaches them and /roll is free for another
plugin. `command.command` in the handler is what was typed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiogram import Router
    from aiogram.filters import Command


def rename_commands(routers: Iterable[Router], aliases: Mapping[str, str]) -> None:
    """Change the command filters of the routers and their children in place."""
    if aliases:
        for command in command_filters(routers):
            command.commands = tuple(
                aliases.get(name, name) if isinstance(name, str) else name
                for name in command.commands
            )


def command_filters(routers: Iterable[Router]) -> list[Command]:
    """Every `Command` filter, each once, also inside of combined filters."""
    from aiogram.filters import Command

    found: dict[int, Command] = {}
    for top in routers:
        for router in top.chain_tail:
            for observer in router.observers.values():
                for handler in [*observer.handlers, observer._handler]:  # noqa: SLF001 - holds the router-wide filters; aiogram shows them nowhere else
                    for part in handler.filters or ():
                        for leaf in _leaves(part.callback):
                            if isinstance(leaf, Command):
                                found[id(leaf)] = leaf
    return list(found.values())


def _leaves(callback: Any) -> Iterator[Any]:
    """A filter, or those that `and_f`, `or_f` and `invert_f` combine."""
    from aiogram.filters.logic import _LogicFilter

    if not isinstance(callback, _LogicFilter):
        yield callback
        return
    targets = getattr(callback, "targets", None) or (getattr(callback, "target", None),)
    for target in targets:
        if target is not None:
            yield from _leaves(target.callback)
