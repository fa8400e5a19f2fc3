"""Cost: dollars per million validations and per agent and year, for 10³, 10⁶ and 10⁸ agents.

A million validations of each kind stand beside their floor: API Gateway's and Lambda's price of a
request, and DynamoDB's of the items that are read and written. Computed from what is measured here,
in this run: requests and units of DynamoDB, CPU, bytes logged and answered, bytes in the table;
from what the template says; and from a dated price table. Which service quota binds first at each
size follows from the same figures.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from licensing.domain.lease import Lease
from tests.benchmarks import cost_kinds, deployed, warm
from tests.benchmarks.capacity import Usage, cost_of
from tests.benchmarks.cost_kinds import KINDS, NO_WRITE, USUAL, Played
from tests.benchmarks.cost_model import (
    FLOOR,
    Deployment,
    Fleet,
    Limits,
    Quota,
    Terms,
    Work,
    for_a_million,
    monthly,
    quantities,
    quotas,
    sighted_share,
)
from tests.benchmarks.invoked import silence
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

MOST_OVER_FLOOR: Final = 0.50
MOST_A_MONTH: Final = 12.0

_TERMS: Final = Terms()
_MILLION: Final = 1e6
# What Lambda itself logs about a request: START, END and REPORT, as long as they usually are. With
# a SystemLogLevel of WARN it does not.
_PLATFORM_EVENTS: Final = 3
_PLATFORM_BYTES: Final = 340
# What API Gateway adds to headers and body of the function, in HTTP/1.1: status, Date, Connection,
# Content-Length, Apigw-Requestid, and two TLS records. A handshake is not in it.
_ADDED_BYTES: Final = 17 + 37 + 22 + 24 + 35 + 2 + 2 * 22
_VERSIONS: Final = 2  # of each function: the one that is live, and the way back
_OUTCOMES: Final = 42  # at most: codes of answers
_OUTCOME_METRICS: Final = 1  # of each
_SWEEP_METRICS: Final = 1  # where nothing is due
_PUBLISHED_METRICS: Final = 2
_VALIDATE_ROUTE: Final = "POST /v1/licenses/validate"
# What the access log has of a validation, by variable; of another variable, nothing.
_LOGGED: Final[Mapping[str, str]] = {
    "$context.requestId": "JKJaXmPLvHcESHA=",
    "$context.identity.sourceIp": "203.0.113.207",
    "$context.routeKey": _VALIDATE_ROUTE,
    "$context.status": "200",
    "$context.responseLatency": "25",
    "$context.responseLength": "1100",
    "$context.requestTime": "17/Mar/2030:17:46:40 +0000",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """What a validation of each kind and a first login take, and an agent's bytes in the table."""

    kinds: Mapping[str, Work]
    login: Work
    agent_bytes: int

    @property
    def validate(self) -> Work:
        """What a validation takes in the mean: those within an interval write nothing (R17)."""
        share = sighted_share(_seconds(), float(_variable("LAST_SEEN_SECONDS")))
        usual, brief = self.kinds[USUAL], self.kinds[NO_WRITE]
        return replace(
            usual,
            rcu=brief.rcu + share * (usual.rcu - brief.rcu),
            wcu=brief.wcu + share * (usual.wcu - brief.wcu),
        )


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
    kinds = {
        kind: for_a_million(work, middle, deployment, _TERMS, PRICES)
        for kind, work in found.kinds.items()
    }
    figures = [
        *(_over_floor(kind, cost) for kind, cost in kinds.items()),
        *_small_month(fleets[SIZES[0]], found, deployment),
    ]
    for agents, fleet in fleets.items():
        whole = sum(costs[agents].values())
        per_million = whole / fleet.validations * _MILLION
        if agents != SIZES[0]:
            figures.append(Figure(f"a month with {_count(agents)} agents", whole, "$"))
        figures += [
            Figure(f"a million validations in all, with {_count(agents)} agents", per_million, "$"),
            Figure(
                f"an agent's year, with {_count(agents)} agents", whole / agents * 365 / 30, "$"
            ),
        ]
    tables = (
        _basis(found, deployment, fleets[SIZES[0]]),
        _by_kind(kinds),
        _by_service(costs, fleets),
        _by_quota(needs),
        _priced(),
    )
    return Outcome(tuple(figures), tables, (_plot(found, deployment),))


def _over_floor(kind: str, cost: Mapping[str, float]) -> Figure:
    floor = sum(cost[name] for name in FLOOR)
    return Figure(
        f"a million validations {kind}, over their floor of {floor:.2f} $",
        sum(cost.values()) - floor,
        "$",
        MOST_OVER_FLOOR,
        _largest({name: dollars for name, dollars in cost.items() if name not in FLOOR}),
    )


