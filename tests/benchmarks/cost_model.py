"""What a fleet of agents costs: arithmetic alone, from what one request was measured to take.

Quantities are of a month of :data:`DAYS` days. Everything that is assumed is a field with a value,
and nothing else is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, exp
from typing import Final

from tests.benchmarks.prices import Price

DAYS: Final = 30
DAY: Final = 86_400
MONTH: Final = DAYS * DAY
_VCPU_MIB: Final = 1769
"""Lambda gives a function one whole processor at this memory, and a share below it."""
_LOG_EVENT: Final = 26
"""Bytes that CloudWatch Logs adds to every event that it takes in."""
_TABLE_KEY: Final = 300
"""Seconds for which DynamoDB keeps a table's key, for each caller, before it asks KMS again."""
_SECRET: Final = 900
"""Seconds for which an environment keeps the server secret."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one request takes. ``log_events`` and ``log_bytes`` are of all log groups."""

    cpu_ms: float
    database_requests: int
    rcu: float
    wcu: float
    log_events: int
    log_bytes: float
    reply_bytes: float
    events: int = 0

    def billed_ms(self, memory: int, terms: Terms) -> int:
        """The duration that Lambda bills, rounded up.

        CPU takes as much longer as the function's share of a processor is smaller: an upper bound,
        since bursts run at full speed.
        """
        share = min(1.0, memory / _VCPU_MIB)
        waiting = self.database_requests * terms.database_ms
        return ceil(round((self.cpu_ms + terms.runtime_cpu_ms) / share + waiting, 6))


@dataclass(frozen=True, slots=True)
class Terms:
    """What is assumed.

    ``database_ms`` is the latency of a DynamoDB request, ``runtime_cpu_ms`` CPU of Lambda's own
    runtime client. ``peak`` is how many times the mean rate the busiest minutes have.
    ``logins_per_year`` are first logins of an agent, and with them changes that are published.
    ``archived`` is what is left of a log line where it is kept: CloudWatch keeps it compressed, and
    AWS's own calculator takes it to be 0.15. An execution environment waits ``idle_seconds`` for
    its next request, and lives ``environment_seconds`` at most. Of a hundred agents, one person
    signs in within a month (``people_per_agent``): agents never do. An outcome other than the usual
    one is that of ``rare_share`` of all answers.
    """

    database_ms: float = 5.0
    runtime_cpu_ms: float = 0.5
    peak: float = 5.0
    logins_per_year: float = 1.0
    archived: float = 0.15
    idle_seconds: float = 420.0
    environment_seconds: float = 7200.0
    people_per_agent: float = 0.01
    rare_share: float = 0.001


