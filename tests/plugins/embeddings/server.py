"""A loopback server that speaks OpenAI's embeddings protocol."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]


class Endpoint:
    """Answers with vectors made of the texts' hashes. `requests` are the bodies it got, `keys` the
    Authorization headers; `failures` are statuses to answer with first."""

    def __init__(self, dimension: int = 8) -> None:
        self.dimension = dimension
        self.requests: list[Json] = []
        self.keys: list[str] = []
        self.paths: list[str] = []
        self.failures: list[int] = []
        self.answer: Any = None
        """Instead of vectors, where something else is to come."""
        self.url = ""

    def respond(self, body: Json) -> Json:
        if self.answer is not None:
            answer: Json = self.answer
            return answer
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        data = [
            {"object": "embedding", "index": at, "embedding": self._written(text, body)}
            for at, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
        # Nothing says that the order is kept.
        return {"object": "list", "data": data[::-1], "model": body["model"], "usage": usage}

    def _written(self, text: str, body: Json) -> Any:
        numbers = vector(text, body.get("dimensions") or self.dimension)
        if body.get("encoding_format") == "base64":
            return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()
        return numbers


def vector(text: str, dimension: int) -> list[float]:
    """Not of unit length."""
    digest = hashlib.sha256(text.encode()).digest() * (dimension // 32 + 1)
    return [byte / 16 - 8 for byte in digest[:dimension]]


@contextmanager
def running(endpoint: Endpoint) -> Iterator[Endpoint]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            endpoint.requests.append(body)
            endpoint.keys.append(self.headers.get("Authorization", ""))
            endpoint.paths.append(self.path)
            status = endpoint.failures.pop(0) if endpoint.failures else 200
            error = {"error": {"message": f"no ({self.headers['Authorization']})", "type": "x"}}
            content = json.dumps(endpoint.respond(body) if status == 200 else error).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    endpoint.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
