"""Offline: what a replay's process is refused. In a process of its own, since the hook stays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CODE = """
import asyncio, os, pathlib, shutil, socket, subprocess, sys, tempfile, threading, urllib.request
from core.offline import offline

allowed, outside = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
(outside / "there.txt").write_text("there")
(outside / "tree").mkdir()
(outside / "tree" / "leaf.txt").write_text("leaf")
server = socket.create_server(("127.0.0.1", 0))
port = server.getsockname()[1]
said = {}

def refused(name, work):
    try:
        work()
    except OSError as error:
        said[name] = str(error)
    else:
        said[name] = "done"

async def aio():
    await asyncio.open_connection("127.0.0.1", port)

with offline(allowed) as list_of_refusals:
    refused("connect", lambda: socket.create_connection(("127.0.0.1", port)))
    refused("asyncio", lambda: asyncio.run(aio()))
    refused("http", lambda: urllib.request.urlopen("http://example.org/"))
    refused("write", lambda: (outside / "new.txt").write_text("x"))
    refused("append", lambda: (outside / "there.txt").open("a"))
    refused("remove", lambda: (outside / "there.txt").unlink())
    refused("rename", lambda: (outside / "there.txt").rename(allowed / "there.txt"))
    refused("folder", lambda: (outside / "new").mkdir())
    refused("program", lambda: subprocess.run(["true"]))
    (allowed / "link").symlink_to(outside / "there.txt")
    refused("by a link", lambda: (allowed / "link").write_text("x"))
    thread = threading.Thread(target=lambda: refused(
        "in a thread", lambda: (outside / "new.txt").write_text("x")))
    thread.start(); thread.join()
    # What a read-only disk lets through:
    outside.mkdir(exist_ok=True)
    (outside / "missing.txt").unlink(missing_ok=True)
    shutil.rmtree(outside / "missing", ignore_errors=True)
    refused("tree", lambda: shutil.rmtree(outside / "tree"))
    shutil.rmtree(outside / "tree", ignore_errors=True)
    folder = os.open(outside / "tree", os.O_RDONLY)
    refused("remove in an open folder", lambda: os.unlink("leaf.txt", dir_fd=folder))
    os.close(folder)
    (allowed / "tree").mkdir()
    (allowed / "tree" / "leaf.txt").write_text("x")
    shutil.rmtree(allowed / "tree")
    assert (outside / "there.txt").read_text() == "there"
    with tempfile.NamedTemporaryFile("w") as file:
        assert pathlib.Path(file.name).parent == allowed
        file.write("x")
    (allowed / "own.txt").write_text("x")
    open(os.devnull, "w").close()

wrong = {name: text for name, text in said.items() if "offline: this would" not in text}
assert not wrong, wrong
assert f"connect to 127.0.0.1:{port}" in list_of_refusals, list_of_refusals
assert any("example.org" in one for one in list_of_refusals)
assert sorted(path.name for path in outside.iterdir()) == ["there.txt", "tree"]
assert (outside / "tree" / "leaf.txt").read_text() == "leaf"
(outside / "new.txt").write_text("x")
socket.create_connection(("127.0.0.1", port)).close()
print("ok")
"""


def test_connections_programs_and_writes_are_refused(tmp_path: Path) -> None:
    allowed, outside = tmp_path / "allowed", tmp_path / "outside"
    allowed.mkdir()
    outside.mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE, str(allowed), str(outside)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.stdout == "ok\n", done.stderr