@dataclass(frozen=True, slots=True)
class Deployment:
    """What stands there whether or not anybody comes, as the template says; memory is in MiB."""

    memory: int
    """Of the function that validates."""
    login_memory: int
    background_memory: int
    """Of the sweep, and of what publishes events."""
    cached: int
    """MiB of all snapshots: those of each version that is kept."""
    outcomes: int
    """How many codes answers have, at most."""
    outcome_metrics: int
    """How many metrics each code has."""
    sweep_metrics: int
    """What each sweep sends."""
    published_metrics: int
    """What is sent with published events."""
    alarms: int
    """The metrics that alarms look at: each is paid for."""
    dashboards: int
    secrets: int
    sweeps_per_day: float
    log_days: int
    is_traced: bool
    """Whether X-Ray samples requests."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """So many agents. One validates every ``seconds``, and has so many ``bytes`` in the table."""

    agents: float
    seconds: float
    bytes: float

    @property
    def validations(self) -> float:
        """In a month."""
        return self.agents * MONTH / self.seconds

    @property
    def per_second(self) -> float:
        """Validations per second, in the mean."""
        return self.agents / self.seconds


def sighted_share(seconds: float, interval: float) -> float:
    """The share of validations that write the last-seen time (R17), at one every ``seconds``."""
    return min(1.0, seconds / interval)


def traced(requests: float, seconds: float = MONTH) -> float:
    """Traces of so many requests: X-Ray samples the first of each second, and 5 % of the others."""
    first = min(requests, seconds)
    return first + 0.05 * (requests - first)


FLOOR: Final = ("api", "lambda requests", "read units", "write units")
"""What a validation cannot do without: a request that is answered, and its items in the table."""
_MILLION: Final = 1e6


def for_a_million(
    kind: Work,
    fleet: Fleet,
    deployment: Deployment,
    terms: Terms,
    prices: Mapping[str, Price],
) -> dict[str, float]:
    """What a million validations of a kind cost, in dollars, where all of a fleet's are of it.

    Without what does not grow with them: people, stored bytes, sweeps, and what is there anyway.
    """
    alone = replace(
        deployment,
        cached=0,
        outcome_metrics=0,
        sweep_metrics=0,
        published_metrics=0,
        alarms=0,
        dashboards=0,
        secrets=0,
        sweeps_per_day=0,
    )
    nobody = replace(terms, logins_per_year=0, people_per_agent=0)
    taken = quantities(replace(fleet, bytes=0), kind, kind, alone, nobody)
    each = _MILLION / fleet.validations
    return {name: cost * each for name, cost in monthly(taken, prices).items()}


def restores(requests: float, busy: float, terms: Terms) -> float:
    """Environments that are made for so many requests in a month.

    ``busy`` is how many of them work at once, in the mean. A request finds none where nobody has
    asked for ``idle_seconds`` (requests come at random); and each ends when it has lived its time.
    """
    awake = 1 - exp(-requests / MONTH * terms.idle_seconds)
    environments = max(1.0, terms.peak * busy)
    renewed = awake * environments * MONTH / terms.environment_seconds
    return min(requests, requests * (1 - awake) + renewed)


def hours_with(events: float) -> float:
    """The share of a month's hours in which something happens that comes so often, at random.

    A custom metric is paid for by the hour in which it is sent.
    """
    return 1 - exp(-events / (DAYS * 24))


def quantities(
    fleet: Fleet, validate: Work, login: Work, deployment: Deployment, terms: Terms
) -> dict[str, float]:
    """How much of each priced thing a fleet takes in a month."""
    validations = fleet.validations
    logins = fleet.agents * terms.logins_per_year * DAYS / 365
    requests = validations + logins
    sweeps = deployment.sweeps_per_day * DAYS
    published = logins * login.events
    validating = validations * validate.billed_ms(deployment.memory, terms) / 1000
    logging_in = logins * login.billed_ms(deployment.login_memory, terms) / 1000
    # A published event costs about what a login does; a sweep with nothing due a second.
    background = published * login.billed_ms(deployment.background_memory, terms) / 1000 + sweeps
    logged = sum(
        count * (work.log_bytes + _LOG_EVENT * work.log_events)
        for count, work in ((validations, validate), (logins, login))
    )
    # Of the functions that start from a snapshot.
    restored = tuple(
        (restores(count, seconds / MONTH, terms), memory)
        for count, seconds, memory in (
            (validations, validating, deployment.memory),
            (logins, logging_in, deployment.login_memory),
        )
    )
    environments = max(1.0, terms.peak * (validating + logging_in) / MONTH)
    metrics = (
        deployment.sweep_metrics * hours_with(sweeps)
        + deployment.published_metrics * hours_with(published)
        + deployment.outcome_metrics
        * (
            hours_with(requests)
            + (deployment.outcomes - 1) * hours_with(requests * terms.rare_share)
        )
    )
    return {
        "api": requests,
        "lambda requests": requests + published + sweeps,
        "lambda duration": _gigabytes(deployment.memory) * validating
        + _gigabytes(deployment.login_memory) * logging_in
        + _gigabytes(deployment.background_memory) * background,
        "snapstart cache": _gigabytes(deployment.cached) * MONTH,
        "snapstart restore": sum(count * _gigabytes(memory) for count, memory in restored),
        "read units": validations * validate.rcu + logins * login.rcu + sweeps * 4,
        "write units": validations * validate.wcu + logins * login.wcu,
        "table storage": fleet.agents * fleet.bytes,
        "table recovery": fleet.agents * fleet.bytes,
        "log ingestion": logged,
        "log storage": logged * terms.archived * deployment.log_days / DAYS,
        "metrics": metrics,
        "alarms": deployment.alarms,
        "dashboards": deployment.dashboards,
        "traces": traced(requests) if deployment.is_traced else 0,
        "secrets": deployment.secrets,
        "secret calls": environments * MONTH / _SECRET,
        "key calls": sum(
            min(count, MONTH / _TABLE_KEY) for count in (validations, logins, published, sweeps)
        ),
        "users": fleet.agents * terms.people_per_agent,
        "events": published,
        "queue requests": 0,  # dead letters
        "notifications": 0,  # alarms about them
        "transfer": validations * validate.reply_bytes + logins * login.reply_bytes,
    }


def _gigabytes(mebibytes: float) -> float:
    return mebibytes / 1024


def monthly(taken: Mapping[str, float], prices: Mapping[str, Price]) -> dict[str, float]:
    """What quantities cost in a month, in dollars."""
    return {name: prices[name].of(quantity) for name, quantity in taken.items()}


# -- quotas ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit, what is needed of it, and what to do where it binds."""

    name: str
    limit: float
    unit: str
    need: float
    remedy: str

    @property
    def share(self) -> float:
        """How much of the limit is needed: above one, it binds."""
        return self.need / self.limit


