"""What the client does with each answer: the rows of the table for clients in any language."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from licensing_agent import lifecycle, wire
from licensing_agent.lifecycle import FetchKeys, Login, Moment, State, Step, Terms, Validate
from licensing_agent.machine.identity import Machine
from licensing_agent.machine.sources import Found
from licensing_agent.protocol.credentials import Credentials
from licensing_agent.protocol.lease import public_keys
from licensing_agent.protocol.outcomes import Failed, Outcome, Refused, Unproven
from licensing_agent.protocol.timekeeping import Timekeeping
from licensing_agent.storage.state import Kept, KeptLease, KeptLicense
from licensing_agent.transitions import after
from tests.agent.chained import link_of
from tests.contract.agent_vectors import FOLDER

TABLE = json.loads((FOLDER / "agent_answers.json").read_text())
ROWS = TABLE["rows"]
NOW = TABLE["now"]
MACHINE = Credentials(
    TABLE["machine"]["machine_id"],
    tuple(TABLE["machine"]["mac_addresses"]),
    TABLE["machine"]["computer_name"],
)


def moment(chance: float = 0.0) -> Moment:
    return Moment(NOW, NOW, chance)


def had(row: dict[str, Any]) -> dict[str, Any]:
    """What the agent has when it asks."""
    situation: dict[str, Any] = TABLE["situations"][row["situation"]]
    return situation


def kept(row: dict[str, Any]) -> Kept:
    """What the agent has on its disk when it asks."""
    has, license, lease = had(row), None, None
    if has["license"]:
        license = KeptLicense(
            key=has["license"]["license_key"],
            id=has["license"]["id"],
            organization_id=has["license"]["organization_id"],
            device_key=has["license"]["device_key"],
            save_configuration=True,
        )
    if has["lease"]:
        time = Timekeeping(NOW, NOW, NOW)
        lease = KeptLease(
            token=has["lease"]["token"],
            nonce=has["lease"]["nonce"],
            credentials=MACHINE,
            time=time,
        )
    return Kept(
        license=license,
        lease=lease,
        link=has["presents"],
        keys=public_keys(TABLE["jwks"]),
    )


def asking(row: dict[str, Any]) -> State:
    """The agent, when its question has been sent."""
    has = had(row)
    terms = Terms(issuer=TABLE["issuer"], environment=TABLE["environment"])
    begun = lifecycle.begin(terms, kept(row), MACHINE, None, moment())
    asks_person = had(row)["asks"] != "validate" and has["license"]
    begun = replace(
        begun,
        trouble=None,
        failures=has["failures"],
        is_new=has["has_just_logged_in"],
        is_late=has["last_was_over"],
        login_until=NOW + 900 if asks_person else 0.0,
        refusal=Refused(**has["refused"]) if has["refused"] else None,
    )
    return lifecycle.asking(begun, had(row)["request"]["body"]["nonce"])


def request(row: dict[str, Any], step: Step) -> wire.Request:
    sender = wire.Sender(
        machine=Machine(found=tuple(_found()), left_out=(), surroundings=(), secret=b""),
        environment=TABLE["environment"],
        agent_version=had(row)["request"]["body"]["agent_version"],
    )
    nonce = had(row)["request"]["body"]["nonce"]
    if isinstance(step, Login):
        return wire.login(step, sender, token="a.token", nonce=nonce)
    assert isinstance(step, Validate)
    return wire.validate(step, sender, nonce=nonce)


def _found() -> Iterator[Found]:
    for component, values in TABLE["machine"].items():
        for value in values if isinstance(values, list) else [values]:
            name = component.replace("addresses", "address")
            yield Found(name, value, "a test", "it is the table's")


def outcome(row: dict[str, Any], sent: wire.Request) -> Outcome:
    told, has = row["answer"], had(row)
    if told is None:
        return Failed(why="The answer is lost.")
    body = told["text"] if "text" in told else json.dumps(told["body"])
    answer = wire.Answer(status=told["status"], headers=told["headers"], body=body.encode())
    found = wire.outcome(sent, answer)
    if isinstance(found, Unproven) and has["license"]:
        return replace(found, is_other_key=has["device_key"] != has["license"]["device_key"])
    return found


def called(step: Step) -> str:
    """The name of a step in the table."""
    match step:
        case Validate():
            return "validate"
        case FetchKeys():
            return "fetch keys"
        case Login(license_key=None):
            return "login"
        case _:
            return "login with key"


def id_of(token: str | None) -> str | None:
    link = link_of(token)
    return link.id if link else None


@pytest.mark.parametrize("row", ROWS, ids=[f"{had(row)['asks']}: {row['name']}" for row in ROWS])
def test_an_answer_leads_to_what_the_table_says(row: dict[str, Any]) -> None:
    state, then = asking(row), row["after"]
    step = lifecycle.next_step(lifecycle.hurried(state))
    assert called(step) == had(row)["asks"]
    sent = request(row, step)
    assert json.loads(sent.body or b"") == had(row)["request"]["body"]
    came = outcome(row, sent)
    soon, late = (after(state, came, moment(chance)) for chance in (0.0, 1.0))
    assert [soon.due - NOW, late.due - NOW] == then["wait"]
    status = lifecycle.status(late)
    assert status.license_state == then["state"]
    assert (status.usable, soon.lease and soon.lease.id) == (then["works"], then["works_on"])
    assert (late.kept.license is not None) is then["has_license"]
    assert id_of(late.kept.link) == then["presents"]
    nonce = had(row)["request"]["body"]["nonce"]
    assert late.kept.asked == (nonce if then["keeps_nonce"] else None)
    assert called(lifecycle.next_step(lifecycle.hurried(late))) == then["next"]
    assert status.message == then["says"]
