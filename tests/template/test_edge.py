"""The API's edge: what each route is let through, and what the access log says of a request."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from licensing.entrypoints.site import swagger_ui
from tests.benchmarks.prices import PRICES
from tests.local.deployment import route_key
from tests.template.deployed import ROOT, deployed

TEMPLATE = deployed()
API = TEMPLATE.properties("HttpApi")
VALIDATE = "POST /v1/licenses/validate"
LOGIN = "POST /v1/licenses"
ACCOUNT = 10_000
"""Requests a second that AWS lets through to all APIs of an account in a Region, by default."""


def routes() -> Mapping[str, bool]:
    """Whether each route takes no token."""
    return {
        route_key(event): event.get("Auth") == {"Authorizer": "NONE"}
        for function in TEMPLATE.of_type("AWS::Serverless::Function")
        for kind, event in TEMPLATE.events(function)
        if kind == "HttpApi"
    }


def rate(route: str) -> int:
    """Requests a second that a route is let through."""
    settings = API["RouteSettings"].get(route, API["DefaultRouteSettings"])
    found: int = settings["ThrottlingRateLimit"]
    return found


OPEN = sorted(route for route, is_open in routes().items() if is_open)


# -- floods ----------------------------------------------------------------------------------------


def test_every_route_is_throttled_and_validation_is_let_through_most() -> None:
    for settings in (API["DefaultRouteSettings"], *API["RouteSettings"].values()):
        assert 0 < settings["ThrottlingRateLimit"] <= settings["ThrottlingBurstLimit"] <= 10_000
        assert settings["DetailedMetricsEnabled"] is False
    assert max(routes(), key=rate) == VALIDATE


def test_what_strangers_can_call_has_limits_of_its_own_and_operators_share_none_of_them() -> None:
    assert set(API["RouteSettings"]) == {*OPEN, LOGIN}
    # All strangers, all logins and all operators together stay below what the account has.
    assert sum(map(rate, routes())) < ACCOUNT / 2


def test_only_what_an_agent_needs_is_let_through_in_numbers() -> None:
    others = [route for route in OPEN if route != VALIDATE]
    assert sum(map(rate, others)) < rate(VALIDATE) / 3


def test_what_a_flood_costs_in_an_hour_is_what_the_page_says() -> None:
    """At most: each route at its limit, the longest answers, each validation read and logged."""
    validations = rate(VALIDATE) * 3600
    requests = sum(map(rate, OPEN)) * 3600
    files = [file.stat().st_size for file in (ROOT / "functions/portal/static").iterdir()]
    of_documentation = [file.stat().st_size for file in swagger_ui()]
    contract = (ROOT / "functions/discovery/static/openapi.json").stat().st_size
    large = {
        VALIDATE: 2_000,
        "GET /portal/{version}/{name}": max(files),
        "GET /docs/{version}/{name}": max(of_documentation),
        "GET /v1/openapi.json": contract,
    }
    bytes_out = 3600 * sum(rate(route) * large.get(route, 2_000) for route in OPEN)
    log_bytes = requests * 600
    quantities = {
        "api": requests,
        "lambda requests": requests,
        "lambda duration": requests * 0.020 * 0.5,
        "read units": validations * 2,
        "log ingestion": log_bytes,
        "log storage": log_bytes * 3 * 0.15,
        "transfer": bytes_out,
    }
    dollars = sum(PRICES[name].of(quantity) for name, quantity in quantities.items())
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    (said,) = set(re.findall(r"at most (\d+) dollars an hour", page))
    assert int(said) - 5 < dollars <= int(said)


# -- the access log --------------------------------------------------------------------------------

FORMAT: str = API["AccessLogSettings"]["Format"]
VARIABLE = re.compile(r"\$context(?:\.\w+)+")
# What API Gateway makes, of letters that no quote is among: numbers, addresses, its own messages,
# and the keys of routes that this template has.
ITS_OWN = {
    "$context.identity.sourceIp": "2001:db8::7",
    "$context.requestId": "JKJaXmPLvHcESHA=",
    "$context.responseLatency": "12",
    "$context.routeKey": "GET /v1/me",
    "$context.status": "401",
}
# What others have a part in: the identity provider, who made a token up, a function that failed.
OF_OTHERS = {
    "$context.authorizer.claims.sub": "0b6f0d2e-5d2a-4b39-9f0c-7f1d3f2b9a55",
    "$context.authorizer.error": "-",
    "$context.integrationErrorMessage": "-",
}


def line(**of_others: str) -> str:
    """A line of the log, with some values instead of the usual ones."""
    others = {
        name: of_others.get(name.rpartition(".")[2], usual) for name, usual in OF_OTHERS.items()
    }
    values = ITS_OWN | others
    return VARIABLE.sub(lambda found: values[found[0]], FORMAT)


def test_the_access_log_says_who_asked_for_what_and_what_came_of_it() -> None:
    logged: dict[str, Any] = json.loads(line())
    assert logged["subject"] == OF_OTHERS["$context.authorizer.claims.sub"]
    assert (logged["route"], logged["status"], logged["ip"]) == ("GET /v1/me", "401", "2001:db8::7")
    assert {*VARIABLE.findall(FORMAT)} == {*ITS_OWN, *OF_OTHERS}
    assert "\n" not in FORMAT


def test_a_refused_request_has_an_address_and_a_reason_and_no_subject() -> None:
    logged = json.loads(line(sub="-", error="the token has expired"))
    assert (logged["subject"], logged["auth"]) == ("-", "the token has expired")


@pytest.mark.parametrize("name", ["sub", "error", "integrationErrorMessage"])
def test_no_quote_in_a_value_passes_a_request_off_as_another(name: str) -> None:
    forged = 'x","subject":"olivia","status":"200","ip":"10.0.0.1","request_id":"1","route":"x'
    logged = json.loads(line(sub="alice") if name != "sub" else line()) | {}
    written = json.loads(line(**({"sub": "alice"} | {name: forged})))
    for field in ("request_id", "ip", "route", "status", "ms"):
        assert written[field] == logged[field]
    if name != "sub":
        assert written["subject"] == "alice"


def test_nothing_that_a_caller_writes_freely_is_in_the_access_log() -> None:
    written = re.compile(r"path|userAgent|header|query|domain|protocol|httpMethod|clientCert")
    assert not written.search(FORMAT)
