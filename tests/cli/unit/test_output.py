"""What is printed, to people and to programs."""

import json

import pytest

from licensing_cli.output import Format, Output, moment, shown, text_of

COLUMNS = {"id": text_of("id"), "at": moment("seen", "at"), "marked": text_of("marked")}
ROWS = [
    {"id": "a", "seen": {"at": "2027-01-31T12:00:00Z"}, "marked": True},
    {"id": "b" * 200, "seen": None, "marked": False},
]


def test_a_table_is_as_wide_as_it_has_to_be_where_nobody_looks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Output(Format.TABLE).listed({"licenses": ROWS, "next_cursor": None}, "licenses", COLUMNS)
    told = capsys.readouterr()
    head, first, second = told.out.splitlines()
    assert head.split() == ["id", "at", "marked"]
    assert first.split() == ["a", "2027-01-31", "12:00:00Z", "yes"]
    assert second.split() == ["b" * 200, "-", "no"]
    assert told.err == ""


def test_there_are_colours_on_a_terminal_alone_and_none_where_they_are_not_wanted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = {"status": text_of("status")}

    def printed() -> str:
        Output(Format.TABLE).table(table, [{"status": "active"}])
        return capsys.readouterr().out

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b" not in printed()
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    assert "\x1b[32m" in printed()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[32m" not in printed()


def test_json_is_the_objects_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    document = {"licenses": ROWS, "next_cursor": "x", "total": 5}
    Output(Format.JSON).listed(document, "licenses", COLUMNS)
    told = capsys.readouterr()
    assert (json.loads(told.out), told.err) == (document, "")
    Output(Format.JSON).record({"a": "ä\n"})
    assert capsys.readouterr().out == '{"a": "\\u00e4\\n"}\n'


def test_what_is_left_out_of_a_list_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    document = {"licenses": ROWS, "next_cursor": "x", "total": 5}
    Output(Format.TABLE).listed(document, "licenses", COLUMNS)
    assert "2 of 5 are shown" in capsys.readouterr().err


def test_nothing_that_others_have_written_reaches_the_terminal_as_a_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    evil = "\x1b[2J\x9b1mred\u202egnp.exe\r\n\x07[bold]"
    Output(Format.TABLE).table({"label": text_of("label")}, [{"label": evil}])
    Output(Format.TABLE).line(evil)
    Output(Format.TABLE).note(evil)
    told = "".join(capsys.readouterr())
    assert not set(told) & set("\x1b\x9b\u202e\r\x07")
    assert "\\u001b[2J" in told
    assert "[bold]" in told


def test_text_of_any_language_is_shown_as_it_is() -> None:
    assert shown("Käfig 3, ライン2, שלום") == "Käfig 3, ライン2, שלום"
