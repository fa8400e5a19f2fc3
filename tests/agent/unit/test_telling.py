"""Whom both clients tell, what their log says, and that a person's token is good for one login."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from licensing_agent import AsyncClient, Client, Configuration, SignInFailed, Status, System, core
from licensing_agent.attempts import Tokens
from licensing_agent.machine.sources import Platform
from tests.agent.samples import JWKS, LICENSE_KEY
from tests.agent.service import Service, refused
from tests.agent.unit.test_client import TOKEN, Agent, person, problem
from tests.agent.unit.test_client import agent as agent  # noqa: PLC0414 - a fixture
from tests.agent.unit.test_client import service as service  # noqa: PLC0414 - a fixture
from tests.agent.unit.test_client import told as told  # noqa: PLC0414 - a fixture
from tests.local.events import Response
from tests.unit.samples import DAY, NOW

SECRET = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"
EVERYBODY = ("signed_out", "valid", "grace", "refused", "unreachable")


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What the client has logged, from INFO on."""
    caplog.set_level(logging.INFO, "licensing_agent")
    return lambda: [one.getMessage() for one in caplog.records if one.name == "licensing_agent"]


def system(now: Callable[[], float] = lambda: NOW) -> System:
    """A machine with a name and a made id."""
    return System(
        wall=now,
        monotonic=now,
        chance=lambda: 0.5,
        platform=Platform(system="Linux", root=Path("/nowhere"), name=lambda: "ACME-PC-01"),
    )


# -- each state, and each failed attempt -----------------------------------------------------------


@pytest.mark.parametrize("keys", [{}, {"pinned_keys": JWKS}], ids=["fetched", "pinned"])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_every_state_has_a_callback_and_that_nobody_has_signed_in_is_told_before_anybody_is_asked(
    told: dict[str, Any], keys: dict[str, Any], *, asynchronous: bool
) -> None:
    seen: list[str] = []
    asked = person()

    def sign_in() -> str:
        seen.append("sign_in")
        return asked()

    callbacks: Any = {
        f"on_{name}": lambda status, name=name: seen.append(f"{name} {status.license_state}")
        for name in EVERYBODY
    }
    if asynchronous:

        async def life() -> None:
            async with AsyncClient(
                Configuration(**told | keys), sign_in=sign_in, system=system(), **callbacks
            ) as client:
                await client.check()
                await client.check()

        asyncio.run(life())
    else:
        with Client(
            Configuration(**told | keys), sign_in=sign_in, system=system(), **callbacks
        ) as client:
            client.check()
            client.check()
    assert seen == ["signed_out signed_out", "sign_in", "valid valid"]


def test_the_log_tells_each_change_of_state_and_each_failed_attempt(
    agent: Agent, service: Service, told: dict[str, Any], log: Callable[[], list[str]]
) -> None:
    service.answers = [problem(409, "seat_limit_reached")]
    login, validate = (f"POST {service.url}/v1/licenses{end}" for end in ("", "/validate"))
    agent.start(Configuration(**told)).check()
    assert log() == [
        "The license is signed_out.",
        f"An attempt failed: {login}: status 409: seat_limit_reached: Said by the service.",
        "The license is refused (seat_limit_reached): Said by the service.",
    ]
    agent.check(at_once=True)
    until = datetime.fromtimestamp(NOW + DAY, UTC)
    assert log()[3:] == [f"The license is valid until {until}."]
    service.answers = [Response.message(503, "later"), refused("SUSPENDED", "logout")]
    agent.check(at_once=True)
    agent.check(at_once=True)
    first, second, third, fourth = log()[4:]
    assert first.startswith(f"An attempt failed: {validate}: status 503: The service ")
    assert second.startswith(f"The license is grace until {until}: The service ")
    assert third == f"An attempt failed: {validate}: status 200: SUSPENDED: SUSPENDED."
    assert fourth == "The license is refused (SUSPENDED): SUSPENDED."


