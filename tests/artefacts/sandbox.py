"""One Lambda function as Lambda runs it: a fresh process, AWS's runtime interface client, a layer.

The process sees what it would see there and nothing of the tests: the function's folder as its task
root, the layer, and of the tests' environment only AWS's runtime client and boto3 with what these
two need, which the runtime brings along. It gets the variables that it is given, and no others.

    with running(function, snapstart=True) as process:
        process.restore()
        assert process.invoke(event) == ...
"""

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from queue import Empty
from threading import Thread
from typing import IO, Any

from tests.artefacts.runtime_api import RuntimeApi, Said, What, serving

_BROUGHT_ALONG = ("awslambdaric", "boto3")
_REQUIREMENT = re.compile(r"[\w.-]+")


class Failed(Exception):
    """What a function reported instead of an answer, and all that it had printed until then."""

    def __init__(self, report: Mapping[str, Any], output: str) -> None:
        self.type: str = report["errorType"]
        self.message: str = report["errorMessage"]
        self.trace: list[str] = report["stackTrace"]
        self.output = output
        trace = "".join(self.trace)
        super().__init__(f"{self.type}: {self.message}\n{trace}\nIt printed:\n{output}")


class FailedToStart(Failed):
    """The handler cannot be imported, or a hook before the snapshot raises."""


class FailedToRestore(Failed):
    """A hook after the restore raises."""


class FailedToAnswer(Failed):
    """The handler raises."""


class Ended(Exception):
    """The process ended, or did not answer in time and was ended; its output."""


@dataclass(frozen=True)
class Sandbox:
    """Where functions run."""

    layer: Path  # what /opt is
    runtime: Path  # what /var/runtime is

    @classmethod
    def of(cls, layer: Path, runtime: Path) -> "Sandbox":
        """Lay out the runtime in an empty folder."""
        for path in _paths_of(_BROUGHT_ALONG):
            (runtime / path.name).symlink_to(path)
        return cls(layer, runtime)


@dataclass(frozen=True)
class Function:
    """What is run: a folder, the handler in it, and what the template says of it."""

    name: str
    task: Path  # what /var/task is
    handler: str
    environment: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 29
    memory: int = 512

    @property
    def arn(self) -> str:
        """As AWS writes it."""
        return f"arn:aws:lambda:eu-central-1:123456789012:function:{self.name}:live"


@dataclass
class Process:
    """A running function."""

    function: Function
    _api: RuntimeApi
    _process: subprocess.Popen[bytes]
    _output: IO[bytes]
    patience: float = 180.0
    """How many seconds it is waited for: Lambda gives a start 10, but this machine may be busy."""

    @property
    def output(self) -> str:
        """All that it has printed."""
        return Path(self._output.name).read_text(encoding="utf-8", errors="replace")

    def invoke(self, event: Any) -> Any:
        """Its answer to an event. Raises :class:`FailedToAnswer` or :class:`Ended`."""
        self._api.invoke(json.dumps(event).encode(), self.function.arn, self.function.seconds)
        ends = {What.ANSWERS: None, What.FAILS: FailedToAnswer}
        said = self._wait_for(ends)
        return json.loads(said.body)

    def restore(self) -> None:
        """Let it run on from its snapshot. Raises :class:`FailedToRestore` or :class:`Ended`."""
        self._api.restore()
        self._wait_for({What.ASKS_FOR_INVOCATION: None, What.FAILS_TO_RESTORE: FailedToRestore})

    def start(self, *, snapstart: bool) -> None:
        """Wait until it is ready. Raises :class:`FailedToStart` or :class:`Ended`."""
        ready = What.ASKS_FOR_RESTORE if snapstart else What.ASKS_FOR_INVOCATION
        self._wait_for({ready: None, What.FAILS_TO_START: FailedToStart})

    def _wait_for(self, expected: Mapping[What, type[Failed] | None]) -> Said:
        name, seconds = self.function.name, self.patience
        end = time.monotonic() + seconds
        while True:
            try:
                said = self._api.said.get(timeout=max(0.0, end - time.monotonic()))
            except Empty:
                self._process.kill()
                raise Ended(f"{name} has taken more than {seconds} s:\n{self.output}") from None
            if said.what in expected:
                failure = expected[said.what]
                if failure is not None:
                    raise failure(json.loads(said.body), self.output)
                return said
            if said.what is What.ENDS:
                raise Ended(f"{name} has ended:\n{self.output}")


@contextmanager
def running(function: Function, sandbox: Sandbox, *, snapstart: bool = False) -> Iterator[Process]:
    """Start a function, up to where it waits: for an event, or to be restored."""
    with (
        tempfile.NamedTemporaryFile() as output,
        serving() as api,
        subprocess.Popen(
            # Without `site`, no environment's packages are found.
            [sys.executable, "-S", "-m", "awslambdaric", function.handler],
            cwd=function.task,
            env=_environment(function, sandbox, api.address, snapstart=snapstart),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        ) as process,
    ):

        def watching() -> None:
            process.wait()
            api.said.put(Said(What.ENDS))

        watch = Thread(target=watching)
        watch.start()
        started = Process(function, api, process, output)
        try:
            started.start(snapstart=snapstart)
            yield started
        finally:
            process.kill()
            watch.join()


def _environment(
    function: Function, sandbox: Sandbox, address: str, *, snapstart: bool
) -> dict[str, str]:
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    opt = [sandbox.layer / "python" / "lib" / python / "site-packages", sandbox.layer / "python"]
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        # The task root comes before all of these, as the folder that `-m` runs in.
        "PYTHONPATH": ":".join(map(str, [*opt, sandbox.runtime])),
        "LAMBDA_TASK_ROOT": str(function.task),
        "LAMBDA_RUNTIME_DIR": str(sandbox.runtime),
        "_HANDLER": function.handler,
        "AWS_LAMBDA_RUNTIME_API": address,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2030/03/17/[1]0123456789abcdef",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start" if snapstart else "on-demand",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{python}",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        **function.environment,
    }


def _paths_of(names: tuple[str, ...]) -> set[Path]:
    """The packages and modules of distributions, and of all that these require."""
    paths: set[Path] = set()
    known: set[str] = set()
    wanted = [*names]
    while wanted:
        name = wanted.pop()
        if name in known:
            continue
        known.add(name)
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue  # required elsewhere only: on another Python, or on another system
        tops = {file.parts[0] for file in found.files or () if file.suffix in {".py", ".so"}}
        paths |= {Path(str(found.locate_file(top))) for top in tops if top != ".."}
        for requirement in found.requires or ():
            stated = _REQUIREMENT.match(requirement)
            if stated is not None and "extra ==" not in requirement:
                wanted.append(stated[0])
    return paths
