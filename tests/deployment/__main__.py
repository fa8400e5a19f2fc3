"""Deploy a stack, compare it, go back, or check its seats: `python -m tests.deployment`.

account    which account a deployment goes to
parameters whether the parameters fit together, before anything is built
build      what `make build` made, and its name
deploying  the calls of `sam deploy` that a deployment is made of
kept       what outlives a stack, as a template that takes it over
policy     what no deployment may do to a stack's data
stack      a stack, as CloudFormation tells of it
live       what the alias `live` serves: compare, go back, clear up
versions   which versions a deployment publishes (in the environment of the SAM CLI)
seats      counters of seats and of members' agents that are not the number of bound licences
"""

import argparse
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.request import urlopen

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from licensing.domain.errors import Unavailable
from tests.artefacts.building import ROOT
from tests.deployment import account, deploying, kept, live, parameters, policy, seats, stack
from tests.deployment.build import Build, BuildError, named
from tests.deployment.parameters import ParametersError
from tests.deployment.stack import Stack, StackError
from tests.local.template import TemplateError

SAM = ROOT / ".venv-sam" / "bin" / "sam"

_FAILURES = (
    *(BuildError, ParametersError, StackError, TemplateError),
    *(live.RollbackError, Unavailable),
)

_SEATS = (
    "The exit status is 0 if all counters are right, 1 if one is wrong, and 2 if the check could "
    "not finish."
)

NOTHING = "Nothing was deployed: nothing has changed, or the changes were not confirmed."
"""What a deployment says that left the stack as it was. Pipelines look for its beginning."""

say = partial(print, flush=True)


def main() -> int:
    """Run a command; the exit status is 0 when all is as it should be."""
    command = _parser().parse_args()
    try:
        return int(command.do(command))
    except _FAILURES as error:
        say(f"{error}", file=sys.stderr)
    except (BotoCoreError, ClientError, OSError) as error:
        say(f"AWS reports an error: {error}", file=sys.stderr)
    return int(command.failed)


def _check(command: argparse.Namespace) -> int:
    account.told()  # or it says here why it cannot
    found = _known(command.stack)
    region = boto3.session.Session().region_name
    parameters.check(
        command.parameters,
        found.parameters if found else {},
        region=region,
        new_stack=None if found else command.stack,
    )
    return 0


def _deploy(command: argparse.Namespace) -> int:
    build = named()
    say(f"Deploying to {account.told()}")
    functions = boto3.client("lambda")
    before = _found(command.stack)
    served = live.live_versions(before, functions) if before else {}
    failed = deploying.deploy(
        command.stack,
        command.sam,
        lambda options: _run(sam_deploy(command.stack, options)),
        boto3.client("cloudformation"),
        say,
        lifts_policy=not command.stack_policy,
    )
    after = _found(command.stack)
    if failed:
        return _undo(after, functions, served) or failed
    if after is None:
        raise StackError(f"Nothing was deployed: there is no stack {command.stack}.")
    if before and before.changed == after.changed:
        say(NOTHING)
    policy.protect(command.stack, boto3.client("cloudformation"))
    if not _is_as_built(after, build):
        return 1
    is_another = live.record(after, functions, served)
    if not command.way_back:
        live.forget(after, functions)
    if is_another or not command.way_back:
        removed = live.remove_versions(after, functions)
        say(f"{removed} versions that are no longer needed were removed.")
    return 0


def _run(command: Sequence[str]) -> int:
    return subprocess.run(command, check=False).returncode


def sam_deploy(name: str, options: Sequence[str]) -> list[str]:
    """The call of the SAM CLI that deploys the stack of this name."""
    # SAM takes a blank in a value only between quotes, which the shell has taken away.
    quoted = [re.sub(r"^(\w+)=(.*\s.*)$", r'\1="\2"', one, flags=re.DOTALL) for one in options]
    return [str(SAM), "deploy", "--stack-name", name, *quoted]


def _undo(after: Stack | None, functions: Any, served: Mapping[str, str]) -> int:
    """What failed shall change nothing of what is served, and leave nothing behind."""
    if after is None or not served:
        return 0
    if moved := live.restore(after, functions, served):
        say(f"The deployment failed. {moved} functions serve their previous version again.")
    if removed := live.remove_versions(after, functions, above=after.release):
        say(f"{removed} versions of the failed deployment were removed.")
    return 0


def _known(name: str) -> Stack | None:
    """The stack, if it is there already."""
    try:
        return _stack(name)
    except StackError:
        return None


