"""Cost: dollars per million validations and per agent and year, for 10³, 10⁶ and 10⁸ agents.

Computed from what is measured here, in this run: requests and units of DynamoDB, CPU, bytes logged
and answered, bytes in the table; from what the template says; and from a dated price table. Which
service quota binds first at each size follows from the same figures.
"""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass, replace
from typing import Any, Final

from licensing.domain.lease import Lease
from tests.benchmarks import deployed, warm
from tests.benchmarks.capacity import Usage, cost_of
from tests.benchmarks.cost_model import (
    Deployment,
    Fleet,
    Limits,
    Quota,
    Terms,
    Work,
    monthly,
    quantities,
    quotas,
    sighted_share,
)
from tests.benchmarks.outcome import Figure, Outcome, Plot, Size, Table, Tell
from tests.benchmarks.prices import AS_OF, PRICES, REGION
from tests.integration.capacity import item_size
from tests.local.stack import TEMPLATE
from tests.local.template import Template
from tests.template.deployed import deployed as resources_named
from tests.template.metrics import of_alarm
from tests.world import MACHINE_A, new_world

TITLE = f"cost: dollars at list prices of {REGION}, as remembered in {AS_OF}"
SIZES: Final = (1e3, 1e6, 1e8)

_TERMS: Final = Terms()
_MILLION: Final = 1e6
# What Lambda itself logs about a request: START, END and REPORT, as long as they usually are.
_PLATFORM_EVENTS: Final = 3
_PLATFORM_BYTES: Final = 340
# What HTTP adds to a body on its way out: status, headers, TLS records.
_HEADER_BYTES: Final = 500
_VERSIONS: Final = 2  # of each function: the one that is live, and the way back
_OUTCOMES: Final = 42  # at most: codes of answers
_OUTCOME_METRICS: Final = 2  # of each
_SWEEP_METRICS: Final = 7
_PUBLISHED_METRICS: Final = 3
_VALIDATE_ROUTE: Final = "POST /v1/licenses/validate"


@dataclass(frozen=True, slots=True)
class Measured:
    """What one validation and one first login take, and an agent's bytes in the table."""

    validate: Work
    login: Work
    agent_bytes: int


def measure(size: Size, tell: Tell) -> Outcome:
    """Measure what the model needs, and compute."""
    found = _measured(size, tell)
    deployment, limits = _deployment(), _limits()
    fleets = {agents: _fleet(agents, found) for agents in SIZES}
    costs = {agents: _monthly(fleet, found, deployment) for agents, fleet in fleets.items()}
    needs = {
        agents: quotas(fleet, found.validate, found.login, deployment, _TERMS, limits)
        for agents, fleet in fleets.items()
    }
    middle = fleets[SIZES[1]]
    more = replace(middle, agents=middle.agents * 2)
    added = sum(_monthly(more, found, deployment).values()) - sum(costs[SIZES[1]].values())
    further = added / (more.validations - middle.validations) * _MILLION
    figures = [Figure(f"a million validations more, at {_count(SIZES[1])} agents", further, "$")]
    for agents, fleet in fleets.items():
        whole = sum(costs[agents].values())
        per_million = whole / fleet.validations * _MILLION
        figures += [
            Figure(f"a million validations, with {_count(agents)} agents", per_million, "$"),
            Figure(
                f"an agent's year, with {_count(agents)} agents", whole / agents * 365 / 30, "$"
            ),
        ]
    tables = (
        _basis(found, deployment, fleets[SIZES[0]]),
        _by_service(costs, fleets),
        _by_quota(needs),
        _priced(),
    )
    return Outcome(tuple(figures), tables, (_plot(found, deployment),))


def _monthly(fleet: Fleet, found: Measured, deployment: Deployment) -> dict[str, float]:
    taken = quantities(fleet, found.validate, found.login, deployment, _TERMS)
    return monthly(taken, PRICES)


# -- what is measured ------------------------------------------------------------------------------


