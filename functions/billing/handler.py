"""Takes over what the billing system says of a subscription, from its events on the bus (R24).

A bad event raises :class:`~licensing.domain.errors.InvalidInput`: Lambda then puts it into the
dead-letter queue, together with that error's message.
"""

import json
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import ValidationError

from licensing.adapters import telemetry
from licensing.contract.organizations import SubscriptionChanged
from licensing.domain.audit import Actor, ActorKind, Origin
from licensing.domain.errors import InvalidInput
from licensing.entrypoints.deployment import current_deployment
from licensing.entrypoints.lambda_handler import entry
from licensing.usecases.change_subscription import ChangeSubscription


@entry
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take over one event; older ones than the last change nothing."""
    deployment = current_deployment()
    detail = parse(event)
    wanted = detail.spec()
    telemetry.about(organization_id=wanted.organization_id)

    origin = Origin(
        actor=Actor(ActorKind.BILLING, str(event.get("source"))),
        request_id=str(event.get("id", context.aws_request_id)),
    )
    answer = deployment.use_case(ChangeSubscription).by_billing(
        wanted, deployment.context(origin), version=detail.version
    )
    telemetry.logger.info("billing event", version=detail.version, changed=answer.changed)
    telemetry.count("BillingEvents")
    return {"organization_id": wanted.organization_id, "changed": answer.changed}


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
