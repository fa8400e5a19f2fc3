"""What README.md tells of the API and of its codes is all that there is."""

import re
from pathlib import Path

from licensing.domain.validation import Code
from licensing_build.openapi import operations

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
CODE = re.compile(r"`(\w+)`")


def test_every_route_stands_in_the_table_of_the_api() -> None:
    table = README.split("## The API")[1].split("The codes of a validation")[0]
    for route in operations():
        path = re.sub(r"\{\w+\}", "{id}", route.path)
        stem, _, verb = path.rpartition("/")
        assert path in table or (stem in table and f"`{verb}`" in table), path


def test_r13_every_code_that_stops_an_agent_stands_in_the_table_for_operators() -> None:
    table = README.split("| the agent's code |")[1].split("\n\n")[0]
    told = {code for row in table.splitlines() for code in CODE.findall(row.split(" | ")[0])}
    assert told >= {code.value for code in Code if code is not Code.VALID}
