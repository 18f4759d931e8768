from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import pytest

from core.errors import RoleError
from core.host import services as services_module
from core.host.roles import BlobStore, Embedder, Provide
from core.host.services import Services, role_name


@runtime_checkable
class Greeter(Protocol):
    @property
    def tone(self) -> str: ...

    def greet(self) -> str: ...


class Polite:
    def __init__(self, word: str = "Good day") -> None:
        self.word = word

    @property
    def tone(self) -> str:
        raise AssertionError("a provider's properties may load a model: nobody asks at start")

    def greet(self) -> str:
        return self.word


class Rude:
    def shout(self) -> str:
        return "HEY"


@pytest.mark.parametrize(
    ("role", "name"), [(BlobStore, "blob_store"), (Embedder, "embedder"), (Greeter, "greeter")]
)
def test_role_names_are_snake_case(role: type, name: str) -> None:
    assert role_name(role) == name


def test_role_name_keeps_acronyms_together() -> None:
    assert role_name(type("HTTPCache", (), {})) == "http_cache"


def test_require_gives_the_provider() -> None:
    services = Services({})
    polite = Polite()
    services.provide("manners", Provide(Greeter, polite))
    assert services.require(Greeter) is polite
    assert services.get(Greeter) is polite


def test_nobody_provides() -> None:
    services = Services({})
    with pytest.raises(RoleError, match="nobody provides greeter") as caught:
        services.require(Greeter)
    assert "switch on a plugin that provides greeter" in caught.value.hint
    assert services.get(Greeter) is None


def test_offer_must_implement_its_role() -> None:
    services = Services({})
    with pytest.raises(RoleError, match="Rude as greeter, but it lacks greet, tone"):
        services.provide("rude", Provide(Greeter, Rude()))


def test_two_offers_of_one_plugin_need_names() -> None:
    services = Services({})
    services.provide("manners", Provide(Greeter, Polite()))
    with pytest.raises(RoleError, match="provides greeter twice"):
        services.provide("manners", Provide(Greeter, Polite()))


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    class Log:
        def warning(self, event: str, **fields: Any) -> None:
            found.append({"event": event, **fields})

    monkeypatch.setattr(services_module, "log", Log())
    return found


def test_priority_chooses_with_one_warning(warnings: list[dict[str, Any]]) -> None:
    services = Services({})
    services.provide("low", Provide(Greeter, Polite("low"), priority=10))
    services.provide("high", Provide(Greeter, Polite("high"), priority=90))
    assert services.require(Greeter).greet() == "high"
    assert services.require(Greeter).greet() == "high"
    [warning] = warnings
    assert (warning["chosen"], warning["others"]) == ("high", ["low"])
    assert warning["hint"] == "[roles] greeter = …"


def test_equal_priorities_are_decided_by_load_order() -> None:
    services = Services({})
    services.provide("earlier", Provide(Greeter, Polite("earlier")))
    services.provide("later", Provide(Greeter, Polite("later")))
    assert services.require(Greeter).greet() == "earlier"
    assert [provider.label for provider in services.providers("greeter")] == ["earlier", "later"]


@pytest.mark.parametrize("choice", ["low", "low.calm"])
def test_settings_choose_over_priority(choice: str, warnings: list[dict[str, Any]]) -> None:
    services = Services({"greeter": choice})
    services.provide("low", Provide(Greeter, Polite("calm"), priority=10, name="calm"))
    services.provide("high", Provide(Greeter, Polite("high"), priority=90))
    assert services.require(Greeter).greet() == "calm"
    assert warnings == []


def test_a_choice_that_is_not_there_names_those_that_are() -> None:
    services = Services({"greeter": "gone"})
    with pytest.raises(RoleError, match="names gone, which doesn't provide it"):
        services.require(Greeter)
    services.provide("manners", Provide(Greeter, Polite(), name="calm"))
    with pytest.raises(RoleError) as caught:
        services.check("greeter")
    assert caught.value.hint == 'set [roles] greeter to "manners.calm"'
    with pytest.raises(RoleError):
        services.get(Greeter)


def test_withdrawn_providers_are_gone() -> None:
    services = Services({})
    services.provide("manners", Provide(Greeter, Polite()))
    services.withdraw("manners")
    assert services.get(Greeter) is None
