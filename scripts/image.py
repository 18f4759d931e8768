"""Do what the Dockerfile says where there is no Docker, and try what comes out of it.

    python scripts/image.py [--keep]

The steps of its stages run one by one against a temporary folder: a fresh virtual environment, the
lock by hash, the files that `.dockerignore` lets through. Only the system's own packages (apt-get,
useradd) are left to Docker. Then the program runs as somebody who may write nowhere but in /data
and /tmp: `config check`, `doctor`, `run` in front of the playground, an upload that is found, the
health check. Prints how large the parts of the image are.
"""

from __future__ import annotations

import asyncio
import fnmatch
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playground.client import Playground  # noqa: E402 - of this checkout

NOBODY = 65534
PLACES = ("/opt/plugram", "/src", "/data", "/app", "/tmp")  # noqa: S108 - of the image
_PATH = "/usr/local/bin:/usr/bin:/bin"
_WANTED = (
    "import ensurepip, ssl, sqlite3, subprocess, sys\n"
    "assert sys.version_info >= (3, 11)\n"
    "subprocess.run([sys.executable, '-c', ''], check=True)"  # as the sandbox starts itself anew
)
FOR_DOCKER = ("apt-get", "useradd")
TEXT = b"The ferry to the northern islands leaves at seven in the morning."


# -- reading the Dockerfile ---------------------------------------------------------------------


@dataclass
class Image:
    """What a Dockerfile makes, as far as it can be made here."""

    home: Path
    """Stands for `/`."""
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)
    user: str = "0"

    def note(self, name: str, rest: str) -> None:
        """An instruction that runs nothing."""
        if name == "ENV":
            self.env |= pairs(rest, self.env)
        elif name == "WORKDIR":
            self.workdir = rest
        elif name == "USER":
            self.user = rest
        elif name == "ENTRYPOINT":
            self.entrypoint = json.loads(rest)
        elif name == "CMD":
            self.command = json.loads(rest)
        elif name == "HEALTHCHECK":
            self.healthcheck = json.loads(rest.partition(" CMD ")[2])

    def place(self, text: str) -> str:
        """A text of the Dockerfile with the image's places turned into ours."""
        return re.sub(rf"(?<![\w.])({'|'.join(PLACES)})(?=[/:\s]|$)", rf"{self.home}\1", text)

    def environment(self) -> dict[str, str]:
        """Of a process of the image."""
        # Where packages come from is this machine's business.
        ours = {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "SSL_", "LANG"))}
        path = {"PATH": _PATH, "TMPDIR": self.place("/tmp")}  # noqa: S108 - the image's own
        return ours | path | {name: self.place(value) for name, value in self.env.items()}


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Each instruction and what follows it, lines joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield name.upper(), rest.strip()


def pairs(rest: str, known: Mapping[str, str]) -> dict[str, str]:
    """Of ENV, with `$PATH` filled in."""
    found = dict(part.split("=", 1) for part in shlex.split(rest))
    return {k: re.sub(r"\$(\w+)", lambda m: known.get(m[1], ""), v) for k, v in found.items()}


def ignored(path: str, rules: list[str]) -> bool:
    """Whether `.dockerignore` keeps a path out: the last rule that fits it, or a folder above it,
    counts."""
    out = False
    parts = path.split("/")
    above = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    for rule in rules:
        pattern = rule.lstrip("!")
        deep = pattern.removeprefix("**/")
        fits = any(
            fnmatch.fnmatch(one, pattern)
            or (deep != pattern and fnmatch.fnmatch(one.rpartition("/")[2], deep))
            for one in above
        )
        if fits:
            out = not rule.startswith("!")
    return out


