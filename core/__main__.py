"""`plugram …` and `python -m core …`."""

from __future__ import annotations

import atexit
import os
import sys
import traceback
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

PACKAGES = ("plugram", "core", "plugins", "playground", "settings")


def stranger() -> str:
    """Which of our packages Python would take from elsewhere, as a sentence; empty if none.

    Other distributions ship packages called `core` or `plugins` too.
    """
    home = Path(__file__).resolve().parent.parent
    for name in PACKAGES:
        found = find_spec(name)
        place = _place(found) if found else None
        if place is None:
            return f"the package {name} is missing; it belongs into {home}"
        if place.parent != home:
            return (
                f"the package {name} comes from {place}, not from {home}; "
                f"another distribution{_owner(name)} brings a package of that name: "
                "install Plugram into a virtual environment of its own"
            )
    return ""


def _place(found: ModuleSpec) -> Path | None:
    """The folder of a package, or the file of a module."""
    if found.origin and found.origin not in ("built-in", "frozen", "namespace"):
        path = Path(found.origin).resolve()
        return path.parent if path.name.startswith("__init__.") else path
    places = list(found.submodule_search_locations or ())
    return Path(places[0]).resolve() if places else None


def _owner(name: str) -> str:
    from importlib.metadata import packages_distributions

    owners = sorted(set(packages_distributions().get(name, ())) - {"plugram"})
    return f" ({', '.join(owners)})" if owners else ""


def main() -> int:
    """Runs the command line; the exit status."""
    if culprit := stranger():
        sys.stderr.write(f"Plugram doesn't start: {culprit}\n")
        return 1
    status = _run()
    if "pyreqwest" in sys.modules:
        _leave(status)
    return status


def _run() -> int:
    from core.cli import main as cli
    from core.cli import terminal
    from core.errors import PlugramError

    try:
        status = cli.run(sys.argv[1:])
        sys.stdout.flush()
        return status
    except PlugramError as error:
        return terminal.put_error(error)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read us has gone; the interpreter would complain about it once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if error.filename is None:
            return _fault()
        # Of what a deployment's folders and files may be: unreadable, read-only, not there.
        return terminal.put_error(
            PlugramError(
                f"{error.filename}: {error.strerror}",
                hint="see who may read and write it; PLUGRAM_DATA_DIR names another data folder",
            )
        )
    except Exception:  # noqa: BLE001 - the last resort, and the traceback may quote a secret
        return _fault()


def _fault() -> int:
    from core import log

    sys.stderr.write(log.redact(traceback.format_exc()))
    sys.stderr.write("This is a fault in Plugram or in a plugin.\n")
    return 1


def _leave(status: int) -> NoReturn:
    """Ends the process without taking the interpreter apart: threads of pyreqwest that still hold
    Python objects would abort it then (`PyGILState_Release`, seen once in ten exits)."""
    atexit._run_exitfuncs()  # noqa: SLF001 - there is no other way to have them run
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    sys.exit(main())
