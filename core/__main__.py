"""`plugram …` and `python -m core …`."""

from __future__ import annotations

import sys
import traceback
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

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
    from core import cli, log, terminal
    from core.errors import PlugramError

    try:
        return cli.run(sys.argv[1:])
    except PlugramError as error:
        return terminal.put_error(error)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read us has gone; the interpreter would complain about it once more at exit.
        sys.stdout = None
        return 1
    except Exception:  # noqa: BLE001 - the last resort, and the traceback may quote a secret
        sys.stderr.write(log.redact(traceback.format_exc()))
        sys.stderr.write("This is a fault in Plugram or in a plugin.\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
