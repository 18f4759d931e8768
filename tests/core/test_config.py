"""Settings: where they come from, what is refused, and how it is told."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr

from core import config, log, reference
from core.config import Reading, Settings
from core.errors import ConfigError
from core.host.plugin import PluginSettings
from core.sources import line_numbers
from settings import HERE

TOKEN = "123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"


def read(root: Path, toml: str = "", env: Mapping[str, str] | None = None, **more: Any) -> Reading:
    (root / "settings.toml").write_text(toml)
    return config.read(root=root, env=env or {}, **more)


def problem(root: Path, toml: str = "", env: Mapping[str, str] | None = None) -> str:
    """The one problem that these settings have."""
    (found,) = read(root, toml, env).problems
    return found


def values(root: Path, toml: str = "", env: Mapping[str, str] | None = None) -> Settings:
    reading = read(root, toml, env)
    assert reading.problems == []
    return reading.settings


class Search(PluginSettings):
    page_size: int = Field(default=5, ge=1, le=50, description="Results a page.")
    api_key: SecretStr | None = Field(default=None, description="Key.")
    kinds: tuple[str, ...] = Field(default=(), description="Kinds.")
    limits: dict[str, int] = Field(default_factory=dict, description="Limits.")


# -- sources ------------------------------------------------------------------------------------


def test_defaults_are_enough(tmp_path: Path) -> None:
    settings = config.load(root=tmp_path, env={})
    assert settings.data_dir == tmp_path / "data"
    assert settings.database.url == ""
    assert settings.jobs.lease == 8
    assert settings.unused == []


def test_defaults_file_says_what_the_fields_say() -> None:
    assert (HERE / "default.toml").read_text() == reference.default_toml()


def test_token_and_api_base_are_enough_to_run(tmp_path: Path) -> None:
    env = {"BOT_TOKEN": TOKEN, "TELEGRAM_API_BASE": "http://127.0.0.1:9/"}
    settings = config.load(root=tmp_path, env=env)
    assert settings.bot.token is not None
    assert settings.bot.token.get_secret_value() == TOKEN
    assert settings.bot.api_base == "http://127.0.0.1:9"
    assert config.required(settings) == []


def test_missing_token_is_told_with_the_way_out(tmp_path: Path) -> None:
    (missing,) = config.required(values(tmp_path))
    assert "BOT_TOKEN" in missing


def test_later_sources_win(tmp_path: Path) -> None:
    toml = "[default.jobs]\nslots = 2\n[production.jobs]\nslots = 3\n"
    assert values(tmp_path, toml).jobs.slots == 3
    assert read(tmp_path, toml, environment="testing").settings.jobs.slots == 2
    (tmp_path / ".secrets.toml").write_text("[default.jobs]\nslots = 4\n")
    assert values(tmp_path, toml).jobs.slots == 4
    (tmp_path / "settings.local.toml").write_text("[default.jobs]\nslots = 7\nattempts = 2\n")
    settings = values(tmp_path, toml)
    assert (settings.jobs.slots, settings.jobs.attempts) == (7, 2)
    assert str(settings.origins["jobs.slots"]) == "settings.local.toml:2"
    env = {"PLUGRAM_JOBS__SLOTS": "5"}
    assert values(tmp_path, toml, env).jobs.slots == 5
    reading = read(tmp_path, toml, env, overrides={"jobs.slots": 6})
    assert reading.settings.jobs.slots == 6


def test_tables_merge_and_lists_replace(tmp_path: Path) -> None:
    toml = (
        "[default.bot]\nadmins = [1, 2]\nlanguage = 'ru'\n[production.bot]\nadmins = [3]\n"
        "[default.features]\na = true\n[production.features]\nb = false\n"
    )
    settings = values(tmp_path, toml)
    assert settings.bot.admins == (3,)
    assert settings.bot.language == "ru"
    assert settings.features == {"a": True, "b": False}


def test_origins_tell_file_and_line_or_variable(tmp_path: Path) -> None:
    toml = "[default.jobs]\n\nslots = 2\nattempts = 3\n[default.bot]\n"
    settings = values(tmp_path, toml, {"PLUGRAM_JOBS__ATTEMPTS": "4", "BOT_TOKEN": TOKEN})
    assert str(settings.origins["jobs.slots"]) == "settings.toml:3"
    assert str(settings.origins["jobs.attempts"]) == "PLUGRAM_JOBS__ATTEMPTS"
    assert str(settings.origins["bot.token"]) == "BOT_TOKEN"
    assert "jobs.lease" not in settings.origins


def test_data_dir_and_plugin_paths(tmp_path: Path) -> None:
    toml = "[default]\ndata_dir = 'kept'\n[default.plugins]\npaths = ['mine']\n"
    settings = values(tmp_path, toml)
    assert settings.data_dir == tmp_path / "kept"
    assert settings.plugins.paths == (tmp_path / "mine",)
    env = {"PLUGRAM_DATA_DIR": "/srv/bot", "PLUGRAM_PLUGINS__PATHS": "more,/opt/plugins"}
    settings = values(tmp_path, toml, env)
    assert settings.data_dir == Path("/srv/bot")
    assert settings.plugins.paths == (tmp_path / "mine", tmp_path / "more", Path("/opt/plugins"))


def test_relative_sqlite_file_belongs_to_the_root(tmp_path: Path) -> None:
    settings = values(tmp_path, "[default.database]\nurl = 'sqlite+aiosqlite:///./bot.db'\n")
    assert settings.database.url == f"sqlite:///{tmp_path / 'bot.db'}"


def test_dotenv_is_read_below_the_process_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(
        f"# a bot\nexport TELEGRAM_TOKEN='{TOKEN}'\nPLUGRAM_JOBS__SLOTS=3\n"
        'PLUGRAM_REDIS__PREFIX="x-${HOME}"\n'
    )
    monkeypatch.setenv("PLUGRAM_JOBS__SLOTS", "4")
    reading = config.read(root=tmp_path)
    settings = reading.settings
    assert settings.jobs.slots == 4
    assert settings.bot.token is not None
    assert str(settings.origins["bot.token"]) == ".env:2"
    # Written as it stands there, so it is no valid prefix; nothing was put in its place.
    assert "'x-${HOME}'" in "".join(reading.problems)


def test_dotenv_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\n\nthis is no assignment\n")
    assert ".env:3: not NAME=value" in config.read(root=tmp_path).problems
    (tmp_path / ".env").write_bytes(b"A=\xff\n")
    assert (
        f"{tmp_path / '.env'} can't be read: it isn't text" in config.read(root=tmp_path).problems
    )


def test_a_root_that_isnt_there_is_a_problem(tmp_path: Path) -> None:
    problems = config.read(root=tmp_path / "no", env={}).problems
    assert f"PLUGRAM_ROOT: there is no folder {tmp_path / 'no'}" in problems


def test_a_given_environment_stands_in_for_dotenv_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PLUGRAM_JOBS__SLOTS=3\n")
    assert values(tmp_path).jobs.slots == 10


@pytest.mark.parametrize("name", ["BOT_TOKEN", "TELEGRAM_TOKEN", "PLUGRAM_BOT__TOKEN"])
def test_secrets_are_read_from_mounted_files(tmp_path: Path, name: str) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    settings = values(tmp_path, env={f"{name}_FILE": str(tmp_path / "token")})
    assert settings.bot.token is not None
    assert settings.bot.token.get_secret_value() == TOKEN
    assert str(settings.origins["bot.token"]) == f"{name}_FILE"


def test_mounted_secret_that_is_missing_or_doubled(tmp_path: Path) -> None:
    env = {"BOT_TOKEN_FILE": str(tmp_path / "nowhere")}
    assert "BOT_TOKEN_FILE" in problem(tmp_path, env=env)
    assert "No such file" in problem(tmp_path, env=env)
    assert "keep one of them" in problem(tmp_path, env=env | {"BOT_TOKEN": TOKEN})


def test_empty_variables_count_as_unset(tmp_path: Path) -> None:
    env = {"BOT_TOKEN": "", "PLUGRAM_JOBS__SLOTS": "", "REDIS_PASSWORD": ""}
    settings = values(tmp_path, env=env)
    assert settings.bot.token is None
    assert settings.unused == []


def test_variables_become_the_types_of_their_fields(tmp_path: Path) -> None:
    env = {
        "PLUGRAM_REDIS__PREFIX": "12345",
        "PLUGRAM_OUTGOING__PAID_BROADCAST": "yes",
        "PLUGRAM_BOT__OWNER": "null",
        "PLUGRAM_BOT__ADMINS": "1, 2",
        "PLUGRAM_FEATURES__SEARCH": "off",
        "PLUGRAM_ROLES": '{"embedder": "embeddings.offline"}',
        "PLUGRAM_PLUGINS__REQUIRED": '["files"]',
        "PLUGRAM_TRACE_HOOKS": "1",
    }
    settings = values(tmp_path, env=env)
    assert settings.redis.prefix == "12345"
    assert settings.outgoing.paid_broadcast is True
    assert settings.bot.owner is None
    assert settings.bot.admins == (1, 2)
    assert settings.features == {"search": False}
    assert settings.roles == {"embedder": "embeddings.offline"}
    assert settings.plugins.required == ("files",)
    assert settings.hooks.trace is True


# -- names of other bots ------------------------------------------------------------------------


def test_every_older_name_is_accepted(tmp_path: Path) -> None:
    rows = "TELEGRAM_TOKEN TELEGRAM_BOT_TOKEN BOT_TOKEN DATABASE_URL POSTGRES_HOST POSTGRES_PORT"
    rows += " POSTGRES_USER POSTGRES_PASSWORD POSTGRES_DB POSTGRES_POOL_SIZE POSTGRES_MAX_OVERFLOW"
    rows += " REDIS_URL REDIS_HOST REDIS_PORT REDIS_DB REDIS_PASSWORD RQ_REDIS_URL RQ_QUEUE_NAME"
    rows += " AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION S3_BUCKET_NAME OPENAI_API_KEY"
    rows += " ANTHROPIC_API_KEY QDRANT_URL ML_API_URL DEFAULT_MODEL EMBEDDING_CACHE_SIZE"
    rows += " MAX_HISTORY_TURNS HTTP_TIMEOUT SRC_CHANNEL DST_CHANNEL TG_API_ID TG_API_HASH"
    rows += " TELEGRAM_API_ID TELEGRAM_API_HASH TG_COMPRESSED_SESSION_STRING ADMIN_TELEGRAM_ID"
    rows += " REQUEST_TIMEOUT FILE_DOWNLOAD_TIMEOUT MAX_RETRIES RETRY_BACKOFF_BASE"
    rows += " BROADCAST_BATCH_SIZE BROADCAST_DELAY WEBHOOK_SECRET SUPABASE_URL SUPABASE_KEY"
    rows += " SUPABASE_SERVICE_KEY"
    given_values = dict.fromkeys(rows.split(), "7")
    given_values |= dict.fromkeys(("TELEGRAM_TOKEN", "TELEGRAM_BOT_TOKEN", "BOT_TOKEN"), TOKEN)
    given_values |= {"DATABASE_URL": "postgresql+asyncpg://u:p@h/d", "REDIS_URL": "redis://r"}
    given_values |= {"RQ_REDIS_URL": "redis://r", "SRC_CHANNEL": "@int_source"}
    settings = values(tmp_path, env=given_values)
    assert settings.database.url == "postgresql://u:p@h/d"
    assert settings.redis.url == "redis://r"
    assert settings.bot.admins == (7,)
    assert settings.http.timeout == settings.http.download_timeout == 7
    told = " ".join(settings.unused)
    for name in ("SUPABASE_URL", "S3_BUCKET_NAME", "POSTGRES_HOST"):
        assert f"{name} is set but unused" in told
    for name in ("DATABASE_URL", "BOT_TOKEN", "MAX_RETRIES", "WEBHOOK_SECRET"):
        assert f"{name} is set" not in told


def test_urls_are_composed_of_their_parts(tmp_path: Path) -> None:
    env = {
        "POSTGRES_HOST": "db",
        "POSTGRES_USER": "ann",
        "POSTGRES_PASSWORD": "p@s/s",
        "POSTGRES_DB": "bot",
        "REDIS_HOST": "cache",
        "REDIS_PORT": "6380",
        "REDIS_PASSWORD": "hush",
    }
    settings = values(tmp_path, env=env)
    assert settings.database.url == "postgresql://ann:p%40s%2Fs@db:5432/bot"
    assert settings.redis.url == "redis://:hush@cache:6380/0"
    assert settings.unused == []


def test_parts_without_a_host_do_nothing_and_say_so(tmp_path: Path) -> None:
    settings = values(tmp_path, env={"POSTGRES_PORT": "5432"})
    assert settings.database.url == ""
    assert settings.unused == ["POSTGRES_PORT is set but unused: POSTGRES_HOST isn't set"]


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("postgresql+asyncpg://u@h/d", "postgresql://u@h/d"),
        ("postgres://u@h/d", "postgresql://u@h/d"),
        ("postgresql+psycopg2://u@h/d?sslmode=require", "postgresql://u@h/d?sslmode=require"),
        ("sqlite:////var/bot.db", "sqlite:////var/bot.db"),
    ],
)
def test_database_urls_are_normalised(tmp_path: Path, url: str, plain: str) -> None:
    assert values(tmp_path, env={"DATABASE_URL": url}).database.url == plain


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("DATABASE_URL", "postgresql://u:S3cret/More@h:5432/d"),
        ("DATABASE_URL", "postgresql://u:S3cret#More@h/d"),
        ("DATABASE_URL", "postgresql://h:S3cret/d"),
        ("DATABASE_URL", "postgresql://u:[S3cret]More@h/d"),
        ("DATABASE_URL", "postgresql://u:[S3cret@h/d"),
        ("REDIS_URL", "redis://:S3cret/More@h:6379/0"),
    ],
)
def test_addresses_with_an_unquoted_password_are_refused_and_not_told(
    tmp_path: Path, name: str, url: str
) -> None:
    told = problem(tmp_path, env={name: url})
    assert "%2F" in told
    assert "S3cret" not in told
    assert "More" not in told


def test_two_names_for_one_setting_must_agree(tmp_path: Path) -> None:
    other = TOKEN.replace("AA", "BB")
    told = problem(tmp_path, env={"BOT_TOKEN": TOKEN, "TELEGRAM_TOKEN": other})
    assert told == "BOT_TOKEN and TELEGRAM_TOKEN give bot.token different values; keep one of them"


def test_our_own_name_goes_before_older_ones(tmp_path: Path) -> None:
    env = {"HTTP_TIMEOUT": "5", "PLUGRAM_HTTP__TIMEOUT": "6"}
    assert values(tmp_path, env=env).http.timeout == 6


# -- what is refused ----------------------------------------------------------------------------


def test_all_errors_come_in_one_report(tmp_path: Path) -> None:
    toml = """
