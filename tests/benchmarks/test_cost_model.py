"""What a fleet costs: the arithmetic, exactly."""

from dataclasses import replace
from math import exp, log

import pytest

from tests.benchmarks.cost_model import (
    FLOOR,
    Deployment,
    Fleet,
    Limits,
    Terms,
    Work,
    for_a_million,
    hours_with,
    monthly,
    quantities,
    quotas,
    restores,
    sighted_share,
    traced,
)
from tests.benchmarks.prices import PRICES, Price

VALIDATE = Work(
    cpu_ms=1.0,
    database_requests=2,
    rcu=2,
    wcu=1,
    log_events=5,
    log_bytes=870,
    reply_bytes=1500,
)
LOGIN = replace(VALIDATE, cpu_ms=2.0, rcu=4, wcu=14, events=1)
TERMS = Terms(
    database_ms=5, runtime_cpu_ms=0, peak=5, logins_per_year=365 / 30, archived=0.2, rare_share=0.01
)
DEPLOYMENT = Deployment(
    memory=1769,
    login_memory=3538,
    background_memory=1769,
    cached=2048,
    outcomes=11,
    outcome_metrics=2,
    sweep_metrics=3,
    published_metrics=4,
    alarms=3,
    dashboards=1,
    secrets=1,
    sweeps_per_day=288,
    log_days=90,
    is_traced=True,
)
FLEET = Fleet(agents=1_000_000, seconds=43_200, bytes=2_000)
LIMITS = Limits(validate_rate=1000, default_rate=100)


@pytest.mark.parametrize(
    ("quantity", "dollars"), [(0, 0), (50, 5), (100, 10), (150, 12.5), (300, 17.5)]
)
def test_a_price_goes_down_tier_by_tier(quantity: float, dollars: float) -> None:
    price = Price("things", "page", 10, ((100, 1.0), (200, 0.5), (float("inf"), 0.25)))
    assert price.of(quantity) == dollars


def test_every_price_names_its_page_and_holds_for_any_quantity() -> None:
    for price in PRICES.values():
        assert price.page
        bounds = [upto for upto, _ in price.tiers]
        assert bounds == sorted(bounds)
        assert bounds[-1] == float("inf")


@pytest.mark.parametrize(
    ("memory", "cpu_ms", "billed"),
    [(1769, 1.0, 11), (1769, 1.1, 12), (512, 4.0, 24), (3538, 1, 11)],
)
def test_less_memory_is_less_of_a_processor_and_takes_longer(
    memory: int, cpu_ms: float, billed: int
) -> None:
    assert replace(VALIDATE, cpu_ms=cpu_ms).billed_ms(memory, TERMS) == billed


@pytest.mark.parametrize(("seconds", "share"), [(43_200, 1.0), (900, 1.0), (450, 0.5), (90, 0.1)])
def test_r17_agents_that_ask_often_write_seldom(seconds: float, share: float) -> None:
    assert sighted_share(seconds, 900) == share


def test_the_first_request_of_each_second_is_traced_and_one_in_twenty_after_it() -> None:
    assert traced(60, seconds=100) == 60
    assert traced(1100, seconds=100) == 150


def test_a_request_starts_an_environment_after_a_pause_and_when_one_has_lived_its_time() -> None:
    terms = replace(TERMS, idle_seconds=100, environment_seconds=2_592_000 / 10)
    # One request in the mean of a pause: 37 % of them find nobody.
    requests = 2_592_000 / 100
    awake = 1 - exp(-1)
    assert restores(requests, 0.01, terms) == pytest.approx(requests * exp(-1) + 10 * awake)
    # Many: no pause, and what is busy at the peak is made anew ten times.
    assert restores(1e9, 200, terms) == pytest.approx(200 * 5 * 10)
    # Few: each starts one, and no more.
    assert restores(3, 0, terms) == pytest.approx(3)


def test_at_scale_far_fewer_than_one_request_in_a_thousand_starts_an_environment() -> None:
    assert restores(60e6, 0.5, Terms()) / 60e6 < 1e-4


def test_a_metric_is_paid_for_in_the_hours_in_which_it_is_sent() -> None:
    assert hours_with(0) == 0
    assert hours_with(720 * log(2)) == pytest.approx(0.5)
    assert hours_with(1e6) == pytest.approx(1)


