"""What the endpoints of the control API share: JSON in and out, errors as answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground import forms
from playground.errors import ApiError, ControlError

MAX_BODY = 2 << 30
"""Bytes that a person may send, as with Telegram."""

Endpoint = Callable[[Request], Awaitable[Response]]


def answer(value: Any, status: int = 200) -> Response:
    """JSON."""
    return Response(orjson.dumps(value), status, media_type="application/json")


def routes(table: Iterable[tuple[str, str, Endpoint]]) -> list[Route]:
    """Of (verb, path, endpoint), for Starlette."""
    return [Route(path, guarded(endpoint), methods=[verb]) for verb, path, endpoint in table]


def guarded(endpoint: Endpoint) -> Endpoint:
    """Turn our errors into answers, and refuse what other sites' pages send."""

    async def call(request: Request) -> Response:
        origin = request.headers.get("origin")
        if origin and origin.partition("://")[2] != request.headers.get("host"):
            return answer({"error": "this API is for the playground's own page"}, 403)
        try:
            return await endpoint(request)
        except ControlError as error:
            return answer({"error": error.message}, error.status)
        except ApiError as error:
            return answer({"error": error.description}, error.code)
        except (KeyError, TypeError, ValueError) as error:
            return answer({"error": f"a value is missing or of the wrong type: {error}"}, 400)

    return call


async def fields(request: Request) -> dict[str, Any]:
    """The parameters of a request; files are let go of."""
    form = await forms.read(request, MAX_BODY)
    for name in ("bot", "chat"):  # of the query: whose chat it is
        form.fields.pop(name, None)
    form.close()
    return form.fields


def required(given: dict[str, Any], name: str) -> Any:
    """A parameter; raises ControlError when it isn't there."""
    if not given.get(name):
        raise ControlError(f"{name} is missing")
    return given[name]
