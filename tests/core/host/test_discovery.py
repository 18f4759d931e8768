from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

import pytest

from core.errors import ManifestError
from core.host import discovery
from core.host.discovery import BUILT_IN, Candidate, discover, missing_extras, read_manifest, speaks
from core.host.plugin import Manifest
from tests.core.kit import manifest, write_file, write_room


def by_id(candidates: list[Candidate]) -> dict[str, Candidate]:
    return {candidate.id: candidate for candidate in candidates}


# -- manifests ------------------------------------------------------------------------------------


def test_manifest_of_a_folder(tmp_path: Path) -> None:
    room = write_room(
        tmp_path,
        "notes",
        requires={"roles": ["blob_store"], "plugins": ["files"]},
        commands={"note": "Write a note", "wipe": {"description": "Wipe", "role": "owner"}},
    )
    found = read_manifest(room)
    assert found.requires.roles == ("blob_store",)
    assert found.requires.plugins == ("files",)
    assert found.commands["note"].description == "Write a note"
    assert found.commands["wipe"].role == "owner"


def test_manifest_of_a_file_is_read_and_not_run(tmp_path: Path) -> None:
    path = write_file(tmp_path, "notes", "raise SystemExit('imported')", version="2")
    assert read_manifest(path).version == "2"


def test_annotated_manifest_and_one_in_a_package(tmp_path: Path) -> None:
    package = tmp_path / "notes"
    package.mkdir()
    (package / "__init__.py").write_text(f"manifest: dict[str, object] = {manifest('notes')!r}")
    assert read_manifest(package).id == "notes"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", "no manifest"),
        ("manifest = dict(id='a')", "must be a literal dict"),
        ("manifest = [1]", "must be a literal dict"),
        ("def (", "notes.py:1: "),
        ("manifest = {'id': 'notes', 'version': '1', 'summary': 's'}", "api is missing"),
        (
            "manifest = {'id': 'N', 'version': '1', 'summary': 's', 'api': '>=1'}",
            "id: string should match pattern",
        ),
        (
            "manifest = {'id': 'plugins', 'version': '1', 'summary': 's', 'api': '>=1'}",
            "the host's own name",
        ),
        (
            "manifest = {'id': 'nn', 'version': '1', 'summary': 's', 'api': 'one'}",
            "'one' is no range of versions",
        ),
        (
            "manifest = {'id': 'nn', 'version': '1', 'sumary': 's', 'api': '>=1'}",
            "unknown key sumary (did you mean summary?)",
        ),
        (
            "manifest = {'id': 'nn', 'version': '1', 'summary': 's', 'api': '>=1',"
            " 'commands': {'Note-it': 'x'}}",
            "Telegram takes 1 to 32",
        ),
    ],
)
def test_wrong_manifests_say_what_and_where(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "notes.py"
    path.write_text(text)
    with pytest.raises(ManifestError) as caught:
        read_manifest(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_broken_toml_is_a_manifest_error(tmp_path: Path) -> None:
    room = write_room(tmp_path, "notes")
    (room / "plugin.toml").write_text("id = ")
    with pytest.raises(ManifestError, match=r"plugin\.toml"):
        read_manifest(room)


@pytest.mark.parametrize(
    ("range_", "fits"), [(">=1,<2", True), ("~=1.0", True), (">=2", False), ("==0.9", False)]
)
def test_api_range(range_: str, fits: bool) -> None:
    assert speaks(Manifest(**{**manifest("notes"), "api": range_})) is fits


# -- where plugins are ----------------------------------------------------------------------------


def test_built_in_plugins_are_found_with_usable_manifests() -> None:
    found = discover([])
    ours = [candidate for candidate in found if candidate.origin == "built-in"]
    assert {candidate.id for candidate in ours} >= {"menu", "admin"}
    assert [candidate.error for candidate in ours if candidate.error] == []
    assert {candidate.root.parent for candidate in ours} == {BUILT_IN}


def test_built_in_folder_and_manifest_must_agree(tmp_path: Path) -> None:
    rooms = tmp_path / "rooms"
    write_room(rooms, "notes").rename(rooms / "other")
    (rooms / "no_plugin").mkdir()
    [candidate] = discover([], built_in=rooms)
    assert candidate.id == "other"
    assert "its folder says other, its manifest says notes" in candidate.error


@pytest.fixture
def nothing_built_in(tmp_path: Path) -> Path:
    folder = tmp_path / "built_in"
    folder.mkdir()
    return folder


def test_paths_may_be_files_folders_and_folders_of_plugins(
    tmp_path: Path, nothing_built_in: Path
) -> None:
    single = write_file(tmp_path, "single")
    many = tmp_path / "many"
    write_room(many, "room")
    write_file(many, "file")
    (many / "helper.py").write_text("x = 1")
    (many / "_private.py").write_text("manifest = {}")
    (many / "readme.txt").write_text("hello")
    room = write_room(tmp_path, "alone")
    found = by_id(discover([single, many, room], built_in=nothing_built_in))
    assert set(found) == {"single", "room", "file", "alone"}
    assert {candidate.origin for candidate in found.values()} == {"path"}
    assert found["single"].module == "plugram_path_single"
    assert found["single"].source == str(single)


def test_unusable_paths_are_candidates_that_say_why(tmp_path: Path, nothing_built_in: Path) -> None:
    broken = tmp_path / "Half-Done.py"
    broken.write_text("manifest = {")
    found = discover([tmp_path / "gone.py", broken], built_in=nothing_built_in)
    assert [(candidate.id, candidate.manifest) for candidate in found] == [
        ("gone", None),
        ("half_done", None),
    ]
    assert "which isn't there" in found[0].error
    assert "was never closed" in found[1].error


# -- installed ------------------------------------------------------------------------------------


def install(site: Path, name: str, package: str, files: dict[str, str], meta: str = "") -> None:
    """What pip leaves behind for a distribution."""
    about = site / f"{name.replace('-', '_')}-1.5.dist-info"
    about.mkdir(parents=True)
    about.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n{meta}\n"
    )
    about.joinpath("entry_points.txt").write_text(f"[plugram.plugins]\n{package}\n")
    for path, text in files.items():
        target = site / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(dedent(text))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    discovery._extras.cache_clear()
    return folder


MANIFEST = 'id = "weather"\nversion = "1.5"\nsummary = "x"\napi = ">=1"\n'


def test_installed_plugins_are_read_without_import(site: Path, nothing_built_in: Path) -> None:
    install(
        site,
        "plugram-weather",
        "weather = plugram_weather",
        {
            "plugram_weather/__init__.py": "raise SystemExit('imported')",
            "plugram_weather/plugin.toml": MANIFEST,
        },
    )
    found = by_id(discover([], built_in=nothing_built_in))["weather"]
    assert (found.error, found.origin, found.module) == ("", "installed", "plugram_weather")
    assert found.root == site / "plugram_weather"
    assert found.source == "plugram-weather 1.5"
    assert "plugram_weather" not in sys.modules


def test_installed_plugin_inside_of_a_package_that_is_not_imported(
    site: Path, nothing_built_in: Path
) -> None:
    install(
        site,
        "acme",
        "weather = acme_tools.bots.weather",
        {
            "acme_tools/__init__.py": "raise SystemExit('imported')",
            "acme_tools/bots/__init__.py": "",
            "acme_tools/bots/weather.py": f"manifest = {manifest('weather')!r}",
        },
    )
    found = by_id(discover([], built_in=nothing_built_in))["weather"]
    assert found.error == ""
    assert found.root == site / "acme_tools" / "bots" / "weather.py"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("weather = nowhere_at_all", "no module that can be found"),
        ("weather = plugram_weather:plugin", "no module that can be found"),
        ("other = plugram_weather", "its entry point says other, its manifest says weather"),
    ],
)
def test_wrong_entry_points_say_why(
    site: Path, nothing_built_in: Path, entry: str, said: str
) -> None:
    install(
        site,
        "plugram-weather",
        entry,
        {"plugram_weather/__init__.py": "", "plugram_weather/plugin.toml": MANIFEST},
    )
    [found] = [
        one
        for one in discover([], built_in=nothing_built_in)
        if one.distribution == "plugram-weather"
    ]
    assert said in found.error


