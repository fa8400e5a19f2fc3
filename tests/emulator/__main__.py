"""Deploy to an emulator of AWS that nobody here wrote, and see what it serves: `make emulate`.

What a newcomer does, in a copy of the project: build, deploy, `make smoke`. Then the code of the
layer is changed and deployed, a parameter is changed by `sam deploy` alone, and that is rolled
back: each is seen in answers over HTTP. The sweep runs by its schedule, and its event is received
behind the bus. What is live is compared with what was built each time.

What is the emulator's own, and not AWS's:

* `serve.py` makes resources of the API's routes for it, and leaves out alarms over several metrics;
* functions run by its own Python on this machine, so the layer is built for that; roles, throttling
  and memory mean nothing, and a snapshot is a process that has been started;
* an update takes seconds, and what a service does slowly or by chance does not show.
"""

import secrets
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial

from tests.artefacts.building import ROOT
from tests.deployment import policy, stack
from tests.deployment.stack import StackError
from tests.emulator.emulated import Emulated, TooLateError, running
from tests.emulator.tree import CommandError, Tree, copied
from tests.local.client import Client, UnexpectedAnswerError

FOLDER = ROOT / ".cache" / "emulator"
STACK = "licensing"
PASSWORD = secrets.token_urlsafe(12) + "-Aa1"
PEOPLE = (
    ("olivia", PASSWORD, "vendor", "super-admin"),
    ("amir", PASSWORD, "acme", "member"),
    ("pavel", PASSWORD, "partner-works", "partner"),
)
MACHINE = {
    "machine_id": "8f7ad3d1-6a0e-4e57-9c54-f1d9f0c0b1a2",
    "mac_addresses": ["3c:7c:3f:1a:2b:3c"],
    "computer_name": "HALL-3",
}
OLDER_AGENT = {"MacId": "3c:7c:3f:1a:2b:3c", "ComputerName": "HALL-3", "AgentVersion": "4.2.0.0"}

CODE = "shared/licensing/contract/problems.py"
CODE_SAYS, CODE_SAYS_THEN = "Invalid request", "Invalid request, deployed once more"
GUARDS = "deletion protection on, a stack policy"
SWEEPS, SWEEPS_OFTENER = "rate(5 minutes)", "rate(1 minute)"
SUBSCRIPTION_ENDS_AFTER = 40  # seconds: less than until the sweep is waited for
SWEPT_WITHIN = 150.0  # seconds: two schedules, and what the stream and the bus take

say = partial(print, flush=True)


class WrongError(Exception):
    """Something else is served than was deployed."""


