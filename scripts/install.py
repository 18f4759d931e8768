"""Bring `.venv` in line with requirements.lock. Run by `scripts/install`; standard library only."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed"
LOCK = "requirements.lock"


def main() -> None:
    if _fresh():
        return
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    with (cache / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two starts at once: the second waits, and finds it done
        if not _fresh():
            _install()
            STAMP.write_text(_wanted())


def _install() -> None:
    uv = shutil.which("uv")
    print(f"Setting up .venv with {'uv' if uv else 'pip'}; the first time takes a minute or two")
    if _moved() or not _works(PYTHON):
        shutil.rmtree(VENV, ignore_errors=True)
        _run(uv, "venv", "-q", "--python", sys.executable, str(VENV)) if uv else _venv()
    if not uv and not _works(PYTHON, "import pip"):
        _run(PYTHON, "-m", "ensurepip")
    pip = (uv, "pip", "install", "--python", PYTHON) if uv else (PYTHON, "-m", "pip", "install")
    _run(*pip, "--require-hashes", "-r", ROOT / LOCK)
    _run(*pip, "-q", "--no-deps", "--no-build-isolation", "-e", ROOT)


def _moved() -> bool:
    """Whether the folder was elsewhere when .venv was made: its programs name the old place."""
    return STAMP.exists() and STAMP.read_text().splitlines()[:1] != [str(ROOT)]


def _venv() -> None:
    # From the real interpreter: a shim in PATH may point elsewhere tomorrow.
    _run(Path(sys.executable).resolve(), "-m", "venv", VENV)


def _run(*command: str | Path | None) -> None:
    """Run a step of the installation; its failure ends this program with the way out."""
    environment = {
        name: value for name, value in os.environ.items() if name != "PIP_REQUIRE_HASHES"
    }
    status = subprocess.run(
        [str(part) for part in command], env=environment, check=False
    ).returncode
    if status:
        step = " ".join(map(str, command[:5]))
        sys.exit(
            f"Setting up .venv failed at `{step} …` (status {status}); the lines above say why. "
            "Is the package registry reachable? Deleting .venv starts afresh."
        )


def _works(python: Path, code: str = "import sys; sys.exit(sys.version_info < (3, 11))") -> bool:
    try:
        return (
            subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0
        )
    except OSError:
        return False


def _fresh() -> bool:
    try:
        return STAMP.read_text() == _wanted() and PYTHON.exists()
    except OSError:
        return False


def _wanted() -> str:
    """What was installed, and where: the folder, then a digest of the lock and the metadata."""
    files = (ROOT / LOCK, ROOT / "pyproject.toml", ROOT / "scripts" / "install.py")
    what = hashlib.sha256()
    for file in files:
        what.update(file.read_bytes())
    return f"{ROOT}\n{what.hexdigest()}"


if __name__ == "__main__":
    main()
