"""Where the settings lie, and the one Dynaconf instance that reads them.

`default.toml` holds every core key with its default; `presets/` what makes the bot a certain bot;
`aliases.toml` the names that other bots gave to the same things. Nobody reads values here:
`core.config` validates them into frozen models first.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dynaconf.base import LazySettings as Dynaconf

HERE = Path(__file__).resolve().parent


def layers(files: Sequence[Path], environment: str) -> Dynaconf:
    """The files merged, later ones over earlier ones, each with its [default] under [environment].

    All that Dynaconf could do to a value besides is off: casting and `@format`-like templates,
    dotted keys, variables of the process, code next to the files.
    """
    from dynaconf.base import LazySettings as Dynaconf

    return Dynaconf(
        settings_files=[str(file) for file in files],
        environments=True,
        env=environment,
        force_env=environment,
        merge_enabled=True,
        auto_cast=False,
        dotted_lookup=False,
        nested_separator=False,
        core_loaders=["TOML"],
        loaders=[],
        envvar_prefix=None,
        load_dotenv=False,
    )