def _small_month(fleet: Fleet, found: Measured, deployment: Deployment) -> tuple[Figure, Figure]:
    """What a small fleet costs, which is what stands there anyway; and with one version alone."""
    name = f"a month with {_count(fleet.agents)} agents"
    cost = _monthly(fleet, found, deployment)
    alone = _monthly(fleet, found, replace(deployment, cached=deployment.cached // _VERSIONS))
    return (
        Figure(name, sum(cost.values()), "$", MOST_A_MONTH, _largest(cost)),
        Figure(f"{name}, without a way back (WAY_BACK=no)", sum(alone.values()), "$"),
    )


def _largest(cost: Mapping[str, float]) -> str:
    """The terms that are to blame, the largest first."""
    names = sorted(cost, key=lambda name: -cost[name])[:4]
    return ", ".join(f"{name} {cost[name]:.2f}" for name in names)


def _monthly(fleet: Fleet, found: Measured, deployment: Deployment) -> dict[str, float]:
    taken = quantities(fleet, found.validate, found.login, deployment, _TERMS)
    return monthly(taken, PRICES)


# -- what is measured ------------------------------------------------------------------------------


def _measured(size: Size, tell: Tell) -> Measured:
    blocks, requests = size.of(40, 2), size.of(50, 5)
    kinds: dict[str, Work] = {}
    for kind, operation in KINDS.items():
        taken = cost_kinds.play(kind, blocks=blocks, requests=requests)
        kinds[kind] = _work(taken, Usage.of(cost_of(operation)), _VALIDATE_ROUTE, events=0)
        tell(f"a validation {kind}: {taken.cpu_ms:.2f} ms of CPU")
    log = io.StringIO()
    with warm.ready(log) as (_, login):
        taken = cost_kinds.played(login.service, log, blocks=blocks, requests=requests)
    used = Usage.of(cost_of("first login"))
    return Measured(kinds, _work(taken, used, "POST /v1/licenses", events=1), _agent_bytes())


def _work(taken: Played, used: Usage, route: str, *, events: int) -> Work:
    by_lambda = _platform_logs()
    return Work(
        cpu_ms=taken.cpu_ms,
        database_requests=used.requests,
        rcu=used.rcu,
        wcu=used.wcu,
        log_events=taken.lines + 1 + by_lambda * _PLATFORM_EVENTS,
        log_bytes=taken.line_bytes + _access_log_bytes(route) + by_lambda * _PLATFORM_BYTES,
        reply_bytes=taken.answer_bytes + _ADDED_BYTES,
        events=events,
    )


def _agent_bytes() -> int:
    """What one agent adds to the table and its indexes; DynamoDB adds 100 bytes to each entry."""
    with silence(), new_world() as world:
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


def _platform_logs() -> bool:
    """Whether Lambda logs each call."""
    config = resources_named().function("ValidateFunction", "LoggingConfig")["LoggingConfig"]
    return str(config.get("SystemLogLevel", "INFO")) != "WARN"


def _access_log_bytes(route: str) -> int:
    """The access log's line of a request that is answered; no token is taken at a validation."""
    settings = resources_named().properties("HttpApi", "AccessLogSettings")["AccessLogSettings"]
    values = {**_LOGGED, "$context.routeKey": route}
    line = re.sub(r"\$context(\.\w+)+", lambda found: values.get(found[0], "-"), settings["Format"])
    return len(line.strip().encode())


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
        (
            *(row(f"validation {kind}", work) for kind, work in found.kinds.items()),
            row("first login", found.login),
        ),
    )


def _by_kind(kinds: Mapping[str, Mapping[str, float]]) -> Table:
    def row(name: str, cost: Mapping[str, float]) -> tuple[str, ...]:
        return (name, *(f"{each:.3f}" for each in cost.values()))

    def of(name: str) -> dict[str, float]:
        return {kind: cost[name] for kind, cost in kinds.items()}

    floor = {kind: sum(cost[name] for name in FLOOR) for kind, cost in kinds.items()}
    whole = {kind: sum(cost.values()) for kind, cost in kinds.items()}
    over = {kind: whole[kind] - floor[kind] for kind in kinds}
    grown = [name for name in PRICES if name not in FLOOR and any(of(name).values())]
    grown.sort(key=lambda name: -max(of(name).values()))
    return Table(
        f"A million validations, at {_count(SIZES[1])} agents: what grows with them",
        ("dollars", *kinds),
        (
            *(row(PRICES[name].what, of(name)) for name in FLOOR),
            row("**the floor**", floor),
            *(row(PRICES[name].what, of(name)) for name in grown),
            row("**over the floor**", over),
            row("**in all**", whole),
        ),
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
