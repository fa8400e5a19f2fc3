"""Administrators block, unblock, dissociate, mark and label an agent's licence (R8, R19, R20).

They reset its device key, too (R36).
"""

from licensing.contract.licenses import EditRequest, LicenseReply
from licensing.domain.license import Action
from licensing.entrypoints import http
from licensing.entrypoints.license_changes import WHY, apply, show, transition
from licensing.usecases.change_license import ChangeLicense

EDIT = http.Body(EditRequest)
SEEN = http.IfMatch("The ETag of the license as you read it: change no other version.")

api = http.Api()
handler = api.handler


@api.serves(
    transition(
        Action.ATTACH,
        "Unblock an agent.",
        "The block of a detached license is lifted: its agent is valid again.",
    )
)
def attach(call: http.Call, license_id: str) -> http.Reply:
    """Unblock an agent."""
    return apply(call, Action.ATTACH, license_id)


@api.serves(
    transition(
        Action.DETACH,
        "Block an agent.",
        "Validations and logins of this agent are refused from now on, while its machine and seat "
        "stay taken. An agent that does not ask can go on until `leased_until`.",
    )
)
def detach(call: http.Call, license_id: str) -> http.Reply:
    """Block an agent without freeing its machine."""
    return apply(call, Action.DETACH, license_id)


@api.serves(
    transition(
        Action.DISSOCIATE,
        "Free an agent's machine and seat.",
        "The license waits for another machine: a login there that presents its key binds it, with "
        "the same key. An agent that does not ask can go on until `leased_until`.",
    )
)
def dissociate(call: http.Call, license_id: str) -> http.Reply:
    """Free an agent's machine and seat; its key waits."""
    return apply(call, Action.DISSOCIATE, license_id)


@api.serves(
    http.Operation(
        "POST /v1/licenses/{license_id}/reset-device-key",
        id="resetDeviceKey",
        tag="Licenses",
        summary="Forget an agent's device key.",
        description="The next login "
        "binds the device key that it proves: for an agent that has lost its own. Safe to repeat.",
        takes=(WHY,),
        replies={200: LicenseReply},
        problems=(404,),
        is_tagged=True,
    )
)
def reset_device_key(call: http.Call, license_id: str) -> http.Reply:
    """Forget an agent's device key."""
    context = call.user()
    why = call.read(WHY)
    answer = call.use_case(ChangeLicense).reset_device_key(
        license_id, context, reason=why.reason if why else None
    )
    return http.answer(answer, lambda changed: show(changed, call, outcome="reset_device_key"))


@api.serves(
    http.Operation(
        "PATCH /v1/licenses/{license_id}",
        id="updateLicense",
        tag="Licenses",
        summary="Mark an agent as primary, or label it.",
        description="What the request "
        "leaves out stays as it is. Safe to repeat; with `If-Match`, only the version that was "
        "read is changed.",
        takes=(EDIT, SEEN),
        replies={200: LicenseReply},
        problems=(404, 412),
        is_tagged=True,
    )
)
def mark(call: http.Call, license_id: str) -> http.Reply:
    """Mark an agent as primary, or label it."""
    context = call.user()
    edit, seen = call.read(EDIT).edit(), call.read(SEEN)
    change = call.use_case(ChangeLicense)
    answer = change.edit(edit, license_id, context, expected_version=seen)
    return http.answer(answer, lambda changed: show(changed, call, outcome="edit"))