def rules_of(path: Path) -> list[str]:
    lines = [line.strip() for line in path.read_text().splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


# -- making it ----------------------------------------------------------------------------------


def build(home: Path, python: str) -> Image:
    """Run the steps. Raises SystemExit with the step that failed."""
    image, stages, left = Image(home), 0, []
    for place in PLACES:
        (home / place[1:]).mkdir(parents=True, exist_ok=True)
    for name, rest in instructions((ROOT / "Dockerfile").read_text()):
        if name == "FROM":
            stages, image = stages + 1, Image(home)
            image.env["PATH"] = _PATH
        elif name == "RUN":
            left += _run(image, rest, python)
        elif name == "COPY":
            _copy(image, rest)
        else:
            image.note(name, rest)
    say(f"left to Docker: {', '.join(dict.fromkeys(left))}")
    if stages != 2 or image.user in {"", "0", "root"}:
        sys.exit("the image must be made in two stages and must not run as root")
    return image


def _run(image: Image, command: str, python: str) -> list[str]:
    """Run a step here, or say what of it is left to Docker."""
    done = [part.strip().split()[0] for part in command.split("&&")]
    if any(program in FOR_DOCKER for program in done):
        return [one for one in done if one in FOR_DOCKER]
    if command.startswith("python -m venv"):
        command = command.replace("python", python, 1)
    began = time.monotonic()
    env = image.environment()
    env.pop("PIP_NO_CACHE_DIR", None)  # it is for the image to be small
    step = subprocess.run(
        ["/bin/sh", "-ec", image.place(command)],
        cwd=image.place(image.workdir),
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    say(f"{time.monotonic() - began:5.1f} s  RUN {command[:70]}")
    if step.returncode:
        sys.exit(f"{step.stdout[-4000:]}\nfailed with status {step.returncode}: RUN {command}")
    return []


def _copy(image: Image, rest: str) -> None:
    *sources, target = rest.split()
    if sources[0].startswith("--from="):  # from one stage to the other: one folder here
        return
    rules = rules_of(ROOT / ".dockerignore")
    tracked = subprocess.run(
        ["/usr/bin/env", "git", "-C", str(ROOT), "ls-files", "-z"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split("\0")
    folder = Path(image.place(image.workdir)) / target.removeprefix("./")
    for source in sources:
        files = [one for one in tracked if one == source or one.startswith(f"{source}/")]
        files = [one for one in files if not ignored(one, rules) and (ROOT / one).is_file()]
        if not files:
            sys.exit(f"COPY {source}: .dockerignore lets nothing of it through")
        for one in files:
            below = one.removeprefix(source).lstrip("/")
            place = folder / below if below else folder / Path(one).name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / one, place)


def pythons() -> Iterator[str]:
    """Interpreters that the image's own stands for, the same version first."""
    wanted = re.search(r"FROM python:(\d+\.\d+)", (ROOT / "Dockerfile").read_text())
    names = [
        f"python{wanted[1]}" if wanted else "",
        "python3.13",
        "python3.11",
        "python3",
        "/usr/bin/python3",
    ]
    pyenv = Path("~/.pyenv/versions").expanduser()
    for name in filter(None, names):
        if re.fullmatch(r"\d+\.\d+", version := name.removeprefix("python")):
            yield from (str(one) for one in sorted(pyenv.glob(f"{version}.*/bin/python")))
        if found := shutil.which(name):
            yield found
    yield from ("/usr/bin/python3", sys.executable)


def usable() -> str:
    """An interpreter with venv that an unprivileged user can run."""
    for python in pythons():
        if not subprocess.run(
            as_nobody(
                python,
                "-c",
                _WANTED,
            ),
            capture_output=True,
            check=False,
        ).returncode:
            return python
    sys.exit("no Python ≥ 3.11 with venv here that an unprivileged user may run")


def as_nobody(*command: str) -> list[str]:
    """The command as somebody who owns nothing, where this is root."""
    if os.geteuid():
        return list(command)
    who = ("--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "--no-new-privs")
    return [shutil.which("setpriv") or "setpriv", *who, "--", *command]


# -- trying it ----------------------------------------------------------------------------------


class Container:
    """Processes of the image: their own user, variables and folder."""

    def __init__(self, image: Image, **env: str) -> None:
        self.image = image
        self.env = image.environment() | env
        self.env.pop("PIP_NO_CACHE_DIR", None)

    def program(self, *args: str) -> list[str]:
        entry, *rest = self.image.entrypoint
        return as_nobody(f"{self.image.home}/opt/plugram/bin/{entry}", *rest, *args)

    def run(self, *args: str, expect: int = 0) -> str:
        """What a command prints. Raises SystemExit if it ends otherwise than expected."""
        done = subprocess.run(
            self.program(*args),
            env=self.env,
            cwd=self.image.place(self.image.workdir),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != expect:
            sys.exit(
                f"plugram {' '.join(args)}: status {done.returncode}\n{done.stdout}{done.stderr}"
            )
        say(f"ok     plugram {' '.join(args)}")
        return done.stdout

    def health(self) -> bool:
        """What the image's health check says."""
        program, *rest = self.image.healthcheck
        command = as_nobody(f"{self.image.home}/opt/plugram/bin/{program}", *rest)
        cwd = self.image.place(self.image.workdir)
        done = subprocess.run(command, env=self.env, cwd=cwd, capture_output=True, check=False)
        return done.returncode == 0

    def start(self, *args: str, log: Path) -> subprocess.Popen[bytes]:
        with log.open("wb") as stream:
            return subprocess.Popen(
                self.program(*args),
                env=self.env,
                cwd=self.image.place(self.image.workdir),
                stdout=stream,
                stderr=subprocess.STDOUT,
            )


async def tried(image: Image) -> None:
    """The program as the image runs it, in front of the playground."""
    port, web = free_port(), free_port()
    log = image.home / "playground.log"
    with log.open("wb") as stream:
        telegram = subprocess.Popen(  # noqa: ASYNC220 - nothing else waits yet
            [sys.executable, "-m", "playground", "--port", str(port), "--strict-port"],
            cwd=ROOT,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    playground = Playground(f"http://127.0.0.1:{port}")
    bot: subprocess.Popen[bytes] | None = None
    try:
        token = await until(playground.token, 30)
        container = Container(
            image,
            BOT_TOKEN=str(token),
            TELEGRAM_API_BASE=playground.url,
            PLUGRAM_WEB__PORT=str(web),
            PLUGRAM_PRESET="archive",
        )
        container.run("--help")
        container.run("config", "check")
        print(container.run("doctor").strip())
        if container.health():
            sys.exit("the health check says that all is well, and nothing runs")
        words = image.home / "bot.log"
        bot = container.start(*image.command, log=words)
        try:
            await until(lambda: asyncio.to_thread(container.health), 60)
            await found(playground)
        except TimeoutError:
            sys.exit(f"the bot doesn't work:\n{words.read_text()[-4000:]}")
        say("ok     plugram run: an upload was found; the health check agrees")
        bot.send_signal(signal.SIGTERM)
        if bot.wait(40):
            sys.exit(f"the bot ended with status {bot.returncode}:\n{words.read_text()[-2000:]}")
        say("ok     SIGTERM: ended with status 0 within the grace period")
    finally:
        for process in (bot, telegram):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()


async def found(playground: Playground) -> None:
    """Somebody sends a file, and finds it by what it says."""
    ann = playground.user("ann")
    await ann.upload(TEXT, name="ferry.txt", mime="text/plain")
    status = await ann.wait_reply(timeout=60)
    await ann.wait_text(status, "meaning", timeout=90)
    await ann.send("when do the boats to the isles depart?")
    await ann.wait_reply(contains="seven in the morning", timeout=60)


async def until(ask: Any, seconds: float) -> Any:
    """Ask again until there is an answer. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                if answer := await ask():
                    return answer
            except (OSError, RuntimeError):
                pass
            await asyncio.sleep(0.3)


def sizes(home: Path) -> None:
    """What of the image is ours, the largest parts first."""
    site = next((home / "opt/plugram/lib").glob("python*/site-packages"))
    parts = sorted(((_size(one), one.name) for one in site.iterdir()), reverse=True)
    total = _size(home / "opt/plugram")
    largest = ", ".join(f"{name} {size >> 20}" for size, name in parts[:8])
    say(
        f"size: {total >> 20} MB in /opt/plugram ({largest}), beside Python's slim image and "
        "tesseract's languages: about 130 and 90 MB"
    )


def _size(path: Path) -> int:
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    return sum(_size(one) for one in path.iterdir())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def say(text: str) -> None:
    print(text, flush=True)


def main() -> None:
    began = time.monotonic()
    home = Path(tempfile.mkdtemp(prefix="plugram-image-"))
    try:
        home.chmod(0o755)
        python = usable()
        say(f"with {python}")
        image = build(home, python)
        for place in ("data", "tmp"):
            (home / place).mkdir(exist_ok=True)
            if not os.geteuid():
                os.chown(home / place, NOBODY, NOBODY)
        asyncio.run(tried(image))
        sizes(home)
        say(f"The image's steps work ({time.monotonic() - began:.0f} s).")
    finally:
        if "--keep" not in sys.argv:
            shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
