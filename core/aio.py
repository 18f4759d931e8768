"""The deferred import of aiogram.

`import aiogram` builds the pydantic schema of each of its 600 classes: 2.1 s of CPU and 170 MB on
the machine where it was measured, before a single update. Here each class is built when it is
first used instead: 0.35 s and 44 MB, and a bot uses a tenth of them. aiohttp, which only aiogram's
default session needs, waits for its first use too.

How: while aiogram is imported, pydantic's `defer_build` is on for every class and the explicit
`model_rebuild` of each is put off; afterwards a rebuild gets the namespace that aiogram would have
given it. `install()` sees to it whoever imports aiogram first, be it a plugin. The patch is global
while that import lasts, so processes that speak aiogram call `load()` early, while they have one
thread. If aiogram changed so that this fails, it is imported the plain way, and the log says so.
"""

from __future__ import annotations

import gc
import importlib
import sys
import time
import types
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any, Literal, Optional, Union

from pydantic import BaseModel

from core.log import get_logger

log = get_logger("aio")

_WRAPPERS = "pydantic._internal._model_construction"
_AIOHTTP_SESSION = "aiogram.client.session.aiohttp"


def install() -> None:
    """From now on whoever imports aiogram first imports it deferred. Imports nothing itself."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def load() -> bool:
    """Import aiogram, deferred where that works. Returns whether it is deferred."""
    install()
    importlib.import_module("aiogram")
    return is_deferred()


class _Finder(MetaPathFinder):
    """Finds aiogram where it is, and hands it out with a loader around its own."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: types.ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname != "aiogram":
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Deferring(spec.loader)
        return spec


class _Deferring(Loader):
    """Executes aiogram's package with its schemas put off; plainly if that fails."""

    def __init__(self, plain: Loader) -> None:
        self._plain = plain

    def create_module(self, spec: ModuleSpec) -> types.ModuleType | None:
        return self._plain.create_module(spec)

    def exec_module(self, module: types.ModuleType) -> None:
        try:
            with _deferring():
                self._plain.exec_module(module)
            _rebuild_with(_namespace())
            _lighten()
            _prove()
        except Exception as error:  # noqa: BLE001 - whatever changed in aiogram, the bot must start
            log.warning("aiogram can't be imported deferred", error=repr(error))
            _forget()
            self._plain.exec_module(module)


def is_deferred() -> bool:
    """Whether aiogram was imported by `load`, in its deferred form."""
    controller = sys.modules.get("aiogram.client.context_controller")
    return controller is not None and "model_rebuild" in vars(controller.BotContextController)


def build(*classes: type[BaseModel]) -> float:
    """Build the schemas of these classes now rather than at first use. Returns seconds of CPU."""
    started = time.process_time()
    for cls in classes:
        cls.model_rebuild()
    return time.process_time() - started


@contextmanager
def _deferring() -> Iterator[None]:
    """No schema is built inside. The garbage collector rests too: nothing here becomes garbage."""
    rebuild = BaseModel.__dict__["model_rebuild"]
    config = BaseModel.model_config

    def later(_: type[BaseModel], /, **__: Any) -> None:
        """In place of `model_rebuild`."""

    collecting = gc.isenabled()
    gc.disable()
    sys.modules[_AIOHTTP_SESSION] = _aiohttp_stand_in()
    BaseModel.model_config = {**config, "defer_build": True}
    setattr(BaseModel, "model_rebuild", classmethod(later))  # noqa: B010 - a method, for mypy
    try:
        yield
    finally:
        setattr(BaseModel, "model_rebuild", rebuild)  # noqa: B010
        BaseModel.model_config = config
        sys.modules.pop(_AIOHTTP_SESSION, None)
        if package := sys.modules.get("aiogram.client.session"):
            vars(package).pop("aiohttp", None)
        if collecting:
            gc.enable()


