"""How a function becomes a command: options that all have, errors as exit codes.

What this module guarantees:

* The options of ``licensing`` itself are taken before and after the command's name alike.
* Every :class:`CommandError` ends the command with its code and says why on standard error, with
  what to do next. Whoever reads the output may stop reading at any time, which changes no code.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Concatenate, Final, ParamSpec

import typer
from typer.models import OptionInfo

from licensing_cli.errors import CommandError, ExitCode, Negative, WrongUse
from licensing_cli.invocation import Invocation, Settings
from licensing_cli.output import Format, Output

Given = ParamSpec("Given")
Command = Callable[Concatenate[Invocation, Given], None]

EXIT_CODES: Final = (
    "Exit codes: 0 done; 1 the answer is no; 2 wrong command or value; 3 not signed in; "
    "4 refused by the service; 5 service not reachable; 130 interrupted."
)

_PANEL: Final = "Options of every command"
_URL_HELP: Final = "The address of the service: the stack's output ApiUrl."
_TIMEOUT_HELP: Final = "Time limit for one request, in seconds."
_RETRIES_HELP: Final = "How often a failed request is repeated."
_OUTPUT_HELP: Final = "A table for people, or JSON as the API returns it."
_JSON_HELP: Final = "The same as --output json."
_VERBOSE_HELP: Final = "Print each request on standard error."
_QUIET_HELP: Final = "Print only results, errors and what you have to decide: no notes."

Url = Annotated[str | None, typer.Option("--url", help=_URL_HELP, rich_help_panel=_PANEL)]
OutputFormat = Annotated[
    Format | None, typer.Option("--output", "-o", help=_OUTPUT_HELP, rich_help_panel=_PANEL)
]
Json = Annotated[bool | None, typer.Option("--json", help=_JSON_HELP, rich_help_panel=_PANEL)]
Timeout = Annotated[
    float | None,
    typer.Option("--timeout", min=0.1, help=_TIMEOUT_HELP, rich_help_panel=_PANEL),
]
Retries = Annotated[
    int | None,
    typer.Option("--retries", min=0, max=10, help=_RETRIES_HELP, rich_help_panel=_PANEL),
]
Verbose = Annotated[
    bool | None,
    typer.Option("--verbose", "-v", help=_VERBOSE_HELP, rich_help_panel=_PANEL),
]
Quiet = Annotated[
    bool | None,
    typer.Option("--quiet", "-q", help=_QUIET_HELP, rich_help_panel=_PANEL),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
Limit = Annotated[int, typer.Option("--limit", min=0, help="Show at most this many; 0 shows all.")]
Organization = Annotated[str, typer.Argument(help="The organization's id.", metavar="ORGANIZATION")]
License = Annotated[str, typer.Argument(help="The licence's id: lic_…", metavar="LICENSE")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """The options of every command; ``None`` is what was not said."""

    url: str | None = None
    output: Format | None = None
    timeout: float | None = None
    retries: int | None = None
    verbose: bool | None = None
    quiet: bool | None = None

    @classmethod
    def said(cls, given: dict[str, Any]) -> Common:
        """Those among the values of a command's options, which are left with its own."""
        mine = {name: given.pop(name) for name, _ in _OPTIONS}
        if mine.pop("json"):
            mine["output"] = Format.JSON
        return cls(**mine)

    def over(self, other: Common) -> Common:
        """These, and ``other`` where nothing was said here."""
        said = {one.name: getattr(self, one.name) for one in fields(self)}
        return replace(other, **{name: value for name, value in said.items() if value is not None})


_USUAL: Final = Common(output=Format.TABLE, timeout=10.0, retries=3, verbose=False, quiet=False)
_OPTIONS: Final = (
    ("url", Url),
    ("output", OutputFormat),
    ("json", Json),
    ("timeout", Timeout),
    ("retries", Retries),
    ("verbose", Verbose),
    ("quiet", Quiet),
)


def new_app(help: str) -> typer.Typer:  # noqa: A002 - typer's own word for it
    """A group of commands."""
    return typer.Typer(
        help=help,
        epilog=EXIT_CODES,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )


def word(name: str, told: str, words: Sequence[str]) -> OptionInfo:
    """An option for one of the service's words.

    Help and completion have the ``words`` that were known when this was built. Any other is handed
    on all the same: it is the service that knows, and says, which there are.
    """

    def completed(incomplete: str) -> list[str]:
        return [one for one in words if one.startswith(incomplete)]

    option: OptionInfo = typer.Option(
        name, help=f"{told}: {', '.join(words)}.", autocompletion=completed
    )
    return option


def command(
    app: typer.Typer, name: str, *, example: str
) -> Callable[[Command[Given]], Command[Given]]:
    """Make a function a command of ``app``; what it is handed first is its :class:`Invocation`."""

    def registered(function: Command[Given]) -> Command[Given]:
        @functools.wraps(function)
        def run(context: typer.Context, **given: object) -> None:
            common = Common.said(given)
            _run(function, common.over(context.obj).over(_USUAL), given)

        signature = inspect.signature(function, eval_str=True)
        _, *own = signature.parameters.values()
        parameters = [
            inspect.Parameter("context", _KEYWORD, annotation=typer.Context),
            *(one.replace(kind=_KEYWORD) for one in own),
            *(
                inspect.Parameter(name, _KEYWORD, default=None, annotation=kind)
                for name, kind in _OPTIONS
            ),
        ]
        run.__dict__["__signature__"] = inspect.Signature(parameters)
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        app.command(name, epilog=f"Example: licensing {example}\n\n{EXIT_CODES}")(run)
        return function

    return registered


_KEYWORD: Final = inspect.Parameter.KEYWORD_ONLY


def _run(function: Callable[..., None], common: Common, given: dict[str, object]) -> None:
    output = Output(
        common.output or Format.TABLE, verbose=bool(common.verbose), quiet=bool(common.quiet)
    )
    settings = Settings(url=common.url, timeout=common.timeout or 0.0, retries=common.retries or 0)
    try:
        with Invocation(settings=settings, output=output) as invocation:
            function(invocation, **given)
    except CommandError as error:
        _tell(output, error)
        raise typer.Exit(error.code) from error
    except KeyboardInterrupt:
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    except OSError as error:
        _tell(output, WrongUse(f"{error.filename or 'A file'}: {error.strerror or error}"))
        raise typer.Exit(ExitCode.USAGE) from error
    except UnicodeError as error:
        # The error's own words show what was read.
        _tell(output, WrongUse("The input is not UTF-8 text."))
        raise typer.Exit(ExitCode.USAGE) from error
    finally:
        output.flush()


def _tell(output: Output, error: CommandError) -> None:
    output.warn(f"Error: {error.message}")
    if error.advice:
        output.warn(error.advice)


def confirm(at: Invocation, question: str, *, yes: bool) -> None:
    """Ask whether it is meant.

    Raises :class:`Negative` if it is not, :class:`WrongUse` if nobody is there to be asked, and
    :class:`KeyboardInterrupt` if somebody goes away instead of answering.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise WrongUse(
            "This cannot be undone, and there is no terminal to confirm it on.",
            "Use --yes to do it.",
        )
    at.output.warn(question)
    try:
        is_meant = typer.confirm("Continue?", err=True)
    except typer.Abort:
        raise KeyboardInterrupt from None
    if not is_meant:
        raise Negative("Nothing was changed.")