def test_the_log_tells_what_was_not_answered_and_what_was_not_sent(
    agent: Agent, service: Service, told: dict[str, Any], log: Callable[[], list[str]]
) -> None:
    agent.start(Configuration(**told)).check()
    agent.name = "caf\udce9"
    agent.check(at_once=True)
    assert log()[-2].startswith("An attempt failed: nothing was sent: This machine's name cannot")
    agent.name = "ACME-PC-01"
    service.__exit__()
    agent.check(at_once=True)
    assert log()[-1].startswith(
        f"An attempt failed: POST {service.url}/v1/licenses/validate: no answer: The service cannot"
    )


def test_a_lease_that_proves_nothing_is_a_failed_attempt_in_the_log(
    agent: Agent, service: Service, told: dict[str, Any], log: Callable[[], list[str]]
) -> None:
    agent.start(Configuration(**told | {"issuer": "urn:other"})).check()
    (line,) = [one for one in log() if "attempt" in one]
    assert line.startswith(f"An attempt failed: POST {service.url}/v1/licenses: status 201: The le")
    assert "issuer" in line


def test_r35_the_log_and_the_messages_have_no_secret(
    agent: Agent, service: Service, told: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Some gateways repeat what they have got."""
    caplog.set_level(logging.DEBUG, "licensing_agent")
    told["url"] = told["url"].replace("//", "//me:SECRET@")
    agent.signed_in = lambda: SECRET
    agent.start(Configuration(**told))
    mac = "3c:52:82:aa:bb:0c"
    for status in (400, 401, 403, 404, 407, 429, 500):
        repeated = f"'{SECRET}' is not a key=value pair in 'Bearer {SECRET}' of {mac}\n\x1b[2J"
        service.answers = [Response.message(status, repeated)]
        message = str(agent.check(at_once=True).message)
        assert SECRET not in message
        assert "\x1b" not in message
    service.answers = []
    agent.check(at_once=True)
    service.answers = [Response.message(400, f"No such key: {LICENSE_KEY} {LICENSE_KEY.lower()}")]
    message = str(agent.check(at_once=True).message)
    shown = f"{caplog.text} {message}".lower()
    assert agent.client.status.usable
    for secret in (SECRET, LICENSE_KEY, mac, "me:SECRET"):
        assert secret.lower() not in shown


# -- errors of the vendor's own --------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["function", "coroutine function"])
def test_an_error_in_sign_in_is_logged_with_its_traceback_and_without_the_token(
    agent: Agent, told: dict[str, Any], caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    def sign_in_of_the_vendor() -> str:
        raise LookupError(f"no audience in {SECRET}")

    async def later() -> str:
        return sign_in_of_the_vendor()

    is_later = agent.asynchronous and kind != "function"
    agent.signed_in = later if is_later else sign_in_of_the_vendor
    agent.start(Configuration(**told)).check()
    assert "sign_in failed." in caplog.text
    assert "in sign_in_of_the_vendor" in caplog.text
    assert "LookupError: no audience in" in caplog.text
    assert SECRET not in caplog.text


def test_a_sign_in_that_says_that_it_has_failed_is_no_fault_of_the_vendors_code(
    agent: Agent, told: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    def sign_in() -> str:
        raise SignInFailed("the provider is away")

    agent.signed_in = sign_in
    assert "provider is away" in str(agent.start(Configuration(**told)).check().message)
    assert "Traceback" not in caplog.text


# -- callbacks of an asynchronous client -----------------------------------------------------------


def run(client: Callable[[], AsyncClient], then: Callable[[AsyncClient], Awaitable[object]]) -> Any:
    """The life of an asynchronous client."""

    async def life() -> object:
        async with client() as made:
            return await then(made)

    return asyncio.run(life())


def test_an_asynchronous_client_takes_functions_and_coroutine_functions(
    service: Service, told: dict[str, Any]
) -> None:
    seen: list[str] = []

    async def later(status: Status) -> None:
        await asyncio.sleep(0)
        seen.append(f"later {status.license_state}")

    def now(status: Status) -> None:
        seen.append(f"now {status.license_state}")

    async def check(client: AsyncClient) -> None:
        await client.check()
        service.answers = [refused("SUSPENDED", "logout")]
        await client.check(at_once=True)

    for sign_in in (lambda: TOKEN, lambda: asyncio.sleep(0, TOKEN)):
        told["folder"] /= "another"
        seen.clear()
        run(
            lambda: AsyncClient(
                Configuration(**told),
                sign_in=sign_in,  # noqa: B023 - called at once
                on_signed_out=later,
                on_valid=now,
                on_refused=later,
                system=system(),
            ),
            check,
        )
        assert seen == ["later signed_out", "now valid", "later refused"]


def test_a_coroutine_function_that_fails_is_logged_with_its_traceback_and_the_agent_goes_on(
    told: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def callback_of_the_vendor(_: Status) -> None:
        await asyncio.sleep(0)
        raise LookupError("the vendor's own")

    status = run(
        lambda: AsyncClient(
            Configuration(**told),
            sign_in=lambda: TOKEN,
            on_valid=callback_of_the_vendor,
            system=system(),
        ),
        lambda client: client.check(),
    )
    assert status.usable
    assert "The callback for valid failed." in caplog.text
    assert "in callback_of_the_vendor" in caplog.text
    assert "LookupError: the vendor's own" in caplog.text


@pytest.mark.parametrize("state", ["signed_out", "valid"])
def test_a_coroutine_function_may_wait_until_the_client_is_closed(
    service: Service, told: dict[str, Any], state: str
) -> None:
    asked: list[str] = []
    clients: list[AsyncClient] = []

    def sign_in() -> str:
        asked.append(state)
        return TOKEN

    async def close(_: Status) -> None:
        await clients[0].close()

    def make() -> AsyncClient:
        callback: Any = {f"on_{state}": close}
        client = AsyncClient(Configuration(**told), sign_in=sign_in, system=system(), **callback)
        clients.append(client)
        return client

    run(make, lambda client: asyncio.wait_for(client.run(), 60))
    assert asked == (["valid"] if state == "valid" else [])
    assert service.paths == (
        ["jwks.json", "licenses", "validate"] if state == "valid" else ["jwks.json"]
    )


# -- a token is good for one login -----------------------------------------------------------------


def test_a_revoked_agent_does_not_log_itself_in_with_the_token_of_before(
    agent: Agent, service: Service, told: dict[str, Any]
) -> None:
    agent.signed_in = lambda: TOKEN
    agent.start(Configuration(**told)).check()
    service.answers = [refused("REVOKED", "login")]
    status = agent.check(at_once=True)
    assert (status.license_state, status.code, status.action) == ("refused", "REVOKED", "login")
    assert str(status.message).startswith("REVOKED. Sign in again: the token that sign_in")
    for _ in range(3):
        agent.now += 3600
        agent.check()
    assert service.paths == ["jwks.json", "licenses", "validate", "validate"]
    agent.signed_in = lambda: f" {TOKEN}\n"
    assert "Sign in again" in str(agent.check(at_once=True).message)
    agent.signed_in = lambda: "another.persons.token"
    status = agent.check(at_once=True)
    assert (status.license_state, status.message) == ("valid", None)


def test_it_says_so_only_while_the_token_is_the_old_one(
    agent: Agent, service: Service, told: dict[str, Any]
) -> None:
    agent.signed_in = lambda: TOKEN
    agent.start(Configuration(**told)).check()
    service.answers = [refused("REVOKED", "login")]
    agent.check(at_once=True)
    agent.signed_in = lambda: None
    assert agent.check(at_once=True).message == "REVOKED."


@pytest.mark.parametrize(
    "answer",
    [Response.message(503, "away"), problem(409, "seat_limit_reached"), Response(200, [], b"x")],
    ids=lambda answer: answer.status,
)
def test_a_token_that_has_brought_no_license_is_sent_again(
    agent: Agent, service: Service, told: dict[str, Any], answer: Response
) -> None:
    agent.signed_in = lambda: TOKEN
    service.answers = [answer]
    assert not agent.start(Configuration(**told)).check().usable
    assert agent.check(at_once=True).usable


def test_a_person_signs_in_once_however_often_the_login_is_sent(
    agent: Agent, service: Service, told: dict[str, Any]
) -> None:
    tokens = [TOKEN, "another"]
    agent.signed_in = lambda: tokens.pop(0) if tokens else None
    service.answers = [problem(503, "unavailable"), Response.message(502, "Bad Gateway")]
    agent.start(Configuration(**told)).check()
    agent.check(at_once=True)
    assert agent.check(at_once=True).usable
    sent = {one.header("authorization") for one in service.requests if one.body} - {None}
    assert (sent, tokens) == ({f"Bearer {TOKEN}"}, ["another"])


@pytest.mark.parametrize(
    ("answers", "changed"),
    [
        ([problem(409, "device_key")], {}),
        ([problem(403, "temporary_license_not_usable")], {"license_key": LICENSE_KEY}),
        ([], {"organization_id": "bolt"}),
    ],
    ids=["refused", "refused for the key that the agent was given", "of another organization"],
)
def test_after_a_refusal_it_may_be_another_person(
    agent: Agent,
    service: Service,
    told: dict[str, Any],
    answers: list[Response],
    changed: dict[str, Any],
) -> None:
    tokens = [TOKEN, "another"]
    agent.signed_in = lambda: tokens.pop(0)
    service.answers = [*answers]
    agent.start(Configuration(**told | changed)).check()
    assert agent.client.status.license_state == "refused"
    agent.check(at_once=True)
    assert tokens == []


def test_of_many_threads_none_sends_the_token_of_before(
    service: Service, told: dict[str, Any]
) -> None:
    agent = Agent(asynchronous=False, sign_in=lambda: TOKEN).start(Configuration(**told))
    agent.check()
    service.answers = [refused("REVOKED", "login")]
    threads = [Thread(target=agent.check, kwargs={"at_once": True}) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert service.paths.count("licenses") == 1
    assert not agent.client.status.usable
    agent.close()


def test_r35_of_a_token_its_digest_is_kept() -> None:
    tokens = Tokens()
    assert tokens.presents(SECRET)
    tokens.has_brought_license()
    assert not tokens.presents(SECRET)
    assert SECRET not in str(vars(tokens))


# -- Ctrl-C ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["sleep", "sign_in", "callback"])
def test_ctrl_c_closes_the_client_and_ends_run_quietly(told: dict[str, Any], place: str) -> None:
    def pressed(at: str) -> None:
        if at == place:
            raise KeyboardInterrupt

    def sign_in() -> str:
        pressed("sign_in")
        return TOKEN

    client = Client(
        Configuration(**told),
        sign_in=sign_in,
        on_valid=lambda _: pressed("callback"),
        sleep=lambda _: pressed("sleep"),
        system=system(),
    )
    client.run()
    again = Client(Configuration(**told), sign_in=lambda: None, system=system())  # it is free
    assert again.status.usable == (place != "sign_in")
    again.close()


# -- while a person is waited for ------------------------------------------------------------------


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_while_a_person_is_waited_for_the_agent_goes_on(
    service: Service,
    told: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    *,
    asynchronous: bool,
) -> None:
    monkeypatch.setattr(core, "LOOKS_AFTER", 0.05)
    seconds, tokens, back, states = [float(NOW)], [TOKEN], Event(), list[str]()

    def sign_in() -> str | None:
        if tokens:
            return tokens.pop()
        # Nobody comes, and nothing on the way takes the proof out any more.
        service.answers = []
        seconds[0] += 3_600
        service.now = seconds[0]
        assert back.wait(60)
        return None

    def shown(status: Status) -> None:
        states.append(status.license_state)
        if states[-2:] == ["unreachable", "valid"]:
            back.set()

    def is_over() -> None:
        seconds[0] += 2 * DAY
        service.answers = 9 * [refused("PROOF_REQUIRED", "login")]

    callbacks: Any = {f"on_{name}": shown for name in EVERYBODY}
    clocks = System(wall=lambda: seconds[0], monotonic=lambda: seconds[0], chance=lambda: 0.5)

    async def on_a_loop() -> None:
        async def signs_in() -> str | None:
            return await asyncio.to_thread(sign_in)

        async with AsyncClient(
            Configuration(**told), sign_in=signs_in, system=clocks, **callbacks
        ) as client:
            await client.check()
            is_over()
            await client.check(at_once=True)

    if asynchronous:
        asyncio.run(on_a_loop())
    else:
        with Client(Configuration(**told), sign_in=sign_in, system=clocks, **callbacks) as client:
            client.check()
            is_over()
            client.check(at_once=True)
    assert back.is_set()
