"""How often an agent reads its machine: tools are started for it, so not at every attempt."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from licensing_agent import Configuration
from licensing_agent.core import READING_LASTS
from tests.agent.chained import ChainedService
from tests.agent.driven import Driven
from tests.agent.service import refused
from tests.local.events import Response
from tests.unit.domain.test_lease import ISSUER
from tests.unit.samples import DAY

AWAY = Response(503, [], b"")


@pytest.fixture
def service() -> Iterator[ChainedService]:
    with ChainedService() as made:
        yield made


@pytest.fixture
def agent(service: ChainedService, tmp_path: Path) -> Iterator[Driven]:
    """An agent that has a licence, and whose readings are counted from here on."""
    told: dict[str, Any] = {"url": service.url, "issuer": ISSUER, "use_keyring": False}
    made = Driven(service)
    made.start(Configuration(folder=tmp_path / "state", **told)).check()
    made.forget()
    made.looked = 0
    yield made
    made.engine.close()


def test_a_machine_is_read_once_for_many_attempts(agent: Driven, service: ChainedService) -> None:
    service.now += DAY
    agent.check()
    agent.looked = 0
    # By and by the pauses between attempts become ten minutes long.
    start, service.answers = service.now, [AWAY] * 200
    service.now += DAY
    while service.now < start + 2 * DAY:
        service.now += 5
        agent.check()
        if len(service.requests) >= 12:
            break
    assert len(service.requests) >= 12
    assert agent.looked < len(service.requests) / 2 + 1


def test_a_reading_is_good_for_ten_minutes(agent: Driven, service: ChainedService) -> None:
    agent.check(at_once=True)
    agent.looked = 0
    service.answers = [AWAY] * 2
    service.now += DAY  # it is due
    agent.check()
    assert agent.looked == 1
    service.now += READING_LASTS - 1
    agent.check()
    assert (agent.looked, len(service.answers)) == (1, 0)
    service.now += 601
    agent.check()
    assert agent.looked == 2


@pytest.mark.parametrize("code", ["MACHINE_MISMATCH", "DETACHED"])
def test_after_a_refusal_the_machine_is_read_anew(
    agent: Driven, service: ChainedService, code: str
) -> None:
    service.answers = [refused(code, "logout")]
    agent.chance = 0.0  # the refusal is asked about again as soon as can be
    agent.check(at_once=True)
    agent.looked, agent.name = 0, "ACME-PC-02"
    service.now += READING_LASTS - 1
    agent.check()
    assert agent.looked == 1
    assert service.asked("validate")[-1]["machine"]["computer_name"] == "ACME-PC-02"


def test_at_a_login_the_machine_is_read_anew(agent: Driven, service: ChainedService) -> None:
    agent.check(at_once=True)
    agent.looked = 0
    service.answers = [refused("REVOKED", "login")]
    service.now += DAY // 2 + DAY // 4
    agent.check()
    # For the validation that was refused, and for the login; what came after it had that.
    assert agent.looked == 2
    assert service.asked("licenses")


def test_who_does_not_want_to_wait_has_it_read_anew(agent: Driven, service: ChainedService) -> None:
    agent.name = "ACME-PC-03"
    agent.check(at_once=True)
    assert service.asked("validate")[-1]["machine"]["computer_name"] == "ACME-PC-03"


def test_what_is_too_little_is_looked_for_again_at_once(
    agent: Driven, service: ChainedService
) -> None:
    agent.name = ""
    assert "At least two" in str(agent.check(at_once=True).message)
    agent.name = "ACME-PC-01"
    service.now += 60
    assert agent.check().license_state == "valid"
