"""The routes by which administrators change one licence: alike but for the action (R18–R20)."""

from __future__ import annotations

from typing import Final

from licensing.adapters import telemetry
from licensing.contract.licenses import AdministeredLicense, LicenseReply, TransitionRequest
from licensing.domain.license import Action
from licensing.entrypoints import http
from licensing.usecases.change_license import Changed, ChangeLicense

WHY: Final = http.OptionalBody(TransitionRequest)


def transition(action: Action, summary: str, effect: str) -> http.Operation:
    """The operation that applies ``action`` to a licence; ``effect`` says in full what it does."""
    return http.Operation(
        f"POST /v1/licenses/{{license_id}}/{action}",
        id=f"{action}License",
        tag="Licenses",
        summary=summary,
        description=f"{effect} Safe to "
        "repeat: the license is as it was then, and the history has one entry.",
        takes=(WHY,),
        replies={200: LicenseReply},
        problems=(404, 409),
        is_tagged=True,
    )


def apply(call: http.Call, action: Action, license_id: str) -> http.Reply:
    """Apply ``action`` to a licence and show it as it is then."""
    context = call.user()
    why = call.read(WHY)
    reason = why.reason if why else None
    answer = call.use_case(ChangeLicense).apply(action, license_id, context, reason=reason)
    return http.answer(answer, lambda changed: show(changed, call, outcome=action))


def show(changed: Changed, call: http.Call, *, outcome: str) -> http.Reply:
    """A licence as a call has changed it."""
    telemetry.about(organization_id=changed.record.organization_id)
    shown = AdministeredLicense.of(changed.record, changed.organization, call.now)
    body = LicenseReply(license=shown)
    return http.tagged(call.request, body, version=changed.record.revision, outcome=outcome)
