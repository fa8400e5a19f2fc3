"""The commands of `python -m tests.local`: `run` and `demo` on this machine, and `smoke`.

`smoke` tries a stack that is deployed.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from getpass import getpass
from http.client import HTTPException
from pathlib import Path
from types import FrameType

from tests.local import aws, containers, output, pasted, smoke, stack
from tests.local.client import Client, UnexpectedAnswerError
from tests.local.server import PortError
from tests.local.story import Story, deployed
from tests.local.story.teller import Teller
from tests.local.template import TemplateError

BUILT = Path(".aws-sam") / "build"
_SMOKE = (
    "It takes passwords from ADMIN_PASSWORD, MEMBER_PASSWORD and PARTNER_PASSWORD in the "
    "environment, or asks. With another identity provider, put tokens into ADMIN_TOKEN, of the "
    "operators' client, and MEMBER_TOKEN and PARTNER_TOKEN, of the agents' client, instead."
)
_STOP = (signal.SIGINT, signal.SIGTERM)
_AT_ONCE = 130
_ONE_PRESS = 0.5
"""Seconds in which several signals are one: a terminal, a shell and `make` may each send it."""

# Kept before the functions' logs get a file of their own.
say = partial(print, file=sys.stdout, flush=True)


def main(restore_terminal: Callable[[], None]) -> int:
    """Run a command; the exit status is 0 when all went as it should."""
    command = _parser().parse_args(namespace=argparse.Namespace(restore_terminal=restore_terminal))
    log = command.log or output.log_of(command.name)
    try:
        with output.logged_in(log):
            return int(command.do(command, log))
    except UnexpectedAnswerError as error:
        # What failed while clearing up came of what had failed before.
        first = error
        while isinstance(first.__context__, UnexpectedAnswerError):
            first = first.__context__
        say(f"\nFailed: {first}\n{_logs_of(command, log)}")
    except smoke.SignInError as error:
        say(f"\n{error}")
    except (OSError, HTTPException) as error:
        if command.name != "smoke":
            raise
        say(
            f"\nNo licence service answers at {command.url}, or no sign-in at {command.login}: "
            f"{error!r}"
        )
    except (TemplateError, aws.DynamoDbError, PortError) as error:
        say(f"The local stack cannot run: {error}")
    return 1


def _logs_of(command: argparse.Namespace, log: Path) -> str:
    if command.name == "smoke":
        return "See the functions' log: the log group that the stack's output FunctionLogs names."
    return f"The functions' log: {log}"


def _smoke(command: argparse.Namespace, _log: Path) -> int:
    command.login = command.login or smoke.login_url(command.url)
    of_agents = ("AGENT_CLIENT_ID", command.agent_client_id)
    people = smoke.DeployedPeople(
        command.login,
        admin=smoke.Person("ADMIN", command.admin, "CLIENT_ID", command.client_id),
        member=smoke.Person("MEMBER", command.member, *of_agents),
        partner=smoke.Person("PARTNER", command.partner, *of_agents),
        ask=getpass,
    )
    with closing(Client(command.url)) as client:
        say(f"Testing the service at {command.url}. The super-admin plays Olivia.")
        if not people.member.is_there:
            say("No member of an organization is named (MEMBER=): a first login is not tested.")
        if not people.partner.is_there:
            say("No partner is named (PARTNER=): no temporary license is used.")
        deployed.tell(
            Teller(client, say, people),
            say,
            has_member=people.member.is_there,
            has_partner=people.partner.is_there,
        )
    say("\nEverything works.")
    return 0


def _run(command: argparse.Namespace, log: Path) -> int:
    with stack.running(command.port) as up:
        try:
            with closing(Client(up.url)) as client:
                pasted.seed(client, up.operator_client_id)
            say(f"The service is up at {up.url}, with DynamoDB {_database()}.")
            say(f"The functions' log: {log}\n")
            say(pasted.users())
            say(f"\nThe portal is at {up.portal_url}. {pasted.WHO_SIGNS_IN}")
            say(f"The API's documentation, to read and to try: {up.url}/docs")
            say("\nAn agent needs this address and the issuer of its leases:\n")
            say(f"export LICENSING_URL={up.url} LICENSING_ISSUER={up.issuer}")
            say("\nTo use the aws CLI with this service, paste this into a terminal:\n")
            say(pasted.for_aws(up.url))
            if template := containers.write(BUILT, up.environments, up.url):
                say(f"\nTo run the built functions with `sam local`: --template {template}")
            say("\nTo try it, paste these lines into another terminal, one by one:\n")
            say(pasted.lines(up.url, up.agent_client_id, up.operator_client_id))
            say("Ctrl-C stops the service and deletes its data.")
            while True:
                # Not for ever: a signal that comes just before a wait is noticed at its end.
                time.sleep(1)
        except KeyboardInterrupt:
            _stop_at_once_when_asked_again(command.restore_terminal)
    say("\nStopped.")
    return 0


def _stop_at_once_when_asked_again(restore_terminal: Callable[[], None]) -> None:
    """Let requests in hand end; where one does not, as at a breakpoint, end at once if asked to."""
    asked = time.monotonic()

    def end(_number: int, _frame: FrameType | None) -> None:
        if time.monotonic() - asked > _ONE_PRESS:
            say("\nStopped at once.")
            restore_terminal()
            os._exit(_AT_ONCE)

    for number in _STOP:
        signal.signal(number, end)
    say("\nStopping. Press Ctrl-C again to stop at once.")


def _demo(command: argparse.Namespace, log: Path) -> int:
    with stack.running(command.port) as up, closing(Client(up.url)) as client:
        say(f"The service is up at {up.url}, with DynamoDB {_database()}.\n")
        Story(client, say).tell()
    say(f"\nEverything works. The functions' log: {log}")
    return 0


def _database() -> str:
    endpoint = aws.dynamodb_endpoint()
    return f"at {endpoint}" if endpoint else "in this process (moto)"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.local",
        description="Run the whole service on this machine, from template.yaml: no AWS, no Docker.",
        epilog="With DYNAMODB_ENDPOINT=http://127.0.0.1:8000 in the environment, the service uses "
        "that DynamoDB. It makes new tables there and deletes them at the end.",
    )
    commands = parser.add_subparsers(dest="name", required=True)
    for name, do, port, text in (
        ("run", _run, 8080, "start the service, print users and curl lines, run until Ctrl-C"),
        ("demo", _demo, 0, "start the service, show the whole life of some agents, and stop"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            "--port",
            type=int,
            default=port,
            help="the port on 127.0.0.1; 0 takes a free one (default: %(default)s)",
        )
        command.add_argument(
            "--log", type=Path, help=f"the functions' log (default: .cache/local/{name}-….log)"
        )
        command.set_defaults(do=do)
    text = "test a deployed stack with a temporary organization, and clean up"
    command = commands.add_parser("smoke", help=text, description=text, epilog=_SMOKE)
    command.add_argument("--url", required=True, help="the stack's output ApiUrl")
    command.add_argument("--client-id", help="the stack's output CommandLineClientId")
    command.add_argument("--agent-client-id", help="the stack's output AgentClientId")
    command.add_argument("--admin", help="a user of the pool in the group super-admin")
    command.add_argument("--member", help="a user of a registered organization, to log an agent in")
    command.add_argument("--partner", help="a user in the group partner, for a temporary license")
    command.add_argument(
        "--login", help="where users sign in (default: Cognito in the URL's Region)"
    )
    command.set_defaults(do=_smoke, log=None)
    return parser
