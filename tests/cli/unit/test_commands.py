"""What all commands have in common: how they end, who is asked, and what a shell completes."""

import io
import json
import os
import pty
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from licensing_agent.machine.sources import Platform
from licensing_cli import __version__, commands, events
from licensing_cli.app import app
from licensing_cli.errors import Negative, SignedOut, Unreachable, WrongUse
from licensing_cli.invocation import Invocation, Settings
from licensing_cli.output import Format, Output
from licensing_cli.vocabulary import EVENT_TYPES
from tests.cli.scripted import ME, Scripted, problem
from tests.cli.terminal import Terminal
from tests.devices import b64
from tests.local.events import Request, Response


@pytest.fixture
def service() -> Iterator[Scripted]:
    with Scripted() as made:
        yield made


@pytest.fixture
def terminal(service: Scripted, tmp_path: Path) -> Terminal:
    return Terminal(service.url, tmp_path, "token")


@pytest.fixture
def at(service: Scripted, monkeypatch: pytest.MonkeyPatch) -> Iterator[Invocation]:
    """A command that runs, with somebody signed in."""
    monkeypatch.setenv("LICENSING_TOKEN", "token")
    monkeypatch.setenv("NO_PROXY", "*")
    settings = Settings(url=service.url, timeout=60, retries=0)
    with Invocation(settings=settings, output=Output(Format.JSON)) as invocation:
        yield invocation


def test_the_program_is_named_as_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/__main__.py", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("licensing_cli", run_name="__main__")
    assert (ended.value.code, capsys.readouterr().out) == (0, f"licensing {__version__}\n")


@pytest.mark.parametrize("token", ["s.e.cret\ncret", "s.e.cret\x7f", "s.e.cret\xe9"])
def test_a_token_that_cannot_be_sent_is_not_shown(
    token: str, service: Scripted, tmp_path: Path
) -> None:
    told = Terminal(service.url, tmp_path, token)("whoami").expect(3)
    assert "LICENSING_TOKEN" in told.err
    assert "cret" not in told.out + told.err
    assert service.requests == []


@pytest.mark.parametrize("signature", ["c2Vj\ncmV0", "\xe9", "=secret"])
def test_a_file_with_a_token_that_cannot_be_sent_signs_nobody_in(
    signature: str, terminal: Terminal, service: Scripted, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    claims = b64(json.dumps({"iat": 1, "exp": 3601}).encode())
    file.write_text(f"{b64(b'{}')}.{claims}.{signature}", encoding="utf-8")
    told = terminal("login", "--token", str(file)).expect(2)
    assert signature not in told.err
    assert service.requests == []


def test_what_is_no_text_is_told_and_not_shown(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(b"secret\xff")
    told = terminal("login", "--token", str(file)).expect(2)
    assert "UTF-8" in told.err
    assert "secret" not in told.err
    assert "UTF-8" in terminal("licenses", "label", "lic_0123456789abcdef", "a\udcff").expect(2).err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (Negative("No."), 1, "Error: No.\n"),
        (SignedOut("Who?"), 3, "Error: Who?\nSign in: licensing login\n"),
        (Unreachable("Away.", "Wait."), 5, "Error: Away.\nWait.\n"),
        (KeyboardInterrupt(), 130, ""),
        (PermissionError(13, "Permission denied", "state"), 2, "Error: state: Permission denied\n"),
        (OSError("odd"), 2, "Error: A file: odd\n"),
    ],
    ids=repr,
)
def test_an_error_ends_a_command_with_its_code(error: BaseException, code: int, said: str) -> None:
    group = commands.new_app("Of a test.")

    def fails(_: Invocation) -> None:
        raise error

    commands.command(group, "fails", example="fails")(fails)

    @group.callback()
    def common(context: typer.Context) -> None:
        context.obj = commands.Common()

    ran = CliRunner().invoke(group, ["fails"])
    assert (ran.exit_code, ran.stdout, ran.stderr) == (code, "", said)


