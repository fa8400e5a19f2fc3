"""Bolt's agent ends and comes back with Bolt's subscription."""

from tests.local.cast import BOLT, MACHINE_B, days_from_now, login
from tests.local.client import Answer
from tests.local.story.teller import Teller


def tell(teller: Teller) -> Answer:
    """Tell the chapter; the licence of Bolt's agent on machine B."""
    teller.chapter("A subscription ends and is renewed")
    teller.step("Boris logs in from machine B, which is free, and the agent there validates.")
    bolt = teller.act("boris", "POST", "/v1/licenses", login(MACHINE_B)).expect(201)
    teller.show(bolt, "license_key", "license.id")
    teller.is_valid(bolt, MACHINE_B)

    teller.step("Bolt's subscription ends. One write, and all agents of Bolt are refused.")
    teller.subscribe(BOLT, days_from_now(-1))
    teller.is_refused(bolt, MACHINE_B, "EXPIRED")

    teller.step("The scheduled sweep marks Bolt's licence as expired, for people to see.")
    teller.show(teller.sweep().expect(200, expired=1), "expired")
    teller.has_status(bolt, "expired")

    teller.step("Bolt renews. The same key is valid at once, and the sweep removes the mark.")
    teller.subscribe(BOLT, days_from_now(365))
    teller.is_valid(bolt, MACHINE_B)
    teller.show(teller.sweep().expect(200, reinstated=1), "reinstated")
    teller.has_status(bolt, "active")
    teller.is_valid(bolt, MACHINE_B)
    return bolt
