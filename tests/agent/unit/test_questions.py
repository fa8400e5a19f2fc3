"""An agent asks each question with one nonce, whatever is lost and wherever it is killed (R37)."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from licensing.domain.lease_chain import Link
from licensing_agent import Configuration, core
from licensing_agent.storage import store
from tests.agent.chained import Chain, ChainedService, link_of
from tests.agent.driven import TOKEN, Driven
from tests.agent.service import refused
from tests.agent.unit.test_client import problem
from tests.agent.unit.test_store import Ring
from tests.local.events import Response
from tests.unit.domain.test_lease import ISSUER
from tests.unit.samples import DAY, NOW

ASKED: dict[str, Any] = {
    "nonce": "n-1",
    "machine": {"machine_id": "id-1", "mac_addresses": [], "computer_name": "pc"},
}
HOUR = 3600
REVOKED = refused("REVOKED", "login")


@pytest.fixture
def service() -> Iterator[ChainedService]:
    with ChainedService() as made:
        yield made


@pytest.fixture
def told(service: ChainedService, tmp_path: Path) -> dict[str, Any]:
    """What a configuration says."""
    return {
        "url": service.url,
        "issuer": ISSUER,
        "folder": tmp_path / "state",
        "use_keyring": False,
    }


@pytest.fixture
def agent(service: ChainedService) -> Iterator[Driven]:
    made = Driven(service)
    yield made
    made.engine.close()


@pytest.fixture
def licensed(agent: Driven, told: dict[str, Any]) -> Driven:
    """An agent that has logged in and validated once; what it has asked until then is forgotten."""
    assert agent.start(Configuration(**told)).check().license_state == "valid"
    agent.forget()
    return agent


# -- logins --------------------------------------------------------------------------------------


def test_r37_a_login_presents_the_lease_of_the_licence_that_has_been_given_up(
    licensed: Driven, service: ChainedService
) -> None:
    service.answers = [REVOKED]
    assert licensed.check(at_once=True).license_state == "valid"
    validation, login, *_ = service.asked()
    assert login["lease"] == validation["lease"]
    assert login["nonce"] != validation["nonce"]
    assert service.chain.suspicions == 0


@pytest.mark.parametrize("code", ["NOT_FOUND", "ORGANIZATION_MISMATCH", "REVOKED"])
def test_r37_the_lease_that_a_login_presents_outlives_a_restart(
    licensed: Driven, service: ChainedService, code: str
) -> None:
    licensed.signed_in = None
    service.answers = [refused(code, "login")]
    assert licensed.check(at_once=True).code == code
    (validation,) = service.asked("validate")
    again = licensed.killed()
    again.signed_in = TOKEN
    assert again.check().license_state == "valid"
    assert service.asked("licenses")[0]["lease"] == validation["lease"]


@pytest.mark.parametrize("is_killed", [False, True])
def test_r37_a_login_whose_answer_was_lost_is_repeated_with_its_nonce_and_gets_the_same_link(
    agent: Driven, service: ChainedService, told: dict[str, Any], *, is_killed: bool
) -> None:
    service.loses = 1
    assert not agent.start(Configuration(**told)).check().usable
    link = service.chain.current
    again = agent.killed() if is_killed else agent
    service.now += 60
    assert again.check().license_state == "valid"
    assert service.chain.current == link
    lost, *_, answered = service.asked("licenses")
    assert lost == answered
    assert service.chain.suspicions == 0


def test_r37_a_login_that_is_refused_keeps_its_question_since_an_earlier_one_may_have_counted(
    licensed: Driven, service: ChainedService
) -> None:
    service.answers = [REVOKED]
    service.loses = 1
    licensed.check(at_once=True)
    service.now += 60
    service.answers = [Response.of_json(401, {"message": "Unauthorized"})]
    assert licensed.check().code == "unauthorized"
    again = licensed.killed()
    assert again.check().license_state == "valid"
    assert len({one["nonce"] for one in service.asked("licenses")}) == 1
    assert service.chain.suspicions == 0


def test_r37_a_logins_question_and_a_validations_are_two(
    licensed: Driven, service: ChainedService
) -> None:
    """A validation's answer is lost, then it is refused; the login's is lost, then answered."""
    service.loses = 1
    licensed.check(at_once=True)
    service.answers = [REVOKED]
    licensed.signed_in = None
    licensed.check(at_once=True)
    licensed.signed_in = TOKEN
    service.loses = 1
    licensed.check(at_once=True)
    assert licensed.check(at_once=True).license_state == "valid"
    nonces = [{one["nonce"] for one in service.asked(path)} for path in ("licenses", "validate")]
    assert [len(one) for one in nonces] == [1, 2]
    assert not nonces[0] & nonces[1]


def test_r37_a_login_asks_nothing_that_would_take_the_place_of_what_cannot_be_opened(
    licensed: Driven,
    service: ChainedService,
    told: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ring = Ring()
    monkeypatch.setattr(core, "platform_keyring", lambda: ring)
    told["use_keyring"] = True
    licensed.engine.close()
    licensed.start(Configuration(**told)).check(at_once=True)
    licensed.signed_in = None
    service.answers = [REVOKED]
    licensed.check(at_once=True)
    licensed.engine.close()
    kept = Path(told["folder"], store.NAME).read_bytes()
    ring.works = False
    licensed.signed_in = TOKEN
    service.answers = [problem(503, "unavailable"), problem(503, "unavailable")]
    licensed.start(Configuration(**told)).check()
    licensed.check(at_once=True)
    assert Path(told["folder"], store.NAME).read_bytes() == kept
    assert len({one["nonce"] for one in service.asked("licenses")}) == 1
    ring.works = True
    licensed.forget()
    assert licensed.check(at_once=True).license_state == "valid"
    assert service.asked("licenses")[0]["lease"] is not None


# -- killed at any instant -----------------------------------------------------------------------


class KilledError(BaseException):
    """Here the process ended."""


@contextmanager
def killed_at(count: int) -> Iterator[list[int]]:
    """The process ends just before its write number `count`; how many there were."""
    written: list[int] = []
    replace = os.replace

    def ends(source: Any, target: Any) -> None:
        written.append(count)
        if len(written) == count:
            raise KilledError
        replace(source, target)

    with pytest.MonkeyPatch.context() as disk:
        disk.setattr(os, "replace", ends)
        yield written


def live(agent: Driven) -> None:
    """A login, a renewal, an end, and another login; of each one answer is lost."""
    service = agent.service
    assert isinstance(service, ChainedService)
    for stage in ("login", "renewal", "end"):
        if stage == "renewal":
            service.now += DAY * 5 // 8
        if stage == "end":
            service.answers = [REVOKED]
        service.loses = 1
        agent.check(at_once=True)
        agent.check(at_once=True)


def test_r37_killed_between_any_two_writes_it_never_asks_one_question_with_two_nonces(
    service: ChainedService, told: dict[str, Any]
) -> None:
    count, writes = 0, 1
    while count < writes:
        count += 1
        service.chain, service.now = Chain(), NOW
        service.requests.clear()
        folder = told | {"folder": told["folder"] / str(count)}
        agent = Driven(service).start(Configuration(**folder))
        with killed_at(count) as written:
            try:
                live(agent)
            except KilledError:
                live(agent.killed())
        writes = len(written)
        agent.engine.close()
        assert service.chain.suspicions == 0, f"killed at write {count}"
        assert len({one["nonce"] for one in service.asked("licenses")}) > 1
    assert count > 8


# -- an answer that comes too late ---------------------------------------------------------------


def test_r37_an_agent_whose_answer_was_lost_and_that_was_off_past_its_end_asks_on_at_once(
    licensed: Driven, service: ChainedService
) -> None:
    service.now += DAY * 5 / 8
    service.loses = 1
    licensed.check()
    over = service.chain.current
    again = licensed.killed()
    again.forget()
    service.now += 9 * DAY
    status = again.check()
    assert (status.license_state, status.until) == ("valid", service.now + DAY)
    assert again.told == ["valid"]
    first, second = (one for one in distinct(service.asked("validate")))
    assert link_of(second["lease"]) == over
    assert second["nonce"] != first["nonce"]
    assert service.chain.suspicions == 0


def distinct(asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for at, one in enumerate(asked) if one not in asked[:at]]


def test_r37_so_does_one_that_only_slept(licensed: Driven, service: ChainedService) -> None:
    service.now += DAY * 5 / 8
    service.loses = 1
    licensed.check()
    licensed.told.clear()
    service.now += 9 * DAY
    assert licensed.check().license_state == "valid"
    assert licensed.told == ["valid"]


def test_r37_a_late_answer_ends_no_lease_that_is_in_its_time(
    licensed: Driven, service: ChainedService
) -> None:
    """The subscription ended when it was asked, and has been renewed since."""
    service.now += DAY * 5 / 8
    service.chain.seconds = HOUR
    service.loses = 1
    licensed.check()
    service.chain.seconds = DAY
    again = licensed.killed()
    again.told.clear()
    service.now += 2 * HOUR
    assert again.engine.status().license_state == "grace"
    assert again.check().until == service.now + DAY
    assert again.told == ["valid"]  # and not that it could not be reached


def test_r37_a_service_that_always_answers_too_late_is_left_alone_longer_and_longer(
    licensed: Driven, service: ChainedService
) -> None:
    service.chain.seconds = 0
    service.now += 2 * DAY
    status = licensed.check()
    assert (status.license_state, status.usable) == ("unreachable", False)
    assert "over already" in str(status.message)
    assert len(distinct(service.asked("validate"))) == 2
    for _ in range(20):
        service.now += 60
        licensed.check()
    assert len(distinct(service.asked("validate"))) < 15
    service.now += HOUR
    asked = len(distinct(service.asked("validate")))
    licensed.check()
    assert len(distinct(service.asked("validate"))) == asked + 1
    service.chain.seconds = DAY
    assert licensed.check(at_once=True).license_state == "valid"


def test_r37_a_late_answer_has_to_be_right_but_for_its_time(
    licensed: Driven, service: ChainedService
) -> None:
    service.now += 2 * DAY
    over = Link("forged", int(service.now) - DAY, int(service.now) - 1)
    token = service.token(over, ASKED)  # of another question, and another machine
    valid = {"valid": True, "lease": {"token": token, "renew_after": "2030-01-01T00:00:00Z"}}
    service.answers = [Response.of_json(200, valid | {"server_time": "2033-01-01T00:00:00Z"})]
    assert not licensed.check().usable
    licensed.check(at_once=True)
    presented = {one["lease"] for one in service.asked("validate")}
    assert token not in presented


# -- a disk that takes nothing -------------------------------------------------------------------


def full(call: str) -> Callable[..., Any]:
    error = {"write": errno.ENOSPC, "replace": errno.EROFS, "fsync": errno.EIO}[call]

    def fails(*_: object) -> None:
        raise OSError(error, os.strerror(error))

    return fails


@pytest.mark.parametrize("call", ["write", "replace", "fsync"])
def test_r37_on_a_full_disk_nothing_is_asked_that_a_restart_would_ask_otherwise(
    licensed: Driven,
    service: ChainedService,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
) -> None:
    service.now += DAY * 5 / 8
    with monkeypatch.context() as disk:
        disk.setattr(os, call, full(call))
        for _ in range(2):
            status = licensed.check(at_once=True)
            assert (status.license_state, status.until) == ("grace", NOW + DAY)
            assert "free the disk" in str(status.message)
            assert "free the disk" in str(status.storage)
        assert service.requests == []
        again = licensed.killed()
        again.check()
        service.now += DAY
        assert again.check().license_state == "unreachable"
        assert service.requests == []
    service.now += 1200
    status = again.check()
    assert (status.license_state, status.storage) == ("valid", None)
    assert service.chain.suspicions == 0


def test_r37_a_full_disk_is_tried_again_with_the_usual_pauses(
    licensed: Driven, service: ChainedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def fails(*_: object) -> None:
        tried.append(service.now)
        raise OSError(errno.ENOSPC, "full")

    service.now += DAY * 5 / 8
    with monkeypatch.context() as disk:
        disk.setattr(os, "write", fails)
        for _ in range(200):
            licensed.check()
            service.now += 1
    # An agent that looks each second stores its time when it can, and asks nobody meanwhile.
    assert service.requests == []
    service.now += 600
    assert licensed.check().license_state == "valid"
    assert tried


def test_r37_a_question_that_is_on_the_disk_is_repeated_though_the_disk_is_full(
    licensed: Driven, service: ChainedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.now += DAY * 5 / 8
    service.loses = 1
    licensed.check()
    monkeypatch.setattr(os, "write", full("write"))
    service.now += 1200
    assert licensed.check().license_state == "valid"
    assert service.asked()[0] == service.asked()[-1]
    # Its answer is not on the disk: a restart repeats the question, and nothing else is asked.
    asked = len(service.requests)
    assert licensed.check(at_once=True).license_state == "grace"
    assert len(service.requests) == asked
    assert service.chain.suspicions == 0


def test_r37_a_login_that_cannot_be_stored_is_not_sent_where_the_disk_has_a_licence(
    licensed: Driven, service: ChainedService, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.answers = [REVOKED]
    licensed.signed_in = None
    licensed.check(at_once=True)
    licensed.signed_in = TOKEN
    with monkeypatch.context() as disk:
        disk.setattr(os, "write", full("write"))
        status = licensed.check(at_once=True)
        assert (status.license_state, "free the disk" in str(status.storage)) == ("refused", True)
        assert service.asked("licenses") == []
    assert licensed.check(at_once=True).license_state == "valid"


def test_a_folder_that_never_took_anything_is_done_without(
    agent: Driven,
    service: ChainedService,
    told: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent.start(Configuration(**told))
    monkeypatch.setattr(os, "write", full("write"))
    for _ in range(3):
        assert agent.check().license_state == "valid"
        service.now += DAY * 5 / 8
    assert "free the disk" in str(agent.engine.status().storage)
    assert service.chain.suspicions == 0
