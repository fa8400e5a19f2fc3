"""The command line of the local stack: `python -m tests.local run` and `... demo`."""

import argparse
import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stdout
from functools import partial
from pathlib import Path
from threading import Event

from tests.local import aws, pasted, stack
from tests.local.client import Client, UnexpectedAnswerError
from tests.local.server import PortError
from tests.local.story import Story
from tests.local.template import TemplateError

_STOP = (signal.SIGINT, signal.SIGTERM)

# Kept before the functions' logs get a file of their own.
say = partial(print, file=sys.stdout, flush=True)


def main() -> int:
    """Run a command; the exit status is 0 when all went as it should."""
    command = _parser().parse_args()
    # Ended by a signal, the stack is taken down like at Ctrl-C, also where a shell that started it
    # in the background has Ctrl-C ignored.
    for number in _STOP:
        signal.signal(number, signal.default_int_handler)
    command.log = command.log or Path(".cache") / f"local-{command.name}.log"
    try:
        with _logs_in(command.log):
            return int(command.do(command))
    except UnexpectedAnswerError as error:
        say(f"\nNot as it should be: {error}\nThe functions' log: {command.log}")
    except (TemplateError, aws.DynamoDbError, PortError) as error:
        say(f"The local stack cannot run: {error}")
    except KeyboardInterrupt:
        say("Interrupted.")
    return 1


def _run(command: argparse.Namespace) -> int:
    with stack.running(command.port) as up:
        try:
            with closing(Client(up.url)) as client:
                pasted.seed(client, up.client_id)
            say(f"The service is up at {up.url}, with DynamoDB {_database()}.")
            say(f"The functions' log: {command.log}\n")
            say(pasted.users())
            say("\nTo paste into a terminal whose aws CLI shall speak to this service:\n")
            say(pasted.for_aws(up.url))
            say("\nTo paste into another terminal, line by line:\n")
            say(pasted.lines(up.url, up.client_id))
            say("Ctrl-C stops the service.")
            Event().wait()
        except KeyboardInterrupt:
            # A second Ctrl-C, or one that `make` hands on, must not cut the stop short.
            for number in _STOP:
                signal.signal(number, signal.SIG_IGN)
    say("\nStopped.")
    return 0


def _demo(command: argparse.Namespace) -> int:
    with stack.running(command.port) as up, closing(Client(up.url)) as client:
        say(f"The service is up at {up.url}, with DynamoDB {_database()}.\n")
        Story(client, say).tell()
    say(f"\nAll as it should be. The functions' log: {command.log}")
    return 0


def _database() -> str:
    endpoint = aws.dynamodb_endpoint()
    return f"at {endpoint}" if endpoint else "in this process (moto)"


@contextmanager
def _logs_in(path: Path) -> Iterator[None]:
    """Send to a file what the functions log, which is what Lambda sends to CloudWatch."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", buffering=1, encoding="utf-8") as log, redirect_stdout(log):
        logging.basicConfig(stream=log, level=logging.INFO, force=True)
        yield


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.local",
        description="The whole service on this machine, from template.yaml: no AWS, no Docker.",
        epilog="With DYNAMODB_ENDPOINT=http://127.0.0.1:8000 in the environment, the tables are "
        "made in that DynamoDB (new ones, dropped at the end), not in this process.",
    )
    commands = parser.add_subparsers(dest="name", required=True)
    for name, do, port, text in (
        ("run", _run, 8080, "start the service, print users and curl lines, run until Ctrl-C"),
        ("demo", _demo, 0, "start the service, tell a story of agents against it, and stop"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            "--port",
            type=int,
            default=port,
            help="where to listen on 127.0.0.1; 0 is a free one (default: %(default)s)",
        )
        command.add_argument(
            "--log", type=Path, help=f"the functions' log (default: .cache/local-{name}.log)"
        )
        command.set_defaults(do=do)
    return parser


if __name__ == "__main__":
    sys.exit(main())