def _measured(size: Size, tell: Tell) -> Measured:
    log = io.StringIO()
    cpu: list[float] = []
    lines: list[tuple[int, int]] = []
    replies: list[int] = []
    with warm.ready(log) as pairs:
        for pair in pairs:
            begun = log.tell()
            replies.append(len(json.loads(pair.service())["body"].encode()))
            said = log.getvalue()[begun:]
            lines.append((len(said.splitlines()), len(said.encode())))
            taken = warm.compare(pair, blocks=size.of(20, 2), requests=size.of(50, 5), tell=tell)
            cpu.append(taken.service_ms)
    used = [Usage.of(cost_of(name)) for name in ("validate, first in its interval", "first login")]
    steady = Usage.of(cost_of("validate, steady state"))
    share = sighted_share(_seconds(), float(_variable("LAST_SEEN_SECONDS")))
    access = _access_log_bytes()
    works = [
        Work(
            cpu_ms=cpu[at],
            database_requests=used[at].requests,
            rcu=used[at].rcu,
            wcu=used[at].wcu,
            log_events=lines[at][0] + _PLATFORM_EVENTS + 1,
            log_bytes=lines[at][1] + _PLATFORM_BYTES + access,
            reply_bytes=replies[at] + _HEADER_BYTES,
            events=at,  # a validation is no change, a first login is one
        )
        for at in range(2)
    ]
    validate = replace(
        works[0],
        rcu=steady.rcu + share * (used[0].rcu - steady.rcu),
        wcu=steady.wcu + share * (used[0].wcu - steady.wcu),
    )
    return Measured(validate, works[1], _agent_bytes())


def _agent_bytes() -> int:
    """What one agent adds to the table and its indexes; DynamoDB adds 100 bytes to each entry."""
    with warm.silence(), new_world() as world:
        world.register("acme")
        before = world.items()
        assert world.login(machine=MACHINE_A).status == 201
        known = {(item["pk"]["S"], item["sk"]["S"]) for item in before}
        added = [item for item in world.items() if (item["pk"]["S"], item["sk"]["S"]) not in known]
    indexed: list[dict[str, Any]] = [
        {name: value for name, value in item.items() if name in _INDEXED}
        for item in added
        if "org_pk" in item
    ]
    by_name: list[dict[str, Any]] = [
        {name: value for name, value in item.items() if name in _FOUND_BY}
        for item in added
        if "across_pk" in item
    ]
    return sum(item_size(item) + 100 for item in [*added, *indexed, *by_name])


_INDEXED: Final = frozenset(
    {"pk", "sk", "org_pk", "org_sk", "state", "environment", "confidential"}
)
_FOUND_BY: Final = frozenset({"pk", "sk", "across_pk", "across_sk"})


# -- what the template says ------------------------------------------------------------------------


def _template() -> Template:
    return Template(
        TEMPLATE,
        {
            "Issuer": "https://issuer.example",
            "AgentClientId": "agents",
            "OperatorClientId": "operators",
        },
    )


def _variable(name: str) -> str:
    return deployed.read().environment[name]


def _seconds() -> float:
    """How long an agent waits for its next validation: until its lease wants to be renewed."""
    lease = Lease(
        issuer="",
        license_id="",
        organization_id="",
        environment="",
        machine_thumbprint="",
        kind="",
        primary=False,
        issued_at=0,
        expires_at=int(_variable("LEASE_SECONDS")),
    )
    return float(lease.renew_after)


def _fleet(agents: float, found: Measured) -> Fleet:
    return Fleet(agents, _seconds(), found.agent_bytes)


def _deployment() -> Deployment:
    template, read = _template(), deployed.read()
    days = [
        template.properties(name, "RetentionInDays")["RetentionInDays"]
        for name in template.of_type("AWS::Logs::LogGroup")
    ]
    resolved = resources_named()
    functions = read.functions
    snapshots = [name for name in functions if _has_snapshot(template, name)]
    return Deployment(
        memory=functions["ValidateFunction"].memory,
        login_memory=functions["IssueFunction"].memory,
        background_memory=functions["PublishFunction"].memory,
        cached=_VERSIONS * sum(functions[name].memory for name in snapshots),
        outcomes=_OUTCOMES,
        outcome_metrics=_OUTCOME_METRICS,
        sweep_metrics=_SWEEP_METRICS,
        published_metrics=_PUBLISHED_METRICS,
        # One that looks at several metrics is paid for each of them.
        alarms=sum(
            len(of_alarm(resolved, alarm)) for alarm in resolved.of_type("AWS::CloudWatch::Alarm")
        ),
        dashboards=len(template.of_type("AWS::CloudWatch::Dashboard")),
        secrets=len(template.of_type("AWS::SecretsManager::Secret")),
        sweeps_per_day=sum(86_400 / schedule.seconds for schedule in read.schedules),
        log_days=max(days),
        is_traced=template.function("ValidateFunction", "Tracing").get("Tracing") == "Active",
    )


def _has_snapshot(template: Template, function: str) -> bool:
    start = template.function(function, "SnapStart").get("SnapStart", {})
    return bool(start.get("ApplyOn") == "PublishedVersions")


def _api() -> dict[str, Any]:
    template = _template()
    (name,) = template.of_type("AWS::Serverless::HttpApi")
    resources: dict[str, Any] = template.properties(name, "DefaultRouteSettings", "RouteSettings")
    return resources


