"""Deploy so that what is deployed is what is served, or go back: `python -m tests.deployment`.

account    which account a deployment goes to
build      what `make build` made, and its name
stack      a stack, as CloudFormation tells of it
live       what the alias `live` serves: compare, go back, clear up
versions   which versions a deployment publishes (in the environment of the SAM CLI)
"""

import argparse
import subprocess
import sys
import tomllib
from functools import partial
from urllib.request import urlopen

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from tests.artefacts.building import ROOT
from tests.deployment import account, live, stack
from tests.deployment.build import BuildError, named
from tests.deployment.stack import Stack, StackError
from tests.local.template import TemplateError

SAM = ROOT / ".venv-sam" / "bin" / "sam"

say = partial(print, flush=True)


def main() -> int:
    """Run a command; the exit status is 0 when all went as it should."""
    command = _parser().parse_args()
    try:
        return int(command.do(command))
    except (BuildError, StackError, TemplateError, live.RollbackError) as error:
        say(f"{error}", file=sys.stderr)
    except (BotoCoreError, ClientError) as error:
        say(f"AWS does not do it: {error}", file=sys.stderr)
    return 1


def _deploy(command: argparse.Namespace) -> int:
    say(f"Deploying to {account.told()}")
    functions = boto3.client("lambda")
    before = _versions_before(command.stack)
    name = ["--stack-name", command.stack]
    deployed = subprocess.run([SAM, "deploy", *name, *command.sam], check=False)
    if deployed.returncode != 0:
        return deployed.returncode
    found = _stack(command.stack)
    if moved := live.go_forward(found, functions):
        say(f"{moved} functions had been rolled back: `live` is again what the stack has.")
    if not _is_as_built(found):
        return 1
    if removed := live.remove_versions(found, functions, before, way_back=command.way_back):
        say(f"{removed} versions that nobody needs any more were removed.")
    return 0


def _versions_before(name: str) -> dict[str, str]:
    try:
        return dict(live.live_versions(_stack(name), boto3.client("lambda")))
    except StackError:  # it is the first time, or goes on with one that was interrupted
        return {}


def _compare(command: argparse.Namespace) -> int:
    if command.url is None:
        account.told()
        return int(not _is_as_built(_stack(command.stack)))
    try:
        account.told()
        found = _stack(command.stack)
        named()
    except (SystemExit, StackError, BuildError) as error:
        say(f"What is live was not compared with what was built: {error}")
        return 0
    if found.outputs.get("ApiUrl") != command.url:
        say(f"What is live was not compared: {command.url} is not the stack {command.stack}.")
        return 0
    return int(not _is_as_built(found))


def _rollback(command: argparse.Namespace) -> int:
    say(f"Rolling back {command.stack} in {account.told()}")
    left, target = live.go_back(_stack(command.stack), boto3.client("lambda"))
    say(
        f"`live` of all functions serves release {target}; it was {left}. Routes, table and alarms "
        f"stay as release {left} made them. Deploying moves `live` forward."
    )
    return 0


def _is_as_built(found: Stack) -> bool:
    build = named()
    wrong = [
        *live.differences(found, build, boto3.client("lambda"), boto3.client("appconfig"), _fetched)
    ]
    if not wrong:
        say(
            f"What is live is what was built: release {found.release}, the code of "
            f"{len(build.functions)} functions and the layer, and all settings."
        )
        return True
    for line in wrong:
        say(f"WRONG {line}")
    say(
        "What is live is not what was built. If this is the commit that was meant to be deployed, "
        "run `make deploy`; if it already said so, what CloudFormation did is shown by "
        "`aws cloudformation describe-stack-events`."
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
        ("deploy", _deploy, "deploy what was built, compare what is live, keep one way back"),
        ("compare", _compare, "compare code and settings of what is live with what was built"),
        ("rollback", _rollback, "move `live` of all functions to the release before"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            "--stack", default=_default_stack(), help="its name (default: %(default)s)"
        )
        command.set_defaults(do=do)
        if name == "deploy":
            command.add_argument(
                "--no-way-back",
                dest="way_back",
                action="store_false",
                help="keep no version but the live one: its snapshot is not paid for either",
            )
            command.add_argument("sam", nargs="*", help="options for `sam deploy`, after --")
        if name == "compare":
            command.add_argument(
                "--url",
                help="compare if this is the stack's address and AWS can be asked, else say so",
            )
    return parser


if __name__ == "__main__":
    sys.exit(main())
