"""A machine that the wrong organization has taken, and the way out."""

from tests.local.cast import BOLT, MACHINE_F, login
from tests.local.story.teller import Teller


def tell(teller: Teller) -> None:
    """Tell the chapter."""
    teller.chapter("A machine that somebody else has taken")
    teller.step(
        "Machine F belongs to Acme, but Boris of Bolt logged in first. Alice cannot log in."
    )
    taken = teller.act("boris", "POST", "/v1/licenses", login(MACHINE_F)).expect(201)
    answer = teller.act("alice", "POST", "/v1/licenses", login(MACHINE_F))
    detail = "Your machine is already registered with Bolt."
    teller.show(answer.expect(409, detail=detail), "detail")

    teller.step("Alice calls the vendor. Olivia looks up who holds the machine ...")
    answer = teller.act("olivia", "POST", "/v1/machines/lookup", {"machine": MACHINE_F}).expect(200)
    held = [
        (holder["organization_id"], [license["id"] for license in holder["licenses"]])
        for holder in answer["holders"]
    ]
    teller.check(held == [(BOLT, [taken["license.id"]])], "the holder is another", answer)
    for organization_id, licenses in held:
        teller.field(organization_id, ", ".join(licenses))

    teller.step("... and dissociates that licence from it. Alice logs in.")
    teller.change("olivia", "dissociate", taken, "The machine is Acme's.", "dissociated")
    teller.show(
        teller.act("alice", "POST", "/v1/licenses", login(MACHINE_F)).expect(201),
        "license_key",
        "license.organization_id",
    )
    teller.is_refused(taken, MACHINE_F, "DISSOCIATED")