def test_nobody_reads_any_more(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in terminal.environment().items():
        monkeypatch.setenv(name, value)
    for form in Format:
        reading, writing = os.pipe()
        os.close(reading)
        with open(writing, "w") as broken:  # noqa: PTH123 - of a number
            monkeypatch.setattr(sys, "stdout", broken)
            with pytest.raises(SystemExit) as ended:
                app(["whoami", "--output", form], prog_name="licensing")
        assert ended.value.code == 0
        assert capsys.readouterr().err == ""


def test_whoever_stops_reading_changes_no_exit_code(
    terminal: Terminal, service: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in terminal.environment().items():
        monkeypatch.setenv(name, value)
    service.usual = lambda _: problem(404, "not_found", "There is none.")
    bad = ["lease", "decode", "nonsense"]
    for arguments, code in ((["whoami"], 4), (bad, 1), ([*bad, "-o", "json"], 1)):
        reading, writing = os.pipe()
        os.close(reading)
        with open(writing, "w") as broken:  # noqa: PTH123 - of a number
            for stream in ("stdout", "stderr"):
                monkeypatch.setattr(sys, stream, broken)
            with pytest.raises(SystemExit) as ended:
                app(arguments, prog_name="licensing")
        assert ended.value.code == code, arguments


@pytest.mark.parametrize(("typed", "is_meant"), [("y", True), ("n", False)])
def test_a_person_at_a_terminal_is_asked(
    at: Invocation, monkeypatch: pytest.MonkeyPatch, typed: str, *, is_meant: bool
) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, f"{typed}\n".encode())
    with open(theirs) as keyboard:  # noqa: PTH123 - of a number
        monkeypatch.setattr(sys, "stdin", keyboard)
        if is_meant:
            commands.confirm(at, "It ends.", yes=False)
        else:
            with pytest.raises(Negative):
                commands.confirm(at, "It ends.", yes=False)
    os.close(ours)


def test_the_end_of_what_is_typed_is_no_answer(
    at: Invocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, b"\x04")
    with open(theirs) as keyboard:  # noqa: PTH123 - of a number
        monkeypatch.setattr(sys, "stdin", keyboard)
        with pytest.raises(KeyboardInterrupt):
            commands.confirm(at, "It ends.", yes=False)
    os.close(ours)


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("licensing events list --type Lic", [name for name in EVENT_TYPES if name[:3] == "Lic"]),
        ("licensing tem", ["temporary"]),
    ],
)
def test_a_shell_is_told_what_can_follow(words: str, completed: list[str]) -> None:
    asked = {
        "_LICENSING_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    ran = CliRunner().invoke(app, [], env=asked, prog_name="licensing")
    assert ran.stdout.split() == completed


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_every_shell_is_told_words_of_the_service(shell: str) -> None:
    words = "licensing licenses list acme --status dis"
    asked = {
        "_LICENSING_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
        "_TYPER_COMPLETE_ARGS": words,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_WORD_TO_COMPLETE": "dis",
    }
    ran = CliRunner().invoke(app, [], env=asked, prog_name="licensing")
    assert "dissociated" in ran.stdout
    assert "active" not in ran.stdout


def test_one_licence_is_made_however_often_it_is_asked_for(
    service: Scripted, terminal: Terminal
) -> None:
    busy = Response(503, [("retry-after", "0")], b"{}")
    made = {"license": {"id": "lic_0", "seconds_left": 0}, "license_key": "KEY"}
    service.answers = [busy, busy, Response.of_json(201, made)]
    told = terminal("temporary", "generate", "acme", "--ttl", "1h").expect(0)
    assert "KEY" in told.out
    keys = {request.header("idempotency-key") for request in service.requests}
    assert (len(service.requests), len(keys)) == (3, 1)
    # When the answer does not come at all, a person can go on where the command ended.
    service.usual = lambda _: busy
    ended = terminal("temporary", "generate", "acme", "--ttl", "1h", "--retries", "1").expect(5)
    last = service.requests[-1].header("idempotency-key")
    assert f"--idempotency-key {last}" in ended.err
    assert last not in keys


def test_events_are_followed_through_trouble(
    service: Scripted, at: Invocation, capsys: pytest.CaptureFixture[str]
) -> None:
    happened: list[dict[str, Any]] = []

    def happens(id: str) -> None:
        moment = f"2030-03-17T18:00:{len(happened):02}Z"
        happened.insert(0, {"id": id, "type": "LicenseIssued", "at": moment, "last_at": None})

    def feed(request: Request) -> Response:
        if "type=" in request.query:
            return Response.of_json(200, {"events": [], "next_cursor": None})
        return Response.of_json(200, {"events": happened, "next_cursor": None})

    def time_goes_by(seconds: float) -> None:
        waited.append(seconds)
        match len(waited):
            case 1:
                happens("b")
            case 2:
                service.answers = [
                    Response(503, [], b"{}"),
                    Response(503, [("retry-after", "9")], b"{}"),
                ]
            case 5:
                happens("c")
            case 7:
                raise KeyboardInterrupt

    waited: list[float] = []
    happens("a")
    service.usual = feed
    at.api.pause = time_goes_by
    at.api.chance = lambda _, most: most
    with pytest.raises(KeyboardInterrupt):
        events.find(at, organization="acme", follow=True, every=0.5)
    told = capsys.readouterr()
    assert [line.split('"')[3] for line in told.out.splitlines()] == ["a", "b", "c"]
    assert waited == [0.5, 0.5, 1.0, 0.5, 9.0, 0.5, 0.5]
    assert [line.rpartition(". ")[2] for line in told.err.splitlines()] == [
        "Trying again in 1.0 s.",
        "Trying again in 9.0 s.",
        "The service is back.",
    ]


def test_what_is_not_the_service_any_more_is_not_followed(
    service: Scripted, at: Invocation
) -> None:
    service.usual = lambda _: Response.of_json(200, {"events": [], "next_cursor": None})

    def moves_away(_: float) -> None:
        service.usual = lambda _: Response(200, [], b"<html>")

    at.api.pause = moves_away
    with pytest.raises(Unreachable, match="not the licence service"):
        events.find(at, license="lic_0", follow=True)


def test_people_get_a_line_for_each_event(
    service: Scripted, at: Invocation, capsys: pytest.CaptureFixture[str]
) -> None:
    refusal = {"id": "r", "type": "AccessRefused", "at": "2030-03-17T18:00:00Z", "times": 3}
    refusal |= {"last_at": "2030-03-17T18:20:00Z", "reason": "revoked"}
    answer = {"events": [refusal], "next_cursor": None}
    service.usual = lambda _: Response.of_json(200, answer)

    def ends(_: float) -> None:
        raise KeyboardInterrupt

    at.output = Output(Format.TABLE)
    at.api.pause = ends
    with pytest.raises(KeyboardInterrupt):
        events.find(at, organization="acme", follow=True)
    told = capsys.readouterr().out
    assert told.startswith("2030-03-17 18:20:00Z  AccessRefused  -")
    assert told.endswith("revoked (3 times)\n")


def test_a_machine_of_no_known_platform_has_to_be_described(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("licensing_agent.machine.identity.Platform", lambda: Platform("Plan 9"))
    assert "--machine-id" in terminal("machines", "lookup", "--this").expect(2).err


def test_keys_that_are_none_are_not_verified_with(service: Scripted, terminal: Terminal) -> None:
    service.usual = lambda _: Response.of_json(200, ME)
    assert "JWKS" in terminal("lease", "verify", "a.b.c").expect(2).err


def test_a_time_that_no_calendar_has_is_shown_as_it_is(terminal: Terminal) -> None:
    head, claims = "eyJhbGciOiJub25lIn0", "eyJleHAiOjk5OTk5OTk5OTk5OTk5OTk5OTksImlhdCI6Im5vdyJ9"
    told = terminal("lease", "decode", f"{head}.{claims}.").expect(0).out
    assert "9999999999999999999" in told


def test_a_service_that_refuses_is_not_asked_again(service: Scripted, terminal: Terminal) -> None:
    service.usual = lambda _: problem(403, "forbidden", "No.")
    terminal("whoami").expect(4)
    assert len(service.requests) == 1


def test_what_is_typed_elsewhere_is_no_terminal(
    at: Invocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(WrongUse, match="no terminal"):
        commands.confirm(at, "It ends.", yes=False)
