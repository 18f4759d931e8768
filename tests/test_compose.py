"""docker-compose.yml, read as `docker compose` reads it: what every service must have."""

from __future__ import annotations

import re
import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from core import config
from core.sources import alias_names

ROOT = Path(__file__).resolve().parent.parent
IMAGE = runpy.run_path(str(ROOT / "scripts" / "image.py"))
"""What reads the Dockerfile."""
NEEDED = {"BOT_TOKEN": "1:aa", "POSTGRES_PASSWORD": "p4ss"}
SECRETS = re.compile(r"TOKEN|PASSWORD|SECRET|ACCESS_KEY")

_VARIABLE = re.compile(r"\$(?:\$|\{(\w+)(?:(:?[-?])([^}]*))?\})")


def interpolated(value: Any, given: Mapping[str, str]) -> Any:
    """Every text with its variables filled in, by the rules of the Compose specification."""

    def fill(match: re.Match[str]) -> str:
        name, how, other = match.groups()
        if name is None:
            return "$"
        found = given.get(name)
        if found is None or (not found and how and how.startswith(":")):
            if how and how.endswith("?"):
                raise LookupError(f"{name}: {other}")
            return other if how else ""
        return found

    if isinstance(value, dict):
        return {key: interpolated(item, given) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolated(item, given) for item in value]
    return _VARIABLE.sub(fill, value) if isinstance(value, str) else value


def compose(**given: str) -> dict[str, Any]:
    text = (ROOT / "docker-compose.yml").read_text()
    found: dict[str, Any] = interpolated(yaml.safe_load(text), {**NEEDED, **given})
    return found


def services(**given: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose(**given)["services"]
    return found


def dockerfile(name: str) -> list[str]:
    found = IMAGE["instructions"]((ROOT / "Dockerfile").read_text())
    return [rest for instruction, rest in found if instruction == name]


@pytest.mark.parametrize("missing", NEEDED)
def test_what_is_missing_is_named_with_the_way_out(missing: str) -> None:
    given = {name: value for name, value in NEEDED.items() if name != missing}
    with pytest.raises(LookupError, match=f"{missing}: put .*{missing}.* into .env"):
        interpolated(yaml.safe_load((ROOT / "docker-compose.yml").read_text()), given)


@pytest.mark.parametrize("name", services())
def test_every_service_is_walled_in_and_watched(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert service["deploy"]["resources"]["limits"]["memory"]
    assert service["tmpfs"][0] == "/tmp"  # noqa: S108 - of the container
    assert "privileged" not in service
    if "build" in service:  # ours: the image has its own check and its own user
        assert dockerfile("HEALTHCHECK")
        assert dockerfile("USER")[-1] not in {"0", "root"}
    else:
        assert service["healthcheck"]["test"][0] == "CMD"
        assert service["user"].split(":")[0] not in {"0", "root"}
        assert ":" in service["image"]


def test_each_waits_until_the_others_are_well() -> None:
    found = services()
    for name in ("bot", "worker"):
        waits = found[name]["depends_on"]
        assert waits.keys() == {"postgres", "redis", "s3"}
        assert all(one["condition"] == "service_healthy" for one in waits.values())
    optional = {name for name, one in found.items() if "profiles" in one}
    assert optional == {"s3"}
    assert found["bot"]["depends_on"]["s3"]["required"] is False


def test_no_secret_stands_in_it() -> None:
    """Each comes from a variable without a default that would let anybody in."""
    text = (ROOT / "docker-compose.yml").read_text()
    assert not re.search(r"\d{6,}:[\w-]{30,}", text)
    for name, how, default in re.findall(r"\$\{(\w+)(?:(:?[-?])([^}]*))?\}", text):
        if SECRETS.search(name):
            assert how.endswith("?") or default in {"", "nobody"}, name
    (identity,) = yaml.safe_load(compose()["configs"]["s3"]["content"])["identities"]
    assert identity["credentials"][0]["secretKey"] == ""  # refused by the server


def test_variables_are_settings(tmp_path: Path) -> None:
    """What it gives the bot is understood, and used."""
    aliases, _ = alias_names()
    for name in ("bot", "worker"):
        env = services()[name]["environment"]
        assert all(one in aliases or one.startswith("PLUGRAM_") for one in env)
        reading = config.read(env=env, root=tmp_path)
        assert reading.problems == []
        settings = reading.settings
        assert settings.database.url == "postgresql://plugram:p4ss@postgres:5432/plugram"
        assert settings.redis.url == "redis://redis:6379/0"
        assert settings.unused == []


def test_what_stands_in_env_for_compose_is_nothing_to_the_bot(tmp_path: Path) -> None:
    """`.env` goes to both: the bot must not take a variable of Compose's for a setting."""
    text = (ROOT / "docker-compose.yml").read_text()
    names = set(re.findall(r"\$\{(\w+)", text)) - {"PLUGRAM_DATABASE__MIGRATE"}
    env = services()["bot"]["environment"] | {name: "7" for name in names if name not in NEEDED}
    assert config.read(env=env, root=tmp_path).problems == []


def test_what_the_bot_writes_outlives_its_container() -> None:
    image = dict(part.split("=", 1) for part in " ".join(dockerfile("ENV")).split() if "=" in part)
    kept = Path(image["PLUGRAM_DATA_DIR"])
    assert dockerfile("VOLUME") == [str(kept)]
    for name in ("bot", "worker"):
        assert f"data:{kept}" in services()[name]["volumes"]
    used = {
        mount.partition(":")[0] for one in services().values() for mount in one.get("volumes", ())
    }
    assert used == set(compose()["volumes"])


def test_the_health_check_asks_the_port_that_is_published() -> None:
    published = services()["bot"]["ports"][0]
    assert published == "127.0.0.1:8081:8081"
    assert services(BOT_PORT="9000")["bot"]["ports"][0] == "127.0.0.1:9000:8081"
    assert any("PLUGRAM_WEB__PORT=8081" in one for one in dockerfile("ENV"))
    assert dockerfile("HEALTHCHECK")[0].endswith('["python", "-I", "-m", "core.alive"]')


@pytest.mark.parametrize(
    ("path", "out"),
    [
        (".env", True),
        (".secrets.toml", True),
        ("settings.toml", True),
        ("tests/conftest.py", True),
        ("settings/.secrets.toml", True),
        ("settings/presets/mine.local.toml", True),
        ("plugins/files/.env.production", True),
        ("plugins/files/private.pem", True),
        ("core/__pycache__/app.pyc", True),
        ("core/app.py", False),
        ("plugins/files/plugin.toml", False),
        ("settings/default.toml", False),
        ("requirements-deploy.lock", False),
    ],
)
def test_no_secret_gets_into_the_image(path: str, out: bool) -> None:
    rules = IMAGE["rules_of"](ROOT / ".dockerignore")
    assert IMAGE["ignored"](path, rules) is out
