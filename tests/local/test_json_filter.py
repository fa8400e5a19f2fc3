"""The stand-in for `jq` does what jq does, with the options that the README's lines use."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

STAND_IN = [sys.executable, str(Path(__file__).with_name("json_filter.py"))]
DOCUMENTS = '{"b": [1, "x\\"y", null, "Büro"], "a": {"d": 1.5, "c": []}}\n{"b": []}'


def ran(command: list[str], *arguments: str) -> str:
    return subprocess.run(
        [*command, *arguments],
        input=DOCUMENTS,
        env=os.environ | {"WHO": "olivia"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["-c", "."], '{"b":[1,"x\\"y",null,"Büro"],"a":{"d":1.5,"c":[]}}\n{"b":[]}\n'),
        (["-cS", ".a // 0"], '{"c":[],"d":1.5}\n0\n'),
        (["-r", ".b[1, 3] // empty"], 'x"y\nBüro\n'),
        (["-n", "env | {WHO}"], '{\n  "WHO": "olivia"\n}\n'),
        (["-n", "-r", "--arg", "n", "-5", "--arg", "m", "", "$n + $m"], "-5\n"),
        (["-c", "--arg", "n", "5", ".b + [$n]"], '[1,"x\\"y",null,"Büro","5"]\n["5"]\n'),
    ],
)
def test_the_stand_in_answers_as_jq_does(arguments: list[str], answer: str) -> None:
    assert ran(STAND_IN, *arguments) == answer
    real = shutil.which("jq")
    if real:
        assert ran([real], *arguments) == answer


def test_documents_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text('{"b": 2}')
    assert ran(STAND_IN, ".b", str(tmp_path / "one.json")) == "2\n"