def _found(name: str) -> Stack | None:
    """The stack, with functions that can be called, if it is there already."""
    try:
        found = _stack(name)
        live.live_versions(found, boto3.client("lambda"))
    except StackError:
        return None
    return found


def _kept(command: argparse.Namespace) -> int:
    resolved = parameters.template(command.parameters, command.stack)
    say(json.dumps(kept.template(resolved), indent=2))
    return 0


def _compare(command: argparse.Namespace) -> int:
    if command.url is None:
        account.told()
        return int(not _is_as_built(_stack(command.stack), named()))
    try:
        account.told()
        found, build = _stack(command.stack), named()
        if found.outputs.get("ApiUrl") != command.url:
            raise StackError(f"{command.url} is not the address of the stack {command.stack}.")
        return int(not _is_as_built(found, build))
    except (*_FAILURES, SystemExit, BotoCoreError, ClientError) as error:
        say(f"The live functions were not compared with the build: {error}")
        return 0


def _rollback(command: argparse.Namespace) -> int:
    say(f"Rolling back {command.stack} in {account.told()}")
    left, target = live.go_back(_stack(command.stack), boto3.client("lambda"), command.to)
    say(
        f"All functions now serve release {target}; before, it was {left}. Everything else "
        "(routes, roles, schedules, the table, alarms) stays as it is. To return to "
        f"{left}: `make rollback TO={left}`."
    )
    return 0


def _seats(command: argparse.Namespace) -> int:
    try:
        say(f"Checking the seats of {command.stack} in {account.told()}")
    except SystemExit as error:
        raise StackError(str(error)) from None
    report = seats.check(_stack(command.stack).table, partial(say, file=sys.stderr))
    for line in report.lines():
        say(line)
    return report.status


def _is_as_built(found: Stack, build: Build) -> bool:
    wrong = [
        *live.differences(found, build, boto3.client("lambda"), boto3.client("appconfig"), _fetched)
    ]
    if not wrong:
        say(
            f"Live and build are the same: release {found.release}, the code of "
            f"{len(build.functions)} functions and the layer, and their settings."
        )
        return True
    for line in wrong:
        say(f"WRONG {line}")
    say(
        "Live and build differ. To make this commit live, run `make deploy`. If the stack was "
        "rolled back, `make rollback TO=<release>` goes forward again. To see what CloudFormation "
        "did: `aws cloudformation describe-stack-events`."
    )
    return False


def _stack(name: str) -> Stack:
    return stack.read(name, boto3.client("cloudformation"))


def _fetched(address: str) -> bytes:
    # Lambda signs the address; it is https on AWS.
    with urlopen(address, timeout=60) as answer:  # noqa: S310
        content: bytes = answer.read()
    return content


def _default_stack() -> str:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))
    return str(config["default"]["global"]["parameters"]["stack_name"])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.deployment", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(required=True)
    for name, do, text in (
        ("check", _check, "check that the parameters fit together; change nothing"),
        (
            "deploy",
            _deploy,
            "deploy the build, compare it with what is live, keep the release before",
        ),
        ("compare", _compare, "compare code and settings of the live functions with the build"),
        ("rollback", _rollback, "return all functions to the release before, or to another one"),
        ("seats", _seats, "compare each counter with the bound licences; change nothing"),
        ("kept", _kept, "print what outlives a stack as a template that takes it over"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            "--stack", default=_default_stack(), help="the name of the stack (default: %(default)s)"
        )
        command.set_defaults(do=do, failed=1)
        if name in {"check", "kept"}:
            command.add_argument("parameters", nargs="*", help="as Name=value, after --")
        if name == "deploy":
            command.add_argument(
                "--no-way-back",
                dest="way_back",
                action="store_false",
                help="keep only the live version: no rollback, and no other snapshot to pay for",
            )
            command.add_argument(
                "--no-stack-policy",
                dest="stack_policy",
                action="store_false",
                help="let this deployment change the secret, and replace or remove table and pool",
            )
            command.add_argument("sam", nargs="*", help="options for `sam deploy`, after --")
        if name == "rollback":
            command.add_argument(
                "--to", type=int, help="the release (default: the one that was live before)"
            )
        if name == "seats":
            command.epilog = _SEATS
            command.set_defaults(failed=2)
        if name == "compare":
            command.add_argument(
                "--url",
                help="compare only if this is the stack's address and AWS can be asked",
            )
    return parser


if __name__ == "__main__":
    sys.exit(main())
