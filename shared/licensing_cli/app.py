"""All commands together, and the options that stand before their names."""

from __future__ import annotations

from typing import Annotated

import typer

from licensing_cli import (
    __version__,
    account,
    commands,
    diagnose,
    events,
    leases,
    licenses,
    machines,
    organizations,
    summaries,
    temporary,
)
from licensing_cli.commands import Common, Json, OutputFormat, Quiet, Retries, Timeout, Verbose

app = typer.Typer(
    epilog=commands.EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(organizations.app, name="organizations")
app.add_typer(licenses.app, name="licenses")
app.add_typer(temporary.app, name="temporary")
app.add_typer(events.app, name="events")
app.add_typer(machines.app, name="machines")
app.add_typer(leases.app, name="lease")
summaries.register(app)
diagnose.register(app)
account.register(app)


def _tell_version(value: bool) -> None:  # noqa: FBT001 - typer hands it over like this
    if value:
        typer.echo(f"licensing {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    *,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            envvar="LICENSING_URL",
            help="The address of the service: the stack's output ApiUrl.",
        ),
    ] = None,
    output: OutputFormat = None,
    json: Json = None,
    timeout: Timeout = None,
    retries: Retries = None,
    verbose: Verbose = None,
    quiet: Quiet = None,
    version: Annotated[  # noqa: ARG001 - told before any command
        bool | None,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version."),
    ] = None,
) -> None:
    """Operate the licence service from a terminal."""
    context.obj = Common.said(
        {
            "url": url,
            "output": output,
            "json": json,
            "timeout": timeout,
            "retries": retries,
            "verbose": verbose,
            "quiet": quiet,
        }
    )
