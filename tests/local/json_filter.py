"""`jq` where the machine has none: the same library, and as much of its command line as is needed.

`python json_filter.py [-n] [-r] [-c] [-S] [-a] [--arg NAME VALUE]… PROGRAM [FILE]`
"""

import argparse
import json
import sys
from pathlib import Path

import jq


def main() -> None:
    """Run a program over JSON documents, one after the other."""
    parser = argparse.ArgumentParser(prog="jq", add_help=False)
    for flag in ("-n", "-r", "-c", "-S", "-a"):
        parser.add_argument(flag, action="store_true", dest=flag[1])
    parser.add_argument("program")
    parser.add_argument("file", nargs="?", type=Path)
    named, rest = _named(sys.argv[1:])
    asked = parser.parse_intermixed_args(rest)
    program = jq.compile(asked.program, args=named)
    if asked.n:
        answers = program.input_value(None)
    else:
        answers = program.input_text(asked.file.read_text() if asked.file else sys.stdin.read())
    for value in answers:
        raw = asked.r and isinstance(value, str)
        layout = {"separators": (",", ":")} if asked.c else {"indent": 2}
        text = json.dumps(value, ensure_ascii=asked.a, sort_keys=asked.S, **layout)
        sys.stdout.write(f"{value if raw else text}\n")


def _named(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """The values that have a name, and what else there is; a value may begin with a hyphen."""
    named: dict[str, str] = {}
    rest: list[str] = []
    left = iter(words)
    for word in left:
        if word == "--arg":
            name, value = next(left), next(left)
            named[name] = value
        else:
            rest.append(word)
    return named, rest


if __name__ == "__main__":
    main()