@dataclass(frozen=True, slots=True)
class Limits:
    """The template's own throttling, in requests per second."""

    validate_rate: float
    default_rate: float


def quotas(
    fleet: Fleet,
    validate: Work,
    login: Work,
    deployment: Deployment,
    terms: Terms,
    limits: Limits,
    *,
    rollout_days: float = 90,
    largest_share: float = 0.1,
) -> tuple[Quota, ...]:
    """What the busiest minutes of a fleet need of each quota.

    First logins come within ``rollout_days``; the largest organization has ``largest_share`` of all
    agents, and its record is read by each of their validations and written by each first login.
    """
    peak = fleet.per_second * terms.peak
    logins = fleet.agents / (rollout_days * DAY) * terms.peak
    busy = (
        peak * validate.billed_ms(deployment.memory, terms)
        + logins * login.billed_ms(deployment.login_memory, terms)
    ) / 1000
    return (
        Quota(
            "throttling of validate in template.yaml",
            limits.validate_rate,
            "requests/s",
            peak,
            "raise ThrottlingRateLimit and ThrottlingBurstLimit of the route",
        ),
        Quota(
            "throttling of the other routes in template.yaml",
            limits.default_rate,
            "requests/s",
            logins,
            "raise DefaultRouteSettings, or roll out more slowly",
        ),
        Quota(
            "API Gateway, account and region",
            10_000,
            "requests/s",
            peak + logins,
            "have it raised; spread validations by renewing at a random time; a second region or "
            "account, by organization",
        ),
        Quota(
            "Lambda, concurrent executions of the account",
            1_000,
            "executions",
            busy,
            "have it raised; reserve some for validate; more memory makes it shorter",
        ),
        Quota(
            "DynamoDB on-demand table, read units",
            40_000,
            "RCU/s",
            peak * validate.rcu + logins * login.rcu,
            "have it raised, and warm the table's throughput before a roll-out",
        ),
        Quota(
            "DynamoDB on-demand table, write units",
            40_000,
            "WCU/s",
            peak * validate.wcu + logins * login.wcu,
            "have it raised; a LAST_SEEN_SECONDS above the time between validations saves writes",
        ),
        Quota(
            "DynamoDB partition, reads of the largest organization's record",
            3_000,
            "RCU/s",
            peak * largest_share,
            "copies of the organization's record, all of them changed in the one transaction, and "
            "each licence reads its own",
        ),
        Quota(
            "DynamoDB partition, writes of the largest organization's seats",
            1_000,
            "WCU/s",
            logins * largest_share * 2,
            "roll out more slowly, or divide the seats among several counters",
        ),
        Quota(
            "Secrets Manager, GetSecretValue",
            10_000,
            "requests/s",
            busy / 900,
            "nothing: each environment asks once in 15 minutes",
        ),
        Quota(
            "EventBridge, PutEvents",
            2_400,
            "events/s",
            logins * login.events,
            "have it raised; the stream keeps a day's events and catches up",
        ),
        Quota(
            "stream, one batch of 100 at a time in each shard",
            1_000,
            "events/s",
            logins * login.events,
            "a ParallelizationFactor: order within a licence is kept",
        ),
        Quota(
            "Cognito, user authentications",
            120,
            "requests/s",
            logins,
            "have it raised, or name an issuer of your own; agents themselves never authenticate",
        ),
    )