[default.bot]
tokn = "x"
api_base = "ftp://nowhere"
[default.jobs]
slots = "10"
attempts = 0
[default.log]
level = "inof"
[default.features]
search = "yes"
"""
    (tmp_path / "settings.toml").write_text(toml)
    env = {"PLUGRAM_HTTP__RETRIES": "many", "PLUGRAM_BOT_TOKEN": TOKEN, "PLUGRAM_WEB__PROT": "1"}
    with pytest.raises(ConfigError) as caught:
        config.load(root=tmp_path, env=env)
    assert sorted(caught.value.problems) == sorted(
        [
            "settings.toml:3: bot.tokn is not a setting; did you mean bot.token?",
            "settings.toml:4: bot.api_base must be a URL such as https://api.telegram.org",
            "settings.toml:6: jobs.slots must be a whole number, not '10'",
            "settings.toml:7: jobs.attempts must be at least 1, not 0",
            "settings.toml:9: log.level must be 'debug', 'info', 'warning' or 'error', "
            "not 'inof'; did you mean info?",
            "settings.toml:11: features.search must be true or false, not 'yes'",
            "PLUGRAM_HTTP__RETRIES: http.retries must be a whole number, not 'many'",
            "PLUGRAM_BOT_TOKEN: bot_token is not a setting; did you mean PLUGRAM_BOT__TOKEN?",
            "PLUGRAM_WEB__PROT: web.prot is not a setting; did you mean web.port?",
        ]
    )


def test_what_is_right_stays_usable_beside_what_is_wrong(tmp_path: Path) -> None:
    reading = read(tmp_path, "[default.jobs]\nslots = 3\nattempts = 'x'\n")
    assert len(reading.problems) == 1
    assert reading.settings.jobs.slots == 3
    assert reading.settings.jobs.attempts == 5


@pytest.mark.parametrize(
    ("environment", "advice"),
    [("prodction", "did you mean production?"), ("xyz", "name your own in `environments`")],
)
def test_misspelt_environment(tmp_path: Path, environment: str, advice: str) -> None:
    told = problem(tmp_path, env={"PLUGRAM_ENV": environment})
    assert told.startswith(f"PLUGRAM_ENV: there is no environment '{environment}'")
    assert advice in told


def test_misspelt_environment_in_the_file(tmp_path: Path) -> None:
    assert problem(tmp_path, "[prodution.jobs]\nslots = 1\n") == (
        "settings.toml:1: prodution is not an environment; did you mean production?"
    )


def test_setting_outside_of_an_environment(tmp_path: Path) -> None:
    assert "write [default.jobs]" in problem(tmp_path, "\n[jobs]\nslots = 1\n")


def test_environments_of_ones_own(tmp_path: Path) -> None:
    toml = "[default]\nenvironments = ['canary']\n[canary.jobs]\nslots = 1\n"
    reading = read(tmp_path, toml, {"PLUGRAM_ENV": "canary"})
    assert reading.problems == []
    assert reading.settings.jobs.slots == 1


def test_invalid_toml_is_told_with_its_place(tmp_path: Path) -> None:
    told = problem(tmp_path, "[default.jobs]\nslots = \n")
    assert told.startswith("settings.toml: not valid TOML: ")
    assert "line 2" in told


@pytest.mark.parametrize("name", ["settings.toml", "settings.local.toml", ".secrets.toml"])
def test_a_broken_file_is_one_problem(tmp_path: Path, name: str) -> None:
    (tmp_path / "settings.toml").write_text("[default.jobs]\nslots = 2\n")
    (tmp_path / name).write_text("[default.jobs\n")
    (told,) = config.read(root=tmp_path, env={}).problems
    assert told.startswith(f"{name}: not valid TOML")


@pytest.mark.parametrize(
    "value", ["@format {env[HOME]}", "@jinja {{ this.bot.token }}", "@get BOT", "@merge x"]
)
def test_templates_are_refused_in_files(tmp_path: Path, value: str) -> None:
    told = problem(tmp_path, f"[default.plugins.search]\nx = '{value}'\n")
    assert told.startswith("settings.toml:2: plugins.search.x: @")
    assert "is not evaluated" in told


def test_templates_are_inert_in_variables(tmp_path: Path) -> None:
    env = {"PLUGRAM_PLUGINS__SEARCH__KINDS": "@int 5", "BOT_TOKEN": TOKEN}
    settings = values(tmp_path, env=env)
    assert settings.section("search", Search).kinds == ("@int 5",)


def test_switches_of_dynaconf_are_refused(tmp_path: Path) -> None:
    told = read(tmp_path, "[default.jobs]\ndynaconf_merge = false\n").problems
    assert any("Dynaconf's own switches" in one for one in told)
    assert "unset it" in problem(tmp_path, env={"MERGE_ENABLED_FOR_DYNACONF": "1"})


def test_lease_and_heartbeat_must_fit(tmp_path: Path) -> None:
    told = problem(tmp_path, "[default.jobs]\nlease = 3\n")
    assert told == "settings.toml:2: jobs.lease must be at least twice jobs.heartbeat"


@pytest.mark.parametrize("preset", [path.stem for path in (HERE / "presets").glob("*.toml")])
def test_a_preset_says_of_every_plugin_whether_it_is_on(preset: str, tmp_path: Path) -> None:
    plugins = {path.parent.name for path in (HERE.parent / "plugins").glob("*/plugin.toml")}
    assert values(tmp_path, env={"PLUGRAM_PRESET": preset}).features.keys() == plugins


def test_the_deployment_goes_before_its_preset(tmp_path: Path) -> None:
    settings = values(tmp_path, '[default]\npreset = "archive"\n[default.features]\nocr = false')
    assert settings.preset == "archive"
    assert settings.features["ocr"] is False
    assert settings.features["files"] is True


def test_preset_that_is_not_there(tmp_path: Path) -> None:
    assert "there is no preset 'archve'" in problem(tmp_path, env={"PLUGRAM_PRESET": "archve"})


@pytest.mark.parametrize("wrong", ["not a token", "123456", "x:" + "A" * 35])
def test_a_secret_is_never_quoted(tmp_path: Path, wrong: str) -> None:
    told = problem(tmp_path, env={"BOT_TOKEN": wrong})
    assert told == (
        "BOT_TOKEN: bot.token doesn't look like a bot token (123456789:AA…), as @BotFather gives it"
    )


def test_passwords_are_not_quoted(tmp_path: Path) -> None:
    told = problem(tmp_path, env={"DATABASE_URL": "mysql://u:hunter2-hunter2@h/d"})
    assert "hunter2" not in told
    assert "postgresql://" in told


def test_nothing_secret_in_a_repr(tmp_path: Path) -> None:
    env = {"BOT_TOKEN": TOKEN, "DATABASE_URL": "postgresql://u:hunter2@h/d"}
    settings = values(tmp_path, env=env)
    assert "hunter2" not in repr(settings)
    assert TOKEN.partition(":")[2] not in repr(settings)


def test_settings_are_frozen(tmp_path: Path) -> None:
    settings = values(tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        settings.jobs.slots = 3  # type: ignore[misc]


# -- sections of plugins ------------------------------------------------------------------------


def test_section_is_typed_and_cached(tmp_path: Path) -> None:
    toml = "[default.plugins.search]\npage_size = 7\n[default.plugins.search.aliases]\nfind = 'f'\n"
    settings = values(tmp_path, toml, {"PLUGRAM_PLUGINS__SEARCH__KINDS": "a,b"})
    section = settings.section("search", Search)
    assert (section.page_size, section.kinds) == (7, ("a", "b"))
    assert settings.section("search", Search) is section
    assert settings.aliases("search") == {"find": "f"}
    assert settings.section("other", Search) == Search()


def test_problems_of_all_sections(tmp_path: Path) -> None:
    toml = (
        "[default.plugins.search]\npage_size = 99\npage_sise = 1\n"
        "[default.plugins.menu]\ncolour = 1\n"
    )
    settings = values(tmp_path, toml, {"PLUGRAM_PLUGINS__SEARCH__LIMITS": "{}x"})
    problems = config.validate_sections(settings, {"search": Search, "menu": None, "files": None})
    assert sorted(problems) == [
        "PLUGRAM_PLUGINS__SEARCH__LIMITS: plugins.search.limits must be a table, not '{}x'",
        "settings.toml:2: plugins.search.page_size must be at most 50, not 99",
        "settings.toml:3: plugins.search.page_sise is not a setting; "
        "did you mean plugins.search.page_size?",
        "settings.toml:5: plugins.menu.colour is not a setting",
    ]


def test_required_setting_of_a_plugin(tmp_path: Path) -> None:
    class Strict(BaseModel):
        key: str

    settings = values(tmp_path)
    assert config.validate_sections(settings, {"strict": Strict}) == [
        "plugins.strict.key is required"
    ]


def test_unknown_plugins_are_told_with_what_was_meant(tmp_path: Path) -> None:
    toml = (
        "[default.features]\nserch = true\n[default.plugins.filez]\nx = 1\n"
        "[default.plugins]\nrequired = ['menus']\n[default.roles]\nembedder = 'embedings.offline'\n"
    )
    settings = values(tmp_path, toml)
    assert config.unknown_plugins(settings, {"search", "files", "menu", "embeddings"}) == [
        "settings.toml:2: features.serch: there is no plugin 'serch'; did you mean search?",
        "settings.toml:4: plugins.filez: there is no plugin 'filez'; did you mean files?",
        "settings.toml:8: roles.embedder: there is no plugin 'embedings'; did you mean embeddings?",
        "settings.toml:6: plugins.required: there is no plugin 'menus'; did you mean menu?",
    ]


def test_plugin_section_must_be_a_table(tmp_path: Path) -> None:
    assert "[plugins.search]" in problem(tmp_path, "[default.plugins]\nsearch = 4\n")


class Embeddings(PluginSettings):
    openai_api_key: SecretStr | None = None
    url: str = ""


def test_older_names_reach_the_plugins_that_know_them(tmp_path: Path) -> None:
    env = {"OPENAI_API_KEY": "sk-" + "a" * 30, "QDRANT_URL": "http://q"}
    settings = values(tmp_path, env=env)
    assert len(settings.unused) == 2
    section = settings.section("embeddings", Embeddings)
    assert section.openai_api_key is not None
    assert section.openai_api_key.get_secret_value() == env["OPENAI_API_KEY"]
    assert str(settings.origins["plugins.embeddings.openai_api_key"]) == "OPENAI_API_KEY"
    (left,) = settings.unused
    assert left.startswith("QDRANT_URL is set but unused")
    assert log.redact(f"x {env['OPENAI_API_KEY']} y") == "x *** y"


def test_our_own_name_goes_before_an_older_one_in_sections(tmp_path: Path) -> None:
    toml = "[default.plugins.embeddings]\nurl = 'http://file'\n"
    env = {"ML_API_URL": "http://old"}
    assert values(tmp_path, toml, env).section("embeddings", Embeddings).url == "http://old"
    env |= {"PLUGRAM_PLUGINS__EMBEDDINGS__URL": "http://ours"}
    assert values(tmp_path, toml, env).section("embeddings", Embeddings).url == "http://ours"


# -- schema, docs, speed ------------------------------------------------------------------------


def test_schema_describes_what_is_accepted(tmp_path: Path) -> None:
    schema = reference.json_schema({"search": Search, "menu": None})
    assert json.loads(json.dumps(schema)) == schema
    settings = schema["$defs"]["Settings"]
    assert settings["additionalProperties"] is False
    assert schema["$defs"]["JobsSettings"]["properties"]["slots"]["minimum"] == 1
    search = schema["$defs"]["PluginsSettings"]["properties"]["search"]
    assert search["properties"]["page_size"]["description"] == "Results a page."
    assert set(search["properties"]) == {*Search.model_fields, "aliases"}


def test_every_setting_has_type_default_and_help() -> None:
    for option in reference.options(Settings):
        assert option.help.endswith((".", ")")), option.key
        assert option.type, option.key
        assert not option.key.endswith("_file"), "NAME_FILE variables mean mounted secrets"


@given(
    st.dictionaries(
        st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True),
        st.integers() | st.text(alphabet="ab\n\"'#[]= ", max_size=12),
        min_size=1,
        max_size=6,
    )
)
def test_lines_of_keys_are_found_whatever_the_values_hold(table: dict[str, Any]) -> None:
    lines = [
        "# [x]",
        "[a.b] # why",
        *(f"{k} = {reference.toml_value(v)}" for k, v in table.items()),
    ]
    found = line_numbers("\n".join(lines))
    assert found["a"] == found["a.b"] == 2
    assert [found[f"a.b.{key}"] for key in table] == list(range(3, 3 + len(table)))


def test_loading_is_light() -> None:
    code = (
        "import sys\n"
        "from core import config\n"
        "config.load(env={})\n"
        "heavy = {'aiogram', 'numpy', 'tortoise', 'structlog', 'typer'} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# -- what follows from the deployment's name -----------------------------------------------------


def names(settings: config.Settings) -> tuple[str, str, str, str]:
    return (
        settings.deployment.name,
        settings.redis.prefix,
        settings.data_dir.name,
        settings.database.url.rpartition("/")[2],
    )


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, ("plugram", "plugram", "data", "plugram")),
        (
            {"PLUGRAM_ENV": "staging"},
            ("plugram_staging", "plugram_staging", "data-plugram_staging"),
        ),
        ({"PLUGRAM_DEPLOYMENT__NAME": "archive"}, ("archive", "archive", "data-archive")),
        (
            {"PLUGRAM_ENV": "staging", "PLUGRAM_DATA_DIR": "here", "PLUGRAM_REDIS__PREFIX": "r"},
            ("plugram_staging", "r", "here"),
        ),
    ],
)
def test_a_deployments_name_names_what_it_keeps(
    tmp_path: Path, env: dict[str, str], expected: tuple[str, ...]
) -> None:
    settings = config.load(env={**env, "DATABASE_URL": "postgresql://u@h"}, root=tmp_path)
    name = expected[0]
    assert names(settings) == (*expected[:3], name)


def test_a_database_that_is_named_keeps_its_name(tmp_path: Path) -> None:
    for url in ("postgresql://u@h/mine", "postgresql://u@/?host=h&dbname=mine"):
        found = config.load(env={"DATABASE_URL": url}, root=tmp_path).database.url
        assert found.count("mine") == 1
        assert "plugram" not in found


def test_a_deployments_name_is_one_that_servers_take(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"deployment\.name must match"):
        config.load(env={"PLUGRAM_DEPLOYMENT__NAME": "My bot"}, root=tmp_path)
