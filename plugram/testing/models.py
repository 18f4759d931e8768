"""Scripted models: loopback servers that speak the wire formats of the real ones."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import struct
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]

_WORD = re.compile(r"\w+")


class Embeddings:
    """An OpenAI-compatible endpoint for embeddings. Texts are as near to each other as they share
    words; `alike` makes words mean the same."""

    def __init__(self, dimension: int = 256) -> None:
        self.dimension = dimension
        self.requests: list[Json] = []
        """The bodies that came, oldest first."""
        self._meanings: dict[str, str] = {}
        self._failures: list[int] = []
        self._server = _Server(self.respond)

    @property
    def url(self) -> str:
        """Its base, as settings name it: `http://127.0.0.1:…/v1`."""
        return f"{self._server.url}/v1"

    def alike(self, *words: str) -> None:
        """From now on these words mean the same: `alike("boat", "ship", "ferry")`."""
        self._meanings |= {word.casefold(): words[0].casefold() for word in words}

    def fail(self, status: int = 500, times: int = 1) -> None:
        """The next requests are refused, with an HTTP status."""
        self._failures += [status] * times

    def vector(self, text: str, dimension: int = 0) -> list[float]:
        """What it answers for a text; of length 1."""
        size = dimension or self.dimension
        numbers = [1e-3] * size
        for word in _WORD.findall(text.casefold()):
            meaning = self._meanings.get(word, word)
            place = int.from_bytes(hashlib.blake2b(meaning.encode(), digest_size=4).digest())
            numbers[place % size] += 1.0
        length = math.sqrt(sum(number * number for number in numbers))
        return [number / length for number in numbers]

    def respond(self, body: Json) -> tuple[int, Json]:
        self.requests.append(body)
        if self._failures:
            status = self._failures.pop(0)
            return status, {"error": {"message": "as the test wanted it", "type": "scripted"}}
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        data = [
            {"object": "embedding", "index": at, "embedding": self._written(text, body)}
            for at, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
        return 200, {"object": "list", "data": data, "model": body["model"], "usage": usage}

    def _written(self, text: str, body: Json) -> Any:
        numbers = self.vector(text, body.get("dimensions") or 0)
        if body.get("encoding_format") == "base64":
            return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()
        return numbers

    def close(self) -> None:
        self._server.close()


class Models:
    """The models of a test. The bot of the same test uses them."""

    def __init__(self) -> None:
        self.embeddings = Embeddings()

    @property
    def settings(self) -> Mapping[str, Any]:
        """What points the built-in plugins at them."""
        return {
            "plugins.embeddings.provider": "openai",
            "plugins.embeddings.url": self.embeddings.url,
            "plugins.embeddings.model": "scripted",
            "plugins.embeddings.retries": 0,
        }

    def close(self) -> None:
        self.embeddings.close()


class _Server:
    """Answers POST requests with JSON, in a thread of its own."""

    def __init__(self, respond: Any) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = respond(body)
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name
                """Quiet."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.02,), daemon=True, name="models"
        )
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
