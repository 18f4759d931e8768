"""Running the playground."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import playground
from playground import Playground, server
from tests.playground.conftest import ANN, Api

ROOT = Path(__file__).resolve().parent.parent.parent


async def test_everything_survives_a_restart(tmp_path: Path) -> None:
    markup = {"inline_keyboard": [[{"text": "A", "callback_data": "a"}]]}
    async with playground.serve(data_dir=tmp_path) as running:
        client = Playground(running.url)
        api, ann = Api(client, running.token), client.user("ann")
        await ann.upload(b"abc", name="a.txt")
        await api.updates(1)
        await api.updates(2, allowed_updates=["message", "callback_query"])
        sent = await api.call("sendMessage", chat_id=ANN, text="<b>x</b>", parse_mode="HTML",
                              reply_markup=markup, reply_parameters={"message_id": 1})  # fmt: skip
        await api.call("setMyCommands", commands=[{"command": "a", "description": "b"}])
        await client.add_user("Dora", username="dora")
        await ann.send("waits")
        await ann.delete(await ann.send("gone"))
        before = await ann.messages()
    async with playground.serve(data_dir=tmp_path) as running:
        client = Playground(running.url)
        api, ann = Api(client, running.token), client.user("ann")
        assert await ann.messages() == before
        assert before[1] == sent
        waiting = await api.updates()
        assert [u["message"]["text"] for u in waiting] == ["waits", "gone"]
        assert (await api.call("getWebhookInfo"))["allowed_updates"]
        file = await api.call("getFile", file_id=before[0]["document"]["file_id"])
        path = f"/file/bot{api.token}/{file['file_path']}"
        assert (await client.request("GET", path, b"", ""))[1] == b"abc"
        again = await client.user("dora").send("new")
        assert again["message_id"] == 5
        assert (await api.updates(-1))[0]["update_id"] == waiting[-1]["update_id"] + 1


async def test_stopping_does_not_wait_for_polls_or_streams() -> None:
    loop = asyncio.get_running_loop()
    async with playground.serve() as running:
        client = Playground(running.url)
        api = Api(client, running.token)
        poll = asyncio.create_task(api.updates(timeout=50))
        stream = asyncio.create_task(client.request("GET", "/control/users/ann/stream", b"", ""))
        await asyncio.sleep(0.2)
        started = loop.time()
    assert loop.time() - started < 3
    await asyncio.gather(poll, stream, return_exceptions=True)


async def test_the_page_is_served() -> None:
    async with playground.serve() as running:
        client = Playground(running.url)
        for path, word in (("/", b"<!doctype html>"), ("/page/app.js", b"import")):
            status, body = await client.request("GET", path, b"", "")
            assert status == 200
            assert word in body
        for path in ("/page/nothing", "/page/..%2Fserver.py", "/nothing"):
            assert (await client.request("GET", path, b"", ""))[0] == 404


async def test_other_sites_are_kept_out() -> None:
    async with playground.serve() as running:
        host, _, port = running.url.removeprefix("http://").partition(":")

        async def status(*headers: str, path: str = "/control/users") -> int:
            reader, writer = await asyncio.open_connection(host, int(port))
            head = "\r\n".join((f"GET {path} HTTP/1.1", "Connection: close", *headers, "", ""))
            writer.write(head.encode())
            line = await reader.readline()
            writer.close()
            return int(line.split()[1])

        assert await status(f"Host: {host}:{port}") == 200
        assert await status("Host: localhost", "Origin: http://localhost") == 200
        assert await status("Host: playground:8080") == 200, "a name in a container network"
        assert await status(f"Host: {host}:{port}", "Origin: https://evil.example") == 403
        assert await status("Host: evil.example") == 421
        assert await status("Host: api.example", path="/bot1:x/getMe") == 401, "bots are no pages"


def test_a_taken_port() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with server.listen("127.0.0.1", port, strict=False) as other:
            assert other.getsockname()[1] != port
        with pytest.raises(OSError, match="in use"):
            server.listen("127.0.0.1", port, strict=True)


@pytest.fixture
def program() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "playground", "--port", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


def test_the_program_says_where_it_is_and_stops(program: subprocess.Popen[str]) -> None:
    assert program.stdout
    line = program.stdout.readline()
    assert line.startswith("Playground: http://127.0.0.1:")
    assert line.endswith("/\n")
    os.kill(program.pid, signal.SIGTERM)
    assert program.wait(10) == 0


def test_the_program_refuses_a_taken_port() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "playground", "--strict-port", "--port", port],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "playground:" in done.stderr


def test_it_is_a_leaf() -> None:
    code = (
        "import sys, playground, playground.__main__\n"
        "ours = {'core', 'plugins', 'plugram', 'settings', 'aiogram', 'pydantic'}\n"
        "sys.exit(str(ours & {name.partition('.')[0] for name in sys.modules} or 0))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr.strip() in {"", "0"}


def test_the_client_needs_no_server() -> None:
    code = (
        "import sys, playground; from playground import Playground\n"
        "sys.exit(str({'uvicorn', 'starlette'} & sys.modules.keys() or 0))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr.strip() in {"", "0"}
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = playground.nothing