def _aiohttp_stand_in() -> types.ModuleType:
    class AiohttpSession:
        """Becomes aiogram's own session when somebody makes one."""

        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            real = importlib.import_module(_AIOHTTP_SESSION).AiohttpSession
            return real(*args, **kwargs)

    module = types.ModuleType(_AIOHTTP_SESSION)
    module.__dict__["AiohttpSession"] = AiohttpSession
    return module


def _namespace() -> Mapping[str, Any]:
    """The names that aiogram's annotations may use: what its `types` package passes itself."""
    package = importlib.import_module("aiogram.types")
    default = importlib.import_module("aiogram.client.default").Default
    return {
        "List": list,
        "Optional": Optional,
        "Union": Union,
        "Literal": Literal,
        "Default": default,
        **{name: getattr(package, name) for name in package.__all__},
    }


def _rebuild_with(namespace: Mapping[str, Any]) -> None:
    """From now on a rebuild of aiogram's classes resolves their annotations as aiogram would."""
    plain = BaseModel.__dict__["model_rebuild"].__func__

    def model_rebuild(
        cls: type[BaseModel],
        *,
        force: bool = False,
        raise_errors: bool = True,
        _parent_namespace_depth: int = 2,
        _types_namespace: Mapping[str, Any] | None = None,
    ) -> bool | None:
        result: bool | None = plain(
            cls,
            force=force,
            raise_errors=raise_errors,
            _types_namespace=namespace if _types_namespace is None else _types_namespace,
        )
        return result

    controller = importlib.import_module("aiogram.client.context_controller")
    base = importlib.import_module("aiogram.methods.base")
    for root in (controller.BotContextController, base.Response, base.Request):
        setattr(root, "model_rebuild", classmethod(model_rebuild))  # noqa: B010


def _lighten() -> None:
    """Two costs of every object that aiogram reads from JSON, taken out of it.

    pydantic wraps `model_post_init` anew in each level of inheritance, to set one private
    attribute: here each class sets it once. And the validator that looks for UNSET among the
    values goes from the types (methods keep it): JSON has no UNSET.
    """
    controller = importlib.import_module("aiogram.client.context_controller").BotContextController
    telegram_object = importlib.import_module("aiogram.types.base").TelegramObject
    put = object.__setattr__

    def model_post_init(self: BaseModel, context: Any, /) -> None:
        bot = context.get("bot") if context else None
        put(self, "__pydantic_private__", {"_bot": bot})

    for cls in _below(controller):
        if set(cls.__private_attributes__) == {"_bot"} and _only_wraps(cls, controller):
            setattr(cls, "model_post_init", model_post_init)  # noqa: B010
        if issubclass(cls, telegram_object):
            cls.__pydantic_decorators__.model_validators.pop("remove_unset", None)


def _below(cls: type[BaseModel]) -> list[type[BaseModel]]:
    return [cls, *(one for child in cls.__subclasses__() for one in _below(child))]


def _only_wraps(cls: type[BaseModel], controller: type[BaseModel]) -> bool:
    """Whether a class has no `model_post_init` beyond what pydantic makes of the controller's."""
    inner: Any = vars(cls).get("model_post_init")
    while hasattr(inner, "__wrapped__"):
        inner = inner.__wrapped__
    return inner is None or inner.__module__ in (controller.__module__, _WRAPPERS)


def _prove() -> None:
    """The smallest update and an answer to it, or an exception. Builds what every bot needs."""
    aiogram_types = importlib.import_module("aiogram.types")
    methods = importlib.import_module("aiogram.methods")
    message = {
        "message_id": 1,
        "date": 1,
        "chat": {"id": 1, "type": "private"},
        "from": {"id": 1, "is_bot": False, "first_name": "A"},
        "text": "x",
    }
    read = aiogram_types.Message.model_validate(message)
    if read.chat.id != 1 or read.from_user.first_name != "A":
        raise TypeError("a message was read wrongly")
    methods.SendMessage(chat_id=1, text="x").model_dump()


def _forget() -> None:
    for name in [name for name in sys.modules if name.startswith("aiogram.")]:
        del sys.modules[name]
