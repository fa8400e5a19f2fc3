"""Why a command ends, and the exit code that scripts are told it by.

    CommandError
    ├── Negative      the answer is no
    ├── WrongUse      the command line, or a value in it, is wrong
    ├── SignedOut     nobody is signed in, or the token is not accepted
    ├── Refused       the service says no
    └── Unreachable   the service cannot be reached, or is in trouble

What this module guarantees: every error is a sentence, with what to do next where that is known. No
token and no licence key is in one.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What a command ends with."""

    OK = 0
    NO = 1
    USAGE = 2
    SIGNED_OUT = 3
    REFUSED = 4
    UNREACHABLE = 5
    INTERRUPTED = 130


class CommandError(Exception):
    """The command has not been carried out; ``advice`` says what to do next."""

    code: ClassVar[ExitCode]

    def __init__(self, message: str, advice: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


class Negative(CommandError):
    """The answer is no: a lease is not good, an agent would be refused, or a person declined."""

    code = ExitCode.NO


class WrongUse(CommandError):
    """The command line, or a value in it, is wrong."""

    code = ExitCode.USAGE


class SignedOut(CommandError):
    """Nobody is signed in, or the service does not accept the token."""

    code = ExitCode.SIGNED_OUT

    def __init__(self, message: str, advice: str | None = None) -> None:
        super().__init__(message, advice or "Sign in: licensing login")


class Refused(CommandError):
    """The service says no; ``reason`` is its problem code, ``""`` where a gateway answered."""

    code = ExitCode.REFUSED

    def __init__(
        self, message: str, advice: str | None = None, *, status: int, reason: str
    ) -> None:
        super().__init__(message, advice)
        self.status = status
        self.reason = reason


class Unreachable(CommandError):
    """The service cannot be reached, or is in trouble, and has been asked often enough.

    ``retry_after`` is how many seconds it wants to be left alone, if it said so; ``passes`` says
    whether asking once more may help.
    """

    code = ExitCode.UNREACHABLE

    def __init__(
        self,
        message: str,
        advice: str | None = None,
        *,
        retry_after: float | None = None,
        passes: bool = True,
    ) -> None:
        super().__init__(message, advice)
        self.retry_after = retry_after
        self.passes = passes
