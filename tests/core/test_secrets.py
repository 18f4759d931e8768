"""Secrets at rest: where keys come from, what a kept value opens for, what is refused."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

import pytest

from core import config, log
from core.errors import ConfigError, SecretError, SecretKeyMissing
from core.secrets import FILE, Key, Keyring, Secrets, key_id_of, keyring, read_keys


def of(ring: Keyring, plugin_id: str = "mtproto") -> Secrets:
    return Secrets(plugin_id, ring)


@pytest.fixture
def ring(tmp_path: Path) -> Keyring:
    return Keyring([Key.new()], tmp_path / FILE)


def test_what_is_kept_comes_back_and_cant_be_read(ring: Keyring) -> None:
    kept = of(ring).encrypt("session:7", "ключ 🔑")
    assert of(ring).decrypt("session:7", kept) == "ключ 🔑"
    assert key_id_of(kept) == ring.keys[0].id
    assert "ключ" not in kept
    assert of(ring).encrypt("session:7", "ключ 🔑") != kept, "equal secrets don't look equal"


def test_it_opens_for_its_plugin_and_its_name_alone(ring: Keyring) -> None:
    kept = of(ring).encrypt("session:7", "secret")
    with pytest.raises(SecretError, match="something else than session:8"):
        of(ring).decrypt("session:8", kept)
    with pytest.raises(SecretError, match="something else"):
        of(ring, "notify").decrypt("session:7", kept)


def test_a_changed_value_is_refused(ring: Keyring) -> None:
    head, _, body = of(ring).encrypt("a", "secret").rpartition(":")
    raw = bytearray(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    for place in (0, 20, len(raw) - 1):  # what it is bound to, the nonce, the tag
        changed = bytearray(raw)
        changed[place] ^= 1
        with pytest.raises(SecretError):
            of(ring).decrypt("a", f"{head}:{base64.urlsafe_b64encode(changed).decode().strip('=')}")
    for kept in ("", "secret", f"{head}:", f"{head}:AAAA", f"{head}:!"):
        with pytest.raises(SecretError, match="isn't"):
            of(ring).decrypt("a", kept)


def test_older_keys_open_what_they_closed_and_the_first_one_closes(tmp_path: Path) -> None:
    old, new = Key.new(), Key.new()
    kept = of(Keyring([old], tmp_path / FILE)).encrypt("a", "secret")
    both = Keyring([new, old], tmp_path / FILE)
    assert of(both).decrypt("a", kept) == "secret"
    assert key_id_of(of(both).encrypt("a", "other")) == new.id
    renewed = both.renew(kept)
    assert key_id_of(renewed) == new.id
    assert of(Keyring([new], tmp_path / FILE)).decrypt("a", renewed) == "secret"


def test_a_key_that_is_gone_is_named_with_the_way_out(tmp_path: Path) -> None:
    old, new = Key.new(), Key.new()
    kept = of(Keyring([old], tmp_path / FILE)).encrypt("a", "secret")
    with pytest.raises(SecretKeyMissing) as caught:
        of(Keyring([new], tmp_path / FILE)).decrypt("a", kept)
    assert old.id in caught.value.message
    assert new.id in caught.value.message
    assert f"plugram keys lost {old.id}" in caught.value.hint
    for text in (old.text, new.text):
        assert text not in str(caught.value)


def test_without_settings_a_key_is_made_once_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / FILE
    ring = Keyring([], path)
    assert list(ring.keys) == []
    assert not path.exists(), "nothing is made before there is a secret"
    kept = of(ring).encrypt("a", "secret")
    assert path.stat().st_mode & 0o777 == 0o600
    assert of(Keyring([], path)).decrypt("a", kept) == "secret"  # another process, the same key
    assert [file.name for file in path.parent.iterdir()] == [FILE]


def test_two_processes_that_start_at_once_agree_on_a_key(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from core.secrets import *;"
        f"print(key_id_of(Secrets('a', Keyring([], Path({str(tmp_path / FILE)!r})))"
        ".encrypt('a', 'x')))"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    ids = {process.communicate()[0].strip() for process in both}
    assert len(ids) == 1
    assert ids == {Keyring([], tmp_path / FILE).keys[0].id}


def test_a_running_process_learns_of_a_new_key_in_the_file(tmp_path: Path) -> None:
    running, operator = (Keyring([], tmp_path / FILE) for _ in range(2))
    kept = of(running).encrypt("a", "before")
    new = operator.add_key()
    assert of(running).decrypt("a", operator.renew(kept)) == "before"
    assert key_id_of(of(running).encrypt("a", "after")) == new.id
    assert of(running).decrypt("a", kept) == "before"
    operator.remove_keys([key_id_of(kept)])
    with pytest.raises(SecretKeyMissing):
        of(running).decrypt("a", kept)


def test_a_file_that_cant_be_read_or_written_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()  # nobody reads a folder, not even root
    with pytest.raises(SecretError, match="can't be read"):
        of(Keyring([], tmp_path / FILE)).encrypt("a", "secret")
    (tmp_path / "file").touch()
    with pytest.raises(SecretError, match="can't be"):
        of(Keyring([], tmp_path / "file" / FILE)).encrypt("a", "secret")


def test_a_file_without_a_key_isnt_written_over(tmp_path: Path) -> None:
    for text in ("# a comment\n", "not a key\n", "\xff"):
        path = tmp_path / FILE
        path.write_bytes(text.encode("latin-1"))
        with pytest.raises(SecretError):
            of(Keyring([], path)).encrypt("a", "secret")
        assert path.read_bytes() == text.encode("latin-1")


def test_keys_come_from_a_variable_or_from_a_file_that_it_names(tmp_path: Path) -> None:
    old, new = Key.new(), Key.new()
    mounted = tmp_path / "mounted"
    mounted.write_text(f"{new.text}\n{old.text}\n")
    for env in (
        {"PLUGRAM_ENCRYPTION_KEY": f"{new.text},{old.text}"},
        {"PLUGRAM_ENCRYPTION_KEY_FILE": str(mounted)},
    ):
        settings = config.load(env=env, root=tmp_path)
        ring = keyring(settings)
        assert ring.origin == "settings"
        assert [key.id for key in ring.keys] == [new.id, old.id]
        assert old.text not in repr(settings)
        assert log.redact(f"it is {old.text}!") == "it is ***!"
        with pytest.raises(SecretError, match="settings"):
            ring.add_key()


def test_what_is_no_key_is_refused_without_being_shown(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(env={"PLUGRAM_ENCRYPTION_KEY": "correct horse battery"}, root=tmp_path)
    assert "plugram keys new" in str(caught.value)
    assert "horse" not in str(caught.value)


def test_keys_are_read_between_blanks_commas_and_lines() -> None:
    one, two = Key.new(), Key.new()
    text = f"# made in May\n{one.text}, {two.text}\n\n{one.text}"
    assert [key.id for key in read_keys(text)] == [one.id, two.id]
    assert two.text not in repr(read_keys(text))