# -- extras ---------------------------------------------------------------------------------------

EXTRAS = """Provides-Extra: maps
Provides-Extra: charts
Requires-Dist: pluggy
Requires-Dist: pluggy>=1; extra == "maps"
Requires-Dist: only-on-cpython-one; extra == "maps" and python_version < "3"
Requires-Dist: no-such-package-at-all; extra == "charts"
"""


@pytest.mark.parametrize(
    ("extras", "command"),
    [
        ([], ""),
        (["maps"], ""),
        (["charts"], "pip install 'plugram-weather[charts]'"),
        (["maps", "charts"], "pip install 'plugram-weather[charts]'"),
    ],
)
def test_missing_extras_name_the_command(
    site: Path, nothing_built_in: Path, extras: list[str], command: str
) -> None:
    install(
        site,
        "plugram-weather",
        "weather = plugram_weather",
        {
            "plugram_weather/__init__.py": "",
            "plugram_weather/plugin.toml": f"{MANIFEST}extras = {extras!r}\n",
        },
        EXTRAS,
    )
    found = by_id(discover([], built_in=nothing_built_in))["weather"]
    assert missing_extras(found) == command


def test_extras_that_the_distribution_does_not_know() -> None:
    wrong = Candidate(
        "notes",
        "built-in",
        Path(),
        "plugins.notes",
        Manifest(**manifest("notes", extras=["magic"])),
    )
    with pytest.raises(ManifestError, match="plugram has no extra magic"):
        missing_extras(wrong)


def test_extras_of_built_in_plugins_are_those_of_the_checkout() -> None:
    assert {"documents", "search"} <= set(discovery._extras("plugram"))
