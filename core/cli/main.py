"""The command line: `plugram COMMAND …`.

Nothing is imported before it is needed: `--help` reads manifests at most, and a plugin's own
commands import it only when they are called. aiogram is imported by `run`, `dev` and
`plugins check` alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperCommand, TyperGroup

from core import config
from core.cli import terminal
from core.cli.parts import AsJson, SafeMode, loop_run, section_problems, silence_loader
from core.cli.terminal import FAILED, OK, USAGE
from core.errors import ConfigError, PluginError, PlugramError

if TYPE_CHECKING:
    from core.config import Settings
    from core.host.discovery import Candidate

# Name → module with `app`, and its line in --help.
_GROUPS = {
    "config": ("core.cli.config", "Check, explain and show the settings."),
    "plugins": ("core.cli.plugins", "Write, list, inspect, check and switch plugins."),
    "flags": ("core.cli.flags", "Tell for whom which features are on."),
    "jobs": ("core.cli.jobs", "List, retry and cancel background jobs."),
    "updates": ("core.cli.updates", "Show what happened about updates; retry those set aside."),
    "cache": ("core.cli.cache", "Clear and count what is kept for a while."),
    "db": ("core.cli.db", "Migrate the database."),
    "keys": ("core.cli.keys", "Make and exchange the keys of secrets in the database."),
}


class Lazy(TyperGroup):
    """A group of core commands whose module is imported when it is looked into."""

    def __init__(self, name: str, module: str, text: str) -> None:
        super().__init__(name=name, help=text, no_args_is_help=True)
        self._module = module

    def list_commands(self, ctx: Any) -> list[str]:
        self._fill()
        return super().list_commands(ctx)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        self._fill()
        return super().get_command(ctx, cmd_name)

    def _fill(self) -> None:
        if not self.commands:
            group = typer.main.get_group(import_module(self._module).app)
            self.commands.update(group.commands)


class Root(TyperGroup):
    """Core commands, then those that plugins bring."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, (module, text) in _GROUPS.items():
            self.commands[name] = Lazy(name, module, text)

    def list_commands(self, ctx: Any) -> list[str]:
        own = super().list_commands(ctx)
        return [*own, *(name for name in plugin_groups() if name not in own)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if known := super().get_command(ctx, cmd_name):
            return known
        candidate = plugin_groups().get(cmd_name)
        return _plugin_command(cmd_name, candidate) if candidate else None


app = typer.Typer(
    cls=Root,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A Telegram bot that is whatever its settings say.",
)


@app.callback()
def _plugram() -> None:
    pass  # its presence makes Typer build a group


def run(args: Sequence[str]) -> int:
    """Runs a command line; the exit status. Raises PlugramError for the caller to print."""
    command = typer.main.get_command(app)
    try:
        status = command.main(args=list(args), prog_name="plugram", standalone_mode=False)
    except typer.TyperException as error:
        return _wrong_usage(error)
    except typer.Abort:
        return FAILED
    return status if isinstance(status, int) else OK


def _wrong_usage(error: typer.TyperException) -> int:
    """What Typer would print, but on one line each: what was typed may hold a secret, and a broken
    line would hide it from redaction."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":  # the help is printed by now
        return USAGE
    if context is not None:
        terminal.say(context.get_usage(), error=True)
        terminal.say(f"Try '{context.command_path} --help' for help.", error=True)
    return terminal.put_error(PlugramError(error.format_message())) and error.exit_code


@app.command()
def replay(
    which: Annotated[
        list[str] | None,
        typer.Argument(metavar="[UPDATE]...", help="Ids of updates, or of traces."),
    ] = None,
    set_aside: Annotated[
        bool, typer.Option("--set-aside", help="All updates that were set aside.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run updates once more through today's code, offline, and show what it calls differently.

    Nothing is sent and nothing stays. Exit status 1 if anything differs."""
    from core.cli.replay import replay_updates

    if not which and not set_aside:
        raise typer.BadParameter("name updates, or --set-aside")
    raise typer.Exit(replay_updates(which or (), set_aside=set_aside, as_json=as_json))


# -- running ------------------------------------------------------------------------------------


@app.command("run")
def run_bot(safe_mode: SafeMode = False) -> None:
    """Run the bot until it is stopped."""
    _serve("bot", safe_mode=safe_mode)


@app.command()
def worker(safe_mode: SafeMode = False) -> None:
    """Run a worker for background jobs, without the bot."""
    _serve("worker", safe_mode=safe_mode)


def _serve(role: Literal["bot", "worker"], *, safe_mode: bool) -> None:
    settings = ready_settings()
    from core import log

    log.configure(settings.log)
    from core import app as composition

    def build() -> composition.App:
        made = composition.build(settings, role, safe_mode=safe_mode)
        # Only now all plugins have read their sections.
        for sentence in settings.unused:
            log.get_logger("config").warning(sentence)
        return made

    if role == "worker" and settings.redis.url:
        from core import worker as arq_worker

        arq_worker.run(settings, build)
        raise typer.Exit(OK)
    status = loop_run(build().run())
    if role == "worker":
        from core.jobs import orphans

        orphans.end()
    raise typer.Exit(status)


def ready_settings() -> Settings:
    """The settings to run with. Raises ConfigError with all that is wrong, those of plugins'
    sections and missing values too."""
    reading = config.read()
    problems = [*reading.problems, *config.required(reading.settings)]
    if problems:
        problems += section_problems(reading.settings)
        raise ConfigError(problems, hint="plugram config check; all settings: docs/settings.md")
    return reading.settings


@app.command()
def dev(
    port: Annotated[
        int,
        typer.Option(min=0, max=65535, help="Port of the playground; a free one if it's taken."),
    ] = 8080,
    live: Annotated[bool, typer.Option("--live", help="Use BOT_TOKEN instead.")] = False,
    safe_mode: SafeMode = False,
) -> None:
    """Run the bot in the playground, with no token; restarts it when code changes."""
    from core.cli.dev import develop

    raise typer.Exit(develop(port=port, live=live, safe_mode=safe_mode))


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Check everything the bot needs, and say what to do."""
    from core.cli.doctor import examine

    raise typer.Exit(examine(as_json=as_json))


@app.command()
def version() -> None:
    """Print the version."""
    from importlib.metadata import version as installed

    from core.host.plugin import API_VERSION

    terminal.say(f"plugram {installed('plugram')}, plugin API {API_VERSION}")


# -- commands of plugins ------------------------------------------------------------------------

_groups: dict[str, Candidate] = {}


def plugin_groups() -> dict[str, Candidate]:
    """CLI name → plugin that brings it, of the plugins that are on. Imports none of them."""
    if not _groups:
        from core.host.loader import Loader

        # Broken settings must not take the way to the commands that explain them.
        settings = config.read().settings
        loader = Loader(settings)
        for candidate in loader.order(loader.discover()).order:
            if candidate.manifest and (name := candidate.manifest.cli):
                _groups[settings.aliases(candidate.id).get(name, name)] = candidate
    return _groups


def _plugin_command(name: str, candidate: Candidate) -> TyperCommand:
    def call(ctx: typer.Context) -> None:
        raise typer.Exit(loop_run(_run_plugin(name, candidate.id, ctx.args)))

    summary = candidate.manifest.summary if candidate.manifest else ""
    context = {"ignore_unknown_options": True, "allow_extra_args": True}
    command = typer.main.get_command(_forwarding(call, name, summary, context))
    if not isinstance(command, TyperCommand):
        raise TypeError("one function makes one command")
    return command


def _forwarding(
    call: Callable[..., None], name: str, summary: str, context: dict[str, Any]
) -> typer.Typer:
    """A command that takes everything after its name, `--help` too."""
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    single.command(name, help=summary, context_settings=context, add_help_option=False)(call)
    return single


async def _run_plugin(name: str, plugin_id: str, args: Sequence[str]) -> int:
    """The plugin's command inside a session: its functions may be `async def`."""
    from core import app as composition

    silence_loader()
    async with composition.session(config.load()) as session:
        report = session.loader.report
        reasons = {quarantine.id: quarantine.reason for quarantine in report.quarantined}
        plugin = report.find(plugin_id)
        if plugin is None:
            raise PluginError(
                f"Plugin {plugin_id} is set aside: {reasons.get(plugin_id, 'it is off')}",
                hint=f"plugram plugins check {plugin_id}",
            )
        for other, reason in reasons.items():
            terminal.put_warning(f"plugin {other} is set aside: {reason}")
        group = session.loader.cli(plugin)
        if group is None:
            raise PluginError(f"Plugin {plugin_id} has no commands, though its manifest says so")
        command = typer.main.get_command(group)
        answer = command.main(
            args=list(args) or ["--help"], prog_name=f"plugram {name}", standalone_mode=False
        )
        if inspect.isawaitable(answer):
            answer = await answer
        return answer if isinstance(answer, int) else OK
