"""Agents from before 4.4: they share machines among themselves, and get at no other."""

from tests.local.cast import ACME, BOLT, MACHINE_B, MACHINE_E, NAMES, login, older_login
from tests.local.client import Answer
from tests.local.story.teller import Teller


def tell(teller: Teller) -> None:
    """Tell the chapter."""
    teller.chapter("Older agents")
    teller.step(
        "Machine E, a terminal in the port, has agents 4.3 of Acme and of Coop. Both log in."
    )
    acme = _logs_in(teller, "amir")
    coop = _logs_in(teller, "cora")
    teller.check(acme["license_key"] != coop["license_key"], "both have the same key", coop)

    teller.step("They validate with the older request format, without an organization.")
    for issued in (acme, coop):
        answer = teller.agent(older_login(MACHINE_E) | {"LicenseKey": issued["license_key"]})
        answer.expect(200, valid=True, code="VALID")
        teller.show(answer, "code", "license.organization_id")

    teller.step(
        "An agent 4.5 needs the machine for its own organization: refused while they share it."
    )
    answer = teller.act("boris", "POST", "/v1/licenses", login(MACHINE_E))
    _is_refused(teller, answer, ACME)

    teller.step("An old version does not get machine B either, which Bolt holds with an agent 4.5.")
    answer = teller.act("cora", "POST", "/v1/licenses", older_login(MACHINE_B))
    _is_refused(teller, answer, BOLT)


def _logs_in(teller: Teller, username: str) -> Answer:
    answer = teller.act(username, "POST", "/v1/licenses", older_login(MACHINE_E))
    answer.expect(201, created=True)
    return teller.show(answer, "license_key", "license.organization_id")


def _is_refused(teller: Teller, answer: Answer, holder: str) -> None:
    answer.expect(
        409,
        code="machine_registered_to_other_organization",
        detail=f"Your machine is already registered with {NAMES[holder]}.",
    )
    teller.show(answer, "detail")
