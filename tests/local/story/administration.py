"""Ada at work: she blocks an agent, and lets its key move to a new computer."""

from collections.abc import Mapping
from typing import Any

from tests.local.cast import MACHINE_C, MACHINE_D, login
from tests.local.client import Answer
from tests.local.story.teller import Teller

STILL_BOUND = (
    "Agent needs to be dissociated first from the portal, before reassigning the same license key."
)


def tell(
    teller: Teller, c: Mapping[str, Any] = MACHINE_C, d: Mapping[str, Any] = MACHINE_D
) -> Answer:
    """Tell the chapter; Acme's licence, which is on machine D in the end."""
    teller.chapter("An administrator at work")
    teller.step("Amir logs in on machine C, in Acme's planning office.")
    issued = teller.act("amir", "POST", "/v1/licenses", login(c)).expect(201)
    teller.show(issued, "license_key", "license.id")

    _block(teller, issued, c)
    _unblock(teller, issued, c)
    _move(teller, issued, c, d)
    return issued


def _block(teller: Teller, issued: Answer, c: Mapping[str, Any]) -> None:
    teller.step("Ada blocks that agent. The agent is told, and so is anybody who logs in there.")
    teller.change("ada", "detach", issued, "Amir is on leave.", "detached")
    blocked = "Agent is Blocked."
    teller.is_refused(issued, c, "DETACHED", message=blocked, action="logout")
    answer = teller.act("alice", "POST", "/v1/licenses", login(c))
    teller.show(answer.expect(409, code="agent_blocked", detail=blocked), "code", "detail")


def _unblock(teller: Teller, issued: Answer, c: Mapping[str, Any]) -> None:
    teller.step("Ada unblocks it. The agent goes on with the key that it has.")
    teller.change("ada", "attach", issued, "Amir is back.", "active")
    teller.is_valid(issued, c)


def _move(teller: Teller, issued: Answer, c: Mapping[str, Any], d: Mapping[str, Any]) -> None:
    key = issued["license_key"]
    teller.step("Amir gets a new computer, machine D, and enters the key there: still refused.")
    answer = teller.act("amir", "POST", "/v1/licenses", login(d, license_key=key))
    teller.show(answer.expect(409, code="license_still_bound", detail=STILL_BOUND), "detail")

    teller.step("Ada dissociates the licence from machine C. Seat and machine are free.")
    teller.change("ada", "dissociate", issued, "Amir gets a new computer.", "dissociated")
    teller.is_refused(issued, c, "DISSOCIATED")

    teller.step("Amir logs in on machine D with the key: the same licence is now bound to D.")
    same = {name: issued[name] for name in ("license.id", "license_key")}
    answer = teller.act("amir", "POST", "/v1/licenses", login(d, license_key=key))
    answer.expect(200, created=False, **{"license.status": "active"}, **same)
    teller.show(answer, "license_key", "license.id", "license.status")
    teller.is_valid(issued, d)
    teller.is_refused(issued, c, "MACHINE_MISMATCH")