def main() -> int:
    """Do all of it; 1 if something is not as it should be."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    passwords = {f"{part}_PASSWORD": PASSWORD for part in ("ADMIN", "MEMBER", "PARTNER")}
    with running(FOLDER) as emulated:
        tree = copied(FOLDER / "tree", {**emulated.variables, **passwords})
        try:
            _tell(tree, emulated)
        except (CommandError, StackError, TooLateError, UnexpectedAnswerError, WrongError) as error:
            say(f"\nFailed: {error}\nThe emulator's log: {FOLDER / 'emulator.log'}")
            return 1
    say("\nEverything works.")
    return 0


def _tell(tree: Tree, emulated: Emulated) -> None:
    _step("Deploy")
    tree.change("template.yaml", SWEEPS, SWEEPS_OFTENER)
    _said(tree.make("deploy"))
    outputs = stack.read(STACK, emulated.client("cloudformation")).outputs
    _is("what guards the data", partial(_guards, emulated, outputs["TableName"]), GUARDS)
    add_user = partial(emulated.add_user, outputs["UserPoolId"])
    for user in PEOPLE:
        add_user(*user)
    wait = emulated.listen(outputs["EventBusName"], "licensing")
    url = outputs["ApiUrl"]
    client_id, agent_client_id = outputs["CommandLineClientId"], outputs["AgentClientId"]
    with closing(Client(url)) as client, closing(Client(emulated.address)) as cognito:
        _subscribe(client, _token(cognito, client_id, "olivia"), 3600)

        _step("Try it: make smoke")
        clients = (f"CLIENT_ID={client_id}", f"AGENT_CLIENT_ID={agent_client_id}")
        where = (f"URL={url}", *clients, f"LOGIN={emulated.address}")
        smoke = partial(tree.make, "smoke", *where, "ADMIN=olivia")
        _said(smoke("MEMBER=amir", "PARTNER=pavel"))

        _step("Log an agent in; its subscription ends soon")
        log_in = {"machine": MACHINE, "environment": "production"}
        token = _token(cognito, agent_client_id, "amir")
        licensed = client.call("POST", "/v1/licenses", log_in, token=token).expect(201)
        older_agent = partial(_status_of_older_agent, client, str(licensed["license_key"]))
        _subscribe(client, _token(cognito, client_id, "olivia"), SUBSCRIPTION_ENDS_AFTER)

        _step("Its seat is counted: make seats")
        _said(tree.make("seats"))

        _step("Change the layer's code, and deploy")
        title = partial(_title_of_problem, client)
        _is("the title of a problem", title, CODE_SAYS)
        tree.change(CODE, CODE_SAYS, CODE_SAYS_THEN)
        _said(tree.make("deploy"))
        _is("the title of a problem", title, CODE_SAYS_THEN)

        _step("Roll back to what was live before, and forward")
        _said(tree.make("rollback"))
        _is("the title of a problem", title, CODE_SAYS)
        _said(tree.make("rollback", "TO=2"))
        _is("the title of a problem", title, CODE_SAYS_THEN)

        _step("Change a parameter, by sam deploy alone")
        _is("an older agent's status", older_agent, 200)
        _said(
            tree.sam("deploy", "--no-confirm-changeset", "--parameter-overrides", "OlderAgents=off")
        )
        _is("an older agent's status", older_agent, 403)
        _said(smoke())

        _step("Roll back to the release that is named, and forward")
        _said(tree.make("rollback", "TO=2"))
        _is("an older agent's status", older_agent, 200)
        _is("the title of a problem", title, CODE_SAYS_THEN)
        _said(tree.make("rollback", "TO=3"))
        _is("an older agent's status", older_agent, 403)

        _step("The sweep runs by its schedule, and its event leaves by the stream and the bus")
        wait("LicenseExpired", str(licensed["license.id"]), SWEPT_WITHIN)
        say("    LicenseExpired of the agent's licence was received")


def _step(title: str) -> None:
    say(f"\n{title}")


def _said(lines: Iterable[str]) -> None:
    for line in lines:
        say(f"    {line}")


def _is(what: str, ask: Callable[[], object], wanted: object) -> None:
    found = ask()
    if found != wanted:
        raise WrongError(f"{what} is {found!r}, not {wanted!r}")
    say(f"    {what} is {found!r}")


def _guards(emulated: Emulated, table: str) -> str:
    """What guards the data, which the first deployment sets at its end."""
    found = emulated.client("dynamodb").describe_table(TableName=table)["Table"]
    body = emulated.client("cloudformation").get_stack_policy(StackName=STACK)
    is_protected = "on" if found.get("DeletionProtectionEnabled") else "off"
    is_ours = body.get("StackPolicyBody") == policy.POLICY.read_text(encoding="utf-8")
    return f"deletion protection {is_protected}, {'a' if is_ours else 'no'} stack policy"


def _token(cognito: Client, client_id: str, name: str) -> str:
    answer = cognito.log_in(client_id, name, PASSWORD).expect(200)
    return str(answer["AuthenticationResult.IdToken"])


def _subscribe(client: Client, token: str, seconds: int) -> None:
    """Let the subscription of `acme` end so many seconds from now."""
    path = "/v1/organizations/acme"
    end = datetime.now(UTC) + timedelta(seconds=seconds)
    body = {
        "name": "Acme",
        "valid_until": end.isoformat(timespec="seconds"),
        "status": "active",
        "max_agents": None,
    }
    now = client.call("GET", path, token=token)
    headers = {"If-Match": now.headers["etag"]} if now.status == 200 else {}
    changed = client.call("PUT", path, body, token=token, headers=headers)
    changed.expect(200 if headers else 201)


def _title_of_problem(client: Client) -> object:
    return client.call("POST", "/v1/licenses/validate", {}).expect(400)["title"]


def _status_of_older_agent(client: Client, key: str) -> int:
    return client.call("POST", "/v1/licenses/validate", OLDER_AGENT | {"LicenseKey": key}).status


if __name__ == "__main__":
    sys.exit(main())
