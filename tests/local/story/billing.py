"""The billing system's events, which come at least once and in any order."""

from typing import Any

from tests.local.cast import BOLT, MACHINE_B, billing_event, days_from_now
from tests.local.client import Answer
from tests.local.story.teller import Teller

_REASON = "max_agents: Input should be a valid integer"


def tell(teller: Teller, bolt: Answer) -> None:
    """Tell the chapter; `bolt` is the licence of Bolt's agent on machine B."""
    teller.chapter("Billing")
    year, two_years = days_from_now(365), days_from_now(730)

    teller.step("Bolt does not pay. Billing's event pauses the subscription: its agents stop.")
    paused = billing_event(BOLT, year, "paused", 7)
    _put(teller, paused)
    teller.is_refused(bolt, MACHINE_B, "SUSPENDED", action="logout")

    teller.step("Bolt pays for two years: the next event renews, and the same key is valid again.")
    _put(teller, billing_event(BOLT, two_years, "active", 8))
    teller.is_valid(bolt, MACHINE_B)
    renewed = _organization(teller)
    renewed.expect(200, **{"organization.subscription.valid_until": two_years})
    teller.show(renewed, "organization.subscription.valid_until", "organization.version")

    teller.step("The older event arrives again, late. It changes nothing.")
    _put(teller, paused)
    teller.is_valid(bolt, MACHINE_B)
    unchanged = _organization(teller)
    teller.check(unchanged.body == renewed.body, "Bolt has changed", unchanged)
    teller.show(unchanged, "organization.version")

    teller.step(
        "A bad event is tried three times and ends in a dead-letter queue, with the reason."
    )
    bad = billing_event(BOLT, year, "active", 9)
    bad["detail"]["max_agents"] = "a few"
    event_id = _put(teller, bad)
    answer = teller.call("GET", "/_local/dead-letters").expect(200)
    letters = answer["queues.BillingDeadLetters"]
    is_there = [letter["requestPayload"]["id"] for letter in letters] == [event_id]
    teller.check(is_there, "the event is not the only dead letter", answer)
    (letter,) = letters
    context = letter["requestContext"]
    is_told = (
        context["condition"],
        context["approximateInvokeCount"],
        letter["responsePayload"]["errorMessage"],
    ) == ("RetriesExhausted", 3, _REASON)
    teller.check(is_told, "the reason is not there", answer)
    for name in ("condition", "approximateInvokeCount"):
        teller.field(name, context[name])
    teller.field("errorMessage", letter["responsePayload"]["errorMessage"])
    teller.is_valid(bolt, MACHINE_B)


def _put(teller: Teller, event: dict[str, Any]) -> str:
    answer = teller.call("POST", "/_local/bus", event)
    answer.expect(202, functions=["BillingFunction"])
    teller.field("version", event["detail"]["version"])
    return str(answer["id"])


def _organization(teller: Teller) -> Answer:
    return teller.act("olivia", "GET", f"/v1/organizations/{BOLT}").expect(200)
