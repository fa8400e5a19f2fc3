"""What somebody writes in Python with the client that is generated; its types are checked."""

import json
import os
import sys
from typing import TypeVar

from licensing_api import AuthenticatedClient, Client
from licensing_api.api.agents import log_in_agent, validate_license
from licensing_api.api.licenses import get_license, list_licenses, update_license
from licensing_api.models import (
    LicenseReply,
    LicensesReply,
    LoginReply,
    LoginRequest,
    MachineCredentials,
    Problem,
    UpdateLicenseRequest,
    ValidateReply,
    ValidateRequest,
)
from licensing_api.types import UNSET, Unset

URL, ORGANIZATION, ENVIRONMENT = os.environ["URL"], "acme", "python"
Reply = TypeVar("Reply")


def good(reply: object, kind: type[Reply]) -> Reply:
    """A reply that is of the kind that was hoped for."""
    if not isinstance(reply, kind):
        raise TypeError(f"{reply} is no {kind.__name__}")
    return reply


agent = AuthenticatedClient(base_url=URL, token=os.environ["AGENT_TOKEN"])
administrator = AuthenticatedClient(base_url=URL, token=os.environ["ADMINISTRATOR_TOKEN"])
told: dict[str, object] = {}

# An agent logs in, on each of three computers, and validates.
logins: list[LoginReply] = []
for number in range(3):
    machine = MachineCredentials(
        machine_id=f"5f3a1c0{number}-7b1d-4e02-9c55-3a9be2d74c61",
        computer_name=f"PYTHON-PC-{number}",
    )
    request = LoginRequest(machine=machine, environment=ENVIRONMENT, agent_version="4.5.0.0")
    logins.append(good(log_in_agent.sync(client=agent, body=request), LoginReply))
told["created"] = [login.created for login in logins]
validated = good(
    validate_license.sync(
        client=Client(base_url=URL),
        body=ValidateRequest(
            license_key=logins[2].license_key,
            organization_id=ORGANIZATION,
            machine=machine,
            nonce="a-nonce-of-this-agent",
        ),
    ),
    ValidateReply,
)
told["validated"] = [validated.valid, validated.code.value, validated.action.value]
told["same license"] = validated.license_ is not None and (
    validated.license_.id == logins[2].license_.id
)
told["lasts"] = validated.lease is not None and (validated.lease.expires_at > validated.server_time)

# An administrator lists them, page by page.
pages: list[LicensesReply] = []
cursor: str | Unset = UNSET
while not pages or pages[-1].next_cursor is not None:
    page = list_licenses.sync(
        ORGANIZATION, client=administrator, environment=ENVIRONMENT, limit=2, cursor=cursor
    )
    pages.append(good(page, LicensesReply))
    cursor = pages[-1].next_cursor or UNSET
told["pages"] = [len(page.licenses) for page in pages]
told["names"] = sorted(str(license.computer_name) for page in pages for license in page.licenses)

# A change of what was read, once; the second time, another version is there.
one = logins[0].license_.id
shown = get_license.sync_detailed(one, client=administrator)
good(shown.parsed, LicenseReply)
tag = shown.headers["ETag"]
change = UpdateLicenseRequest(label="Press hall", primary=True)
changed = good(
    update_license.sync(one, client=administrator, body=change, if_match=tag), LicenseReply
)
told["changed"] = [changed.license_.label, changed.license_.primary]
change = UpdateLicenseRequest(primary=False)
late = update_license.sync_detailed(one, client=administrator, body=change, if_match=tag)
problem = good(late.parsed, Problem)
told["late"] = [late.status_code.value, problem.status, problem.code]

# What is wrong in a request is pointed at.
wrong = LoginRequest(machine=MachineCredentials(), environment="")
refused = good(log_in_agent.sync(client=agent, body=wrong), Problem)
told["wrong"] = [refused.code, sorted(error.pointer for error in refused.errors or [])]

sys.stdout.write(json.dumps(told))
