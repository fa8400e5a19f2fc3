"""R16, R20, R36, R37: nothing on the way makes an agent give up its license, or take a second seat.

Each part of each request and answer, one by one, is dropped, changed, repeated, taken from another
exchange, held back or answered by a cache: for good, for an hour and once.
"""

import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from licensing.contract.agents import (
    JwksReply,
    LoginReply,
    LoginRequest,
    ValidateReply,
    ValidateRequest,
)
from licensing.contract.problems import Problem
from tests.agent.ways.cells import cells, rows
from tests.agent.ways.exceptions import EXCEPTIONS, excepted, wrong
from tests.agent.ways.parts import pointers, spelled
from tests.agent.ways.played import played, played_row
from tests.agent.ways.scene import Act, Scene, scene

SHARES = 60
"""Into how many tests the cells of an act are dealt out."""


@pytest.fixture(scope="module")
def at(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Where an act begins."""
    with scene(request.param, tmp_path_factory.mktemp("agent")) as made:
        yield made


@pytest.mark.sampled(SHARES, all=6)
@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("at", Act, indirect=True)
def test_r36_nothing_on_the_way_ends_a_license_and_the_agent_comes_back_by_itself(
    at: Scene, share: int
) -> None:
    dealt = list(rows(at))[share::SHARES]
    found = {seen.cell.id: wrong(seen) for row in dealt for seen in played_row(at, row)}
    told = [f"{id}: {'; '.join(faults)}" for id, faults in found.items() if faults]
    assert not told, "\n".join(told)


MODELS: dict[Act, tuple[type[BaseModel] | None, type[BaseModel]]] = {
    Act.LOGIN: (LoginRequest, LoginReply),
    Act.RETURN: (LoginRequest, LoginReply),
    Act.VALIDATE: (ValidateRequest, ValidateReply),
    Act.KEYS: (None, JwksReply),
}


def members(model: type[BaseModel], before: str = "") -> Iterator[str]:
    """Each member that a body of a model has, at any depth, as a JSON pointer."""
    for name, field in model.model_fields.items():
        yield f"{before}/{field.alias or name}"
        yield from inner(field.annotation, f"{before}/{field.alias or name}")


def inner(annotation: Any, before: str) -> Iterator[str]:
    """Those of what a member is."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from members(annotation, before)
    for one in get_args(annotation):
        is_list = getattr(annotation, "__origin__", None) is list
        yield from inner(one, f"{before}/0" if is_list else before)


def recorded(body: bytes) -> set[str]:
    """Each member of a body."""
    return {spelled(pointer) for pointer in pointers(json.loads(body))}


@pytest.mark.parametrize("at", MODELS, indirect=True)
def test_the_matrix_has_each_member_of_the_contracts_models_and_each_header_that_is_sent(
    at: Scene,
) -> None:
    asked, told = MODELS[at.act]
    parts = {cell.fault.part for cell in cells(at)}
    for one in at.own:
        side, answered = ("challenge", Problem) if one.is_challenge else ("answer", told)
        # A challenge is about no field.
        optional = {name for name in members(answered) if name.startswith("/errors")}
        body = set(members(answered)) - optional
        assert {f"{side} body {name}" for name in body | recorded(one.answer.body)} <= parts
        assert {f"{side} header {name}" for name, _ in one.answer.headers} <= parts
        assert {f"request header {name}" for name, _ in one.request.headers} <= parts
        if asked is not None:
            body = {*members(asked), *recorded(one.request.body)}
            assert {f"request body {name}" for name in body} <= parts


@pytest.mark.thorough
@pytest.mark.parametrize("at", sorted({one.act for one in EXCEPTIONS}), indirect=True)
def test_each_exception_is_needed(at: Scene) -> None:
    needed = {id(excepted(cell)) for cell in cells(at) if excepted(cell) and played(at, cell).wrong}
    assert needed == {id(one) for one in EXCEPTIONS if one.act is at.act}
