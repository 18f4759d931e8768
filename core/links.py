"""Links to a plugin's web routes that work for a few minutes and can't be forged.

A link carries what it is for, signed; nothing is stored, and every process that has the bot's token
can make and read it. Whoever holds one may use it, so it is made when it is shown.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

from core.errors import LinkExpired, LinkForged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.config import WebSettings


class Links:
    """Of one plugin: `https://bot.example.com/<plugin id>/<path>/<signed>`."""

    def __init__(self, plugin_id: str, web: WebSettings, secret: str) -> None:
        """`secret`: the bot's token; without one there are no links."""
        self.seconds = web.link_seconds
        self._base = f"{web.public_url.rstrip('/')}/{plugin_id}" if web.public_url else ""
        self._signer = URLSafeTimedSerializer(
            secret,
            salt=f"plugram.links.{plugin_id}",
            signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
        )
        self._usable = bool(self._base and secret)

    def __bool__(self) -> bool:
        """Whether there are any: `[web] public_url` is set."""
        return self._usable

    def make(self, path: str, payload: Mapping[str, Any], *, base: str = "") -> str | None:
        """A link with a JSON payload, or None where `[web] public_url` isn't set. `base`: what
        goes before the path instead of our address and the plugin's id, a CDN's."""
        if not self._usable:
            return None
        return f"{base.rstrip('/') or self._base}/{path}/{self._signer.dumps(dict(payload))}"

    def read(self, signed: str) -> dict[str, Any]:
        """The payload of a link's last part. Raises LinkExpired, LinkForged."""
        try:
            payload: dict[str, Any] = self._signer.loads(signed, max_age=self.seconds)
        except SignatureExpired:
            raise LinkExpired("the link is too old", hint="ask for a fresh one") from None
        except BadData:
            raise LinkForged("the link isn't one of ours") from None
        return payload