def test_a_fleet_takes_what_its_requests_take() -> None:
    taken = quantities(FLEET, VALIDATE, LOGIN, DEPLOYMENT, TERMS)
    validations, logins, sweeps = 60_000_000, 1_000_000, 8640
    assert FLEET.validations == validations
    gigabytes = 1769 / 1024
    validating = validations * 11 / 1000
    logging_in = logins * 12 / 1000  # in twice the memory: more than one processor does not help
    background = logins * 12 / 1000 + sweeps
    environments = 5 * validating / 2_592_000
    assert taken == pytest.approx(
        {
            "api": validations + logins,
            "lambda requests": validations + 2 * logins + sweeps,
            "lambda duration": (validating + 2 * logging_in + background) * gigabytes,
            "snapstart cache": 2 * 2_592_000,
            # The logins' environments: one, awake all the time.
            "snapstart restore": (environments * 360 + 2 * 360) * gigabytes,
            "read units": 2 * validations + 4 * logins + 4 * sweeps,
            "write units": validations + 14 * logins,
            "table storage": 2e9,
            "table recovery": 2e9,
            "log ingestion": (validations + logins) * 1000,
            "log storage": (validations + logins) * 600,
            "metrics": 3 + 4 + 2 * 11,
            "alarms": 3,
            "dashboards": 1,
            "traces": 2_592_000 + 0.05 * (61_000_000 - 2_592_000),
            "secrets": 1,
            "secret calls": 5 * (validating + logging_in) / 900,
            "key calls": 3 * 8640 + 8640,
            "users": 10_000,
            "events": logins,
            "queue requests": 0,
            "notifications": 0,
            "transfer": (validations + logins) * 1500,
        }
    )


def test_what_is_not_traced_costs_no_traces() -> None:
    untraced = replace(DEPLOYMENT, is_traced=False)
    assert quantities(FLEET, VALIDATE, LOGIN, untraced, TERMS)["traces"] == 0


def test_a_small_fleet_pays_for_few_hours_of_rare_outcomes_and_for_few_calls_of_the_key() -> None:
    small = replace(FLEET, agents=12)  # 720 validations a month, one an hour
    taken = quantities(small, VALIDATE, LOGIN, DEPLOYMENT, TERMS)
    requests = 720 + 12
    assert taken["metrics"] == pytest.approx(
        3 * hours_with(8640)
        + 4 * hours_with(12)
        + 2 * (hours_with(requests) + 10 * hours_with(requests / 100))
    )
    assert taken["key calls"] == 720 + 12 + 12 + 8640


def test_every_quantity_has_a_price_and_every_price_a_quantity() -> None:
    taken = quantities(FLEET, VALIDATE, LOGIN, DEPLOYMENT, TERMS)
    assert taken.keys() == PRICES.keys()
    assert monthly(taken, PRICES)["alarms"] == pytest.approx(0.30)
    assert monthly({"api": 61_000_000}, PRICES) == {"api": pytest.approx(73.2)}


def test_the_floor_of_a_million_validations_is_what_no_change_of_ours_saves() -> None:
    cost = for_a_million(VALIDATE, FLEET, DEPLOYMENT, TERMS, PRICES)
    floor = {name: cost[name] for name in FLOOR}
    assert floor == pytest.approx(
        {"api": 1.20, "lambda requests": 0.20, "read units": 0.305, "write units": 0.7625}
    )
    unwritten = for_a_million(replace(VALIDATE, wcu=0), FLEET, DEPLOYMENT, TERMS, PRICES)
    assert sum(unwritten[name] for name in FLOOR) == pytest.approx(1.705)


def test_a_million_validations_cost_nothing_that_stands_there_without_them() -> None:
    cost = for_a_million(VALIDATE, FLEET, DEPLOYMENT, TERMS, PRICES)
    assert {name for name, dollars in cost.items() if not dollars} >= {
        *("snapstart cache", "metrics", "alarms", "dashboards", "secrets", "events"),
        *("users", "table storage", "table recovery"),
    }
    assert cost["log ingestion"] == pytest.approx(1000 / 1e9 * 0.63 * 1e6)
    assert cost["transfer"] == pytest.approx(1500 / 1e9 * 0.09 * 1e6)


def test_a_thousand_times_the_agents_cost_less_each() -> None:
    def each(agents: float) -> float:
        taken = quantities(replace(FLEET, agents=agents), VALIDATE, LOGIN, DEPLOYMENT, TERMS)
        return sum(monthly(taken, PRICES).values()) / agents

    assert each(1e3) > each(1e6) > each(1e8)


def test_quotas_are_needed_by_the_busiest_minutes() -> None:
    fleet = replace(FLEET, agents=86_400_000)  # 2000 a second in the mean, 10,000 at peak
    found = quotas(fleet, VALIDATE, LOGIN, DEPLOYMENT, TERMS, LIMITS, rollout_days=100)
    need = {quota.name: quota.need for quota in found}
    logins = 50.0
    assert need["throttling of validate in template.yaml"] == 10_000
    assert need["throttling of the other routes in template.yaml"] == logins
    assert need["API Gateway, account and region"] == 10_000 + logins
    assert need["Lambda, concurrent executions of the account"] == pytest.approx(110 + 0.6)
    assert need["DynamoDB on-demand table, read units"] == 20_000 + 4 * logins
    assert need["DynamoDB on-demand table, write units"] == 10_000 + 14 * logins
    assert need["DynamoDB partition, reads of the largest organization's record"] == 1000
    assert need["DynamoDB partition, writes of the largest organization's seats"] == 10
    assert need["EventBridge, PutEvents"] == logins
    binding = [quota.name for quota in found if quota.share > 1]
    assert binding == [
        "throttling of validate in template.yaml",
        "API Gateway, account and region",
    ]
