"""Signed links: whose they are, how long they live, what can't be done with them."""

from __future__ import annotations

import time

import pytest
import time_machine

from core.config import WebSettings
from core.errors import LinkExpired, LinkForged
from core.links import Links

WEB = WebSettings(public_url="https://bot.example.com/", link_seconds=60)
PAYLOAD = {"key": "documents/ab/c", "name": "Pläne.pdf"}


def signed(link: str | None) -> str:
    assert link is not None
    return link.rpartition("/")[2]


def test_a_link_brings_back_what_it_is_for() -> None:
    link = Links("storage", WEB, "1:secret").make("blob", PAYLOAD)
    assert link is not None
    assert link.startswith("https://bot.example.com/storage/blob/")
    assert "secret" not in link
    assert Links("storage", WEB, "1:secret").read(signed(link)) == PAYLOAD  # another process


def test_a_cdn_may_stand_in_front() -> None:
    link = Links("storage", WEB, "1:secret").make("blob", PAYLOAD, base="https://cdn.example.com/f")
    assert link is not None
    assert link.startswith("https://cdn.example.com/f/blob/")


def test_a_link_grows_old() -> None:
    links = Links("storage", WEB, "1:secret")
    link = signed(links.make("blob", PAYLOAD))
    with time_machine.travel(time.time() + 59, tick=False):
        assert links.read(link) == PAYLOAD
    with time_machine.travel(time.time() + 62, tick=False), pytest.raises(LinkExpired):
        links.read(link)


def test_links_cant_be_forged_or_carried_elsewhere() -> None:
    links = Links("storage", WEB, "1:secret")
    link = signed(links.make("blob", PAYLOAD))
    head, dot, rest = link.partition(".")
    for other in (link[:-2], head + "A" + dot + rest, "", "nonsense", link.swapcase()):
        with pytest.raises(LinkForged):
            links.read(other)
    for reader in (Links("storage", WEB, "1:other"), Links("dashboard", WEB, "1:secret")):
        with pytest.raises(LinkForged):
            reader.read(link)


def test_without_an_address_or_a_token_there_are_none() -> None:
    assert Links("storage", WebSettings(), "1:secret").make("blob", PAYLOAD) is None
    assert Links("storage", WEB, "").make("blob", PAYLOAD) is None
