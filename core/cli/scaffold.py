"""`plugram plugins new`: a plugin to begin with, written from the files in `templates/`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from core.errors import PluginError
from core.host.discovery import discover
from core.host.plugin import Manifest

TEMPLATES = Path(__file__).with_name("templates")
_SUFFIX = ".template"


def write(name: str, folder: Path, *, one_file: bool = False) -> Path:
    """Write a new plugin below `folder`; the project's folder, or the single file. Raises
    PluginError for a name that can't be one, and rather than overwrite anything."""
    words = _words(name)
    kind = TEMPLATES / ("file" if one_file else "package")
    home = folder if one_file else folder / words["distribution"]
    files = {
        home / _filled(str(template.relative_to(kind)), words).removesuffix(_SUFFIX): template
        for template in sorted(kind.rglob(f"*{_SUFFIX}"))
    }
    there = [path for path in ([home, *files] if home != folder else files) if path.exists()]
    if there:
        raise PluginError(
            f"{there[0]} is there already, and is left as it is",
            hint="choose another name, or another folder with --dir",
        )
    for path, template in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_filled(template.read_text(encoding="utf-8"), words), encoding="utf-8")
    return home / f"{words['id']}.py" if one_file else home


def _words(name: str) -> Mapping[str, str]:
    """What the templates' placeholders stand for."""
    plugin_id = name.strip().lower().removeprefix("plugram-").replace("-", "_")
    try:
        Manifest(id=plugin_id, version="0", summary="new", api=">=1")
    except ValidationError:
        raise PluginError(
            f"a plugin can't be called {name!r}",
            hint="2 to 32 of a-z, 0-9 and _, a letter first: birthdays, to_do",
        ) from None
    if plugin_id in {one.id for one in discover([]) if one.origin == "built-in"}:
        raise PluginError(f"{plugin_id} is a built-in plugin", hint=f"for example my_{plugin_id}")
    return {
        "id": plugin_id,
        "package": f"plugram_{plugin_id}",
        "distribution": f"plugram-{plugin_id.replace('_', '-')}",
        "year": str(datetime.now(UTC).year),
    }


def _filled(text: str, words: Mapping[str, str]) -> str:
    """Placeholders: `{{id}}` in texts, `__id__` in names of files."""
    for word, meaning in words.items():
        text = text.replace("{{" + word + "}}", meaning).replace(f"__{word}__", meaning)
    return text
