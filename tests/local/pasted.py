"""What `run` prints: who can log in, and the lines of `pasted.sh`, ready to paste."""

import json
from pathlib import Path

from tests.local.cast import (
    AGENT_VERSION,
    BOLT,
    MACHINE_A,
    NAMES,
    billing_event,
    days_from_now,
    organization,
)
from tests.local.client import Client
from tests.local.identity import PASSWORD, USERS
from tests.local.template import REGION, STACK_NAME

OPERATOR = "olivia"
WHO_SIGNS_IN = "Sign in as ada, administrator of Acme, or as olivia, super-admin."


def seed(client: Client, operator_client_id: str) -> None:
    """Register the organizations through the API, as the vendor's operator would."""
    answer = client.log_in(operator_client_id, OPERATOR, PASSWORD).expect(200)
    for name in NAMES:
        client.call(
            "PUT",
            f"/v1/organizations/{name}",
            organization(name, days_from_now(365)),
            token=answer["AuthenticationResult.IdToken"],
        ).expect(201)


def users() -> str:
    """The users as a table."""
    head = ("user", "password", "organization", "role")
    rows = [head, *((user.username, PASSWORD, user.organization, user.role) for user in USERS)]
    return "\n".join("".join(f"{cell:17}" for cell in row).rstrip() for row in rows)


def for_aws(url: str) -> str:
    """A line for a shell, after which its `aws` CLI speaks to the service at `url`."""
    # An option, since version 1 looks at no AWS_ENDPOINT_URL for the queues of older regions.
    return (
        f"export STACK={STACK_NAME} AWS_DEFAULT_REGION={REGION} AWS_ACCESS_KEY_ID=local "
        f'AWS_SECRET_ACCESS_KEY=local; aws() {{ command aws --endpoint-url {url} "$@"; }}'
    )


def lines(url: str, agent_client_id: str, operator_client_id: str) -> str:
    """Lines for a shell with curl and python3, to be pasted one after the other."""
    text = Path(__file__).with_suffix(".sh").read_text(encoding="utf-8")
    for name, value in {
        "URL": url,
        "AGENT_CLIENT_ID": agent_client_id,
        "OPERATOR_CLIENT_ID": operator_client_id,
        "PASSWORD": PASSWORD,
        "MACHINE": json.dumps(MACHINE_A),
        "AGENT_VERSION": AGENT_VERSION,
        "BILLING_EVENT": json.dumps(billing_event(BOLT, days_from_now(730), "active", version=1)),
    }.items():
        text = text.replace(f"@{name}@", value)
    return text
