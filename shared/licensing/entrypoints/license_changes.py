"""The routes by which administrators change one licence: alike but for the action (R18–R20)."""

from __future__ import annotations

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from licensing.adapters import telemetry
from licensing.contract.licenses import AdministeredLicense, LicenseReply, TransitionRequest
from licensing.domain.license import Action
from licensing.domain.refusal import Refused
from licensing.entrypoints import http
from licensing.entrypoints.deployment import current_deployment
from licensing.usecases.change_license import Changed, ChangeLicense


def apply(event: APIGatewayProxyEventV2, action: Action, license_id: str) -> http.Reply:
    """Apply ``action`` to a licence and show it as it is then."""
    deployment = current_deployment()
    person = http.caller(event)
    request = http.parse_optional(event, TransitionRequest)
    telemetry.about(license_id=license_id)
    now = deployment.now()
    answer = ChangeLicense(deployment.store, deployment.entropy).apply(
        action,
        license_id,
        person,
        http.origin_of_user(event, person),
        reason=request.reason if request else None,
        now=now,
    )
    return show(answer, outcome=action, now=now)


def show(answer: Changed | Refused, *, outcome: str, now: int) -> http.Reply:
    """A changed licence, or why it was not changed."""
    if isinstance(answer, Refused):
        return http.refuse(answer)
    telemetry.about(organization_id=answer.record.organization_id)
    body = LicenseReply(license=AdministeredLicense.of(answer.record, answer.organization, now))
    return http.reply(200, body, outcome=outcome)
