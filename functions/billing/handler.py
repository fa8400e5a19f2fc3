"""Takes over what the billing system says of a subscription, from its events on the bus (R24).

A bad event raises :class:`~licensing.domain.errors.InvalidInput`: Lambda then puts it into the
dead-letter queue, together with that error's message.
"""

import json
from types import MappingProxyType
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import ValidationError

from licensing.adapters import telemetry
from licensing.contract.organizations import SubscriptionChanged
from licensing.domain.audit import Actor, ActorKind, Origin, Reason
from licensing.domain.errors import InvalidInput
from licensing.entrypoints.deployment import current_deployment
from licensing.entrypoints.lambda_handler import entry
from licensing.usecases.change_subscription import ChangeSubscription

IGNORED: Final = MappingProxyType(
    {
        "BillingEventsStale": Reason.BILLING_STALE,
        "BillingEventsContradicting": Reason.BILLING_CONTRADICTING,
    }
)
"""The metrics that count events which were not taken over, by reason."""


@entry
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take over one event; one of a version that is not higher than the last changes nothing."""
    deployment = current_deployment()
    detail = parse(event)
    telemetry.about(organization_id=detail.organization_id)

    origin = Origin(
        actor=Actor(ActorKind.BILLING, str(event.get("source"))),
        request_id=str(event.get("id", context.aws_request_id)),
    )
    answer = deployment.use_case(ChangeSubscription).by_billing(
        detail.organization_id,
        detail.terms(),
        deployment.context(origin),
        version=detail.version,
    )
    telemetry.logger.info(
        "billing event", version=detail.version, changed=answer.changed, ignored=answer.ignored
    )
    telemetry.count("BillingEvents")
    telemetry.count("OrganizationsCreated", int(answer.created))
    # Counted when there is none, too: an alarm and a dashboard then see zeros, not gaps.
    for name, why in IGNORED.items():
        telemetry.count(name, int(answer.ignored is why))
    return {"organization_id": detail.organization_id, "changed": answer.changed}


def parse(event: dict[str, Any]) -> SubscriptionChanged:
    """What an event asks for. Raises :class:`InvalidInput`."""
    try:
        return SubscriptionChanged.model_validate_json(json.dumps(event.get("detail")))
    except ValidationError as error:
        raise InvalidInput(_reasons(error), pointer="/detail") from None


def _reasons(error: ValidationError) -> str:
    """What is wrong, without what was sent."""
    return "; ".join(
        f"{'/'.join(map(str, found['loc'])) or 'detail'}: {found['msg']}"
        for found in error.errors(include_url=False, include_input=False, include_context=False)
    )