def _limits() -> Limits:
    api = _api()
    return Limits(
        validate_rate=api["RouteSettings"][_VALIDATE_ROUTE]["ThrottlingRateLimit"],
        default_rate=api["DefaultRouteSettings"]["ThrottlingRateLimit"],
    )


def _access_log_bytes() -> int:
    """The access log's line, each variable taken to be as long as an average one: 16 bytes."""
    text = TEMPLATE.read_text(encoding="utf-8")
    found = re.search(r"Format: >-\n((?:\s+.*\$context.*\n)+)", text)
    assert found is not None, "the template has an access log"
    return len(re.sub(r"\$context(\.\w+)+", "x" * 16, "".join(found[1].split())))


# -- what is told ----------------------------------------------------------------------------------


def _count(agents: float) -> str:
    return f"{int(agents):,}"


def _dollars(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 100 else f"{amount:,.2f}"


def _basis(found: Measured, deployment: Deployment, fleet: Fleet) -> Table:
    def row(name: str, work: Work) -> tuple[str, ...]:
        return (
            name,
            f"{work.cpu_ms:.2f} ms",
            f"{work.billed_ms(deployment.memory, _TERMS)} ms",
            f"{work.rcu:g} RCU, {work.wcu:g} WCU",
            f"{work.log_bytes:.0f} bytes in {work.log_events} events",
            f"{work.reply_bytes:.0f} bytes",
        )

    return Table(
        f"What one request takes. An agent validates every {fleet.seconds / 3600:g} hours, has "
        f"{found.agent_bytes:,} bytes in the table and logs in {_TERMS.logins_per_year:g} time a "
        f"year. Lambda's duration is CPU by its share of a processor at {deployment.memory} MB, "
        f"with {_TERMS.runtime_cpu_ms:g} ms for its runtime client and {_TERMS.database_ms:g} ms "
        "for each request to DynamoDB, which are assumed",
        ("request", "CPU", "billed", "DynamoDB", "logs", "answer"),
        (row("validate", found.validate), row("first login", found.login)),
    )


def _by_service(costs: dict[float, dict[str, float]], fleets: dict[float, Fleet]) -> Table:
    largest = costs[SIZES[-1]]
    names = sorted(largest, key=lambda name: -largest[name])
    rows = [
        (PRICES[name].what, *(_dollars(costs[agents][name]) for agents in SIZES)) for name in names
    ]
    rows.append(("**in all**", *(_dollars(sum(costs[agents].values())) for agents in SIZES)))
    rows.append(
        (
            "validations in a month",
            *(f"{fleets[agents].validations:,.0f}" for agents in SIZES),
        )
    )
    head = ("dollars a month", *(f"{_count(agents)} agents" for agents in SIZES))
    return Table("What a fleet costs in a month", head, tuple(rows))


def _by_quota(needs: dict[float, tuple[Quota, ...]]) -> Table:
    rows = []
    first = {agents: max(quotas, key=lambda quota: quota.share) for agents, quotas in needs.items()}
    for position, quota in enumerate(needs[SIZES[-1]]):
        cells = []
        for agents in SIZES:
            one = needs[agents][position]
            text = f"{one.need:,.0f}" if one.need >= 10 else f"{one.need:.2g}"
            marks = " **binds**" if one.share > 1 else ""
            marks += " (first)" if one is first[agents] else ""
            cells.append(text + marks)
        rows.append((quota.name, f"{quota.limit:,.0f} {quota.unit}", *cells, quota.remedy))
    return Table(
        f"Service quotas at AWS's defaults, and what the busiest minutes need ({_TERMS.peak:g} "
        "times the mean; all first logins within 90 days; a tenth of all agents in one "
        "organization). The one that is nearest to its limit is the first to bind",
        ("quota", "default", *(f"{_count(agents)} agents" for agents in SIZES), "what to do"),
        tuple(rows),
    )


def _priced() -> Table:
    rows = tuple(
        (price.what, f"{price.tiers[0][1]:g} $ for {price.per:,.0f}", price.page, price.as_of)
        for price in PRICES.values()
    )
    title = f"Prices of {REGION} in the first tier, as remembered, to be checked"
    return Table(title, ("what", "price", "page to check it on", "as of"), rows)


def _plot(found: Measured, deployment: Deployment) -> Plot:
    points = []
    for tenths in range(30, 81, 5):
        fleet = _fleet(10 ** (tenths / 10), found)
        points.append((fleet.agents, sum(_monthly(fleet, found, deployment).values())))
    return Plot(
        "cost",
        "What a fleet costs in a month",
        "agents",
        "dollars a month",
        (("dollars a month", tuple(points)),),
        is_logarithmic=True,
    )
