"""What the pages for callers and operators list is all that there is."""

import re
from pathlib import Path

from licensing.domain.audit import Reason
from licensing.domain.validation import Code
from licensing_build.openapi import operations
from tests.artefacts.building import FUNCTIONS
from tests.local.template import Template

ROOT = Path(__file__).parents[3]
API = (ROOT / "functions" / "README.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "functions" / "OPERATIONS.md").read_text(encoding="utf-8")
TEMPLATE = Template(ROOT / "template.yaml")

_OF_NO_AGENT = {Reason.READ_FROM_OUTSIDE, Reason.BILLING_STALE, Reason.BILLING_CONTRADICTING}
_ID = re.compile(r"\{\w+_id\}")
_CODE = re.compile(r"`(\w+)`")


def test_every_route_stands_in_the_table_of_the_api() -> None:
    table = API.split("\n## Routes\n")[1].split("\n## ")[0]
    for route in operations():
        path = _ID.sub("{id}", route.path)
        stem, _, verb = path.rpartition("/")
        assert path in table or (stem in table and f"`{verb}`" in table), path


def test_every_function_stands_in_its_table_with_the_routes_that_call_it() -> None:
    rows = re.findall(r"^\| \[`(\w+)`\]\((\w+)/handler\.py\) \| (.*?) \| .* \|$", API, re.MULTILINE)
    told = {name: (folder, called_by) for name, folder, called_by in rows}
    assert len(told) == len(rows)
    assert {name: folder for name, (folder, _) in told.items()} == {
        name: source.handler.parent.name for name, source in FUNCTIONS.items()
    }
    for name, (_, called_by) in told.items():
        routes = [
            f"`{route['Method']} {_ID.sub('{id}', route['Path'])}`"
            if "Path" in route
            else "what fits no other route"
            for kind, route in TEMPLATE.events(name)
            if kind == "HttpApi"
        ]
        assert not routes or sorted(called_by.split(", ")) == sorted(routes)


def test_every_parameter_and_output_stands_on_the_page_for_operators() -> None:
    deploy = OPERATIONS.split("\n## Deploy\n")[1].split("\n## ")[0]
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    outputs = re.findall(r"^  (\w+):$", text.split("\nOutputs:\n")[1], re.MULTILINE)
    assert {*TEMPLATE.parameters, *outputs} <= {*_CODE.findall(deploy)}


def test_r13_every_code_that_stops_an_agent_stands_in_the_table_for_operators() -> None:
    table = OPERATIONS.split("| the agent's code |")[1].split("\n\n")[0]
    told = {code for row in table.splitlines() for code in _CODE.findall(row.split(" | ")[0])}
    assert told >= {code.value for code in Code if code is not Code.VALID}


def test_r32_every_reason_that_tells_of_an_agent_is_explained_to_callers_and_to_operators() -> None:
    for page in (API, OPERATIONS):
        told = {
            word
            for row in page.splitlines()
            if row.startswith("| ")
            for word in _CODE.findall(row.split(" | ")[0])
        }
        assert told >= {reason.value for reason in Reason if reason not in _OF_NO_AGENT}
