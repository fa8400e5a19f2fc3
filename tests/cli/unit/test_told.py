"""What people are told, whatever their terminal and whatever the service answers."""

import io
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.scripted import ME, Scripted
from tests.cli.terminal import Terminal, patient
from tests.local.events import Response

NAME = "Käfig ライン ✓"
ACME = {"id": "acme", "name": NAME, "standing": "current", "seats": 1, "max_agents": None}


@pytest.fixture
def service() -> Iterator[Scripted]:
    with Scripted() as made:
        yield made


@pytest.fixture
def terminal(service: Scripted, tmp_path: Path) -> Terminal:
    return Terminal(service.url, tmp_path, "token")


def printed(
    monkeypatch: pytest.MonkeyPatch, terminal: Terminal, encoding: str, *arguments: str
) -> tuple[object, str, str]:
    """How the program ends where streams have this encoding, and what it has written to them."""
    for name, value in terminal.environment().items():
        monkeypatch.setenv(name, value)
    streams = {name: io.BytesIO() for name in ("stdout", "stderr")}
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, io.TextIOWrapper(stream, encoding=encoding))
    monkeypatch.setattr(sys, "argv", ["licensing", *patient(*arguments)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("licensing_cli", run_name="__main__")
    sys.stdout.flush()
    sys.stderr.flush()
    out, err = (stream.getvalue().decode(encoding) for stream in streams.values())
    return ended.value.code, out, err


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8", NAME),
        ("cp1252", r"Käfig \u30e9\u30a4\u30f3 \u2713"),
        ("ascii", r"K\xe4fig \u30e9\u30a4\u30f3 \u2713"),
    ],
)
def test_what_an_encoding_lacks_is_printed_as_codes(
    monkeypatch: pytest.MonkeyPatch,
    service: Scripted,
    terminal: Terminal,
    encoding: str,
    name: str,
) -> None:
    service.usual = lambda _: Response.of_json(200, {"organization": ACME})
    show = ("organizations", "show", "acme")
    code, out, err = printed(monkeypatch, terminal, encoding, *show)
    assert (code, name in out, err) == (0, True, "")


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_help_errors_and_lines_are_printed_in_any_encoding(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, encoding: str
) -> None:
    terminal = Terminal("http://127.0.0.1:9", tmp_path, "token")
    assert printed(monkeypatch, terminal, encoding, "login", "--help")[0] == 0
    assert printed(monkeypatch, terminal, encoding, "--nothing")[0] == 2
    code, _, err = printed(monkeypatch, terminal, encoding, "lease", "decode", "ライン")
    assert (code, "not a lease" in err) == (1, True)
    code, _, err = printed(monkeypatch, terminal, encoding, "licenses", "show", "../ライン")
    assert (code, r"\u30e9" in err) == (2, True)


def test_an_answer_that_is_about_something_else_is_not_shown_as_empty(
    service: Scripted, terminal: Terminal
) -> None:
    service.usual = lambda _: Response.of_json(200, {"licenses": [], "next_cursor": None})
    for output in ("table", "json"):
        ran = terminal("organizations", "show", "acme", "--output", output).expect(5)
        assert ran.out == ""
        assert "has no organization" in ran.err


def test_a_history_is_in_the_order_of_the_times_that_it_shows(
    service: Scripted, terminal: Terminal
) -> None:
    def event(id: str, at: str, last_at: str | None = None) -> dict[str, str | None]:
        times = {"at": f"2030-03-17T{at}Z", "last_at": last_at and f"2030-03-17T{last_at}Z"}
        return {"id": id, "type": "AccessRefused", "reason": id, **times}

    # As the service sorts: by when each began, which for what is folded is the full hour.
    happened = [
        event("attached", "18:40:00"),
        event("detached", "18:40:00"),
        event("refused", "18:00:00", "18:55:00"),
        event("cloned", "18:00:00", "18:20:00"),
        event("issued", "17:59:00"),
    ]
    answer = {"events": happened, "next_cursor": None}
    service.usual = lambda _: Response.of_json(200, answer)
    for command in (
        ("licenses", "history", "lic_0"),
        ("events", "list", "--organization", "acme"),
    ):
        lines = terminal(*command).expect(0).out.splitlines()[1:]
        assert [line.split()[-1] for line in lines] == [
            *("refused", "attached", "detached", "cloned", "issued")
        ]
        times = [" ".join(line.split()[:2]) for line in lines]
        assert times == sorted(times, reverse=True)
        assert terminal(*command, "--json").expect(0).json == answer


def test_quiet_leaves_out_what_is_neither_a_result_nor_an_error(
    service: Scripted, terminal: Terminal
) -> None:
    generated = {"license": {"id": "lic_0"}, "license_key": "KEY"}
    service.usual = lambda _: Response.of_json(201, generated)
    generate = ("temporary", "generate", "acme", "--ttl", "1h")
    assert "only now" in terminal(*generate).expect(0).err
    for quiet in (terminal(*generate, "--quiet"), terminal("-q", *generate)):
        assert ("KEY" in quiet.expect(0).out, quiet.err) == (True, "")
    service.answers = [Response(503, [("retry-after", "0")], b"{}")]
    assert terminal(*generate, "-q").expect(0).err == ""
    # What has to be known is told all the same.
    service.usual = lambda _: Response.of_json(403, {"code": "forbidden", "detail": "No."})
    assert "No." in terminal(*generate, "-q").expect(4).err
    assert "NOT VERIFIED" in terminal("lease", "decode", "e30.e30.", "-q").expect(0).err


def test_who_is_signed_in_is_told_to_programs_as_the_api_tells_it(
    service: Scripted, terminal: Terminal
) -> None:
    assert terminal("whoami", "--json").expect(0).json == ME
    assert service.requests


def test_only_what_exists_already_is_told_to_be_changed(
    service: Scripted, terminal: Terminal
) -> None:
    create = ("organizations", "create", "acme", "--name", "A", "--valid-until", "2035-01-31")
    for code, said in (("precondition_failed", "organizations update acme"), ("forbidden", "No.")):
        body = {"code": code, "detail": "No."}
        service.usual = lambda _, body=body: Response.of_json(412, body)  # type: ignore[misc]
        told = terminal(*create).expect(4).err
        assert said in told
        assert ("exists already" in told) is (code == "precondition_failed")
