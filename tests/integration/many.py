"""Organizations with many agents, for tests: what their logins would have left, put in bulk.

moto takes seconds for what hundreds of logins do, so the adapter's own steps are carried out here
without its transactions and conditions.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any
from uuid import uuid4

from licensing.adapters.dynamo.writes import writes_of
from licensing.domain import audit, license_key
from licensing.domain.audit import Actor, ActorKind, EventType, Origin
from licensing.domain.license import License, State
from licensing.domain.machine import Credentials, Machine
from licensing.usecases.ports import Change
from tests.world import World

ORIGIN = Origin(actor=Actor(ActorKind.USER, "alice", ("member",)), request_id="in-bulk")


def bind(
    world: World,
    organization_id: str,
    count: int,
    *,
    environment: str = "production",
    looks: Callable[[int, License], License] = lambda _, record: record,
) -> None:
    """Bind so many agents of an organization, each on a machine of its own.

    `looks` may make each of them, by its number, look like something.
    """
    client, table = world.runtime.dynamodb, world.runtime.settings.table_name
    changes = [
        replace(change, after=looks(number, change.after))
        for number in range(count)
        for change in [_issued(world, organization_id, environment)]
    ]
    actions = [step.action for step in writes_of(changes, organization=None, known={}, table=table)]
    puts = iter([action["Put"]["Item"] for action in actions if "Put" in action])
    while batch := list(islice(puts, 25)):
        requests: Any = [{"PutRequest": {"Item": item}} for item in batch]
        answer = client.batch_write_item(RequestItems={table: requests})
        assert not answer["UnprocessedItems"]
    for action in actions:
        if "Update" in action:
            update = action["Update"]
            client.update_item(
                TableName=table,
                Key=update["Key"],
                UpdateExpression=update["UpdateExpression"],
                ConditionExpression=update["ConditionExpression"],
                ExpressionAttributeValues=update["ExpressionAttributeValues"],
            )


def _issued(world: World, organization_id: str, environment: str) -> Change:
    credentials = Credentials.of(
        machine_id=str(uuid4()), mac_addresses=(), computer_name=f"PC-{uuid4().hex[:8]}"
    )
    keyring, now = world.runtime.keyrings.keyring(), world.runtime.now()
    machine = Machine.of(credentials, keyring.hashing_key)
    record = License(
        id=license_key.new_license_id(world.runtime.entropy(10)),
        organization_id=organization_id,
        environment=environment,
        state=State.ACTIVE,
        machine=machine,
        computer_name=credentials.display_name,
        identity=machine.identity(),
        secret_version=keyring.newest,
        issued_at=now,
        issued_by="alice",
        agent_version="4.5.0.0",
        updated_at=now,
    )
    event_id = audit.new_event_id(world.runtime.entropy(16))
    event = audit.of_license(EventType.LICENSE_ISSUED, None, record, id=event_id, origin=ORIGIN)
    return Change(None, record, event)
