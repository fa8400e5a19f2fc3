"""What lists show, and in what order: the rules by which licences and organizations are chosen."""

from dataclasses import replace
from typing import Any

import pytest

from licensing.domain.license import License
from licensing.domain.organization import Standing, Subscription, SubscriptionStatus
from licensing.usecases.filters import (
    AgentActivity,
    LicenseFilters,
    LicenseSort,
    LicenseSummary,
    OrganizationFilters,
    OrganizationSort,
    OrganizationSummary,
)
from licensing.usecases.pagination import Search
from tests.unit.samples import DAY, NOW, license, organization


def entry(record: License) -> LicenseSummary:
    """A licence, as an index tells of it."""
    return LicenseSummary(
        id=record.id,
        environment=record.environment,
        issued_at=record.issued_at,
        computer_name=record.computer_name,
        label=record.label,
        primary=record.primary,
        state=record.state,
        device_key=record.device_key,
    )


SHOP = license(
    id="lic_0123456789abcdef",
    computer_name="Shop-PC",
    label="Till 3",
    environment="production",
    primary=True,
)


@pytest.mark.parametrize(
    ("filters", "fits"),
    [
        ({}, True),
        ({"search": "shop"}, True),
        ({"search": "TILL"}, True),
        ({"search": "LIC_0123"}, True),
        ({"search": "production"}, False),
        ({"search": "shop-pctill"}, False),
        ({"environment": "production"}, True),
        ({"environment": " Production."}, True),
        ({"environment": "productions"}, False),
        ({"primary": True}, True),
        ({"device_key": True}, False),
        ({"device_key": False}, True),
        ({"primary": False}, False),
        ({"search": "shop", "primary": False}, False),
        ({"search": "nothing", "primary": True}, False),
        ({"search": "shop", "environment": "staging"}, False),
    ],
)
def test_a_license_fits_when_all_that_is_sought_is_true_of_it(
    filters: dict[str, Any], *, fits: bool
) -> None:
    if "search" in filters:
        filters["search"] = Search.of(filters["search"])
    wanted = LicenseFilters(**filters)
    assert wanted.fits(SHOP) is wanted.fits(entry(SHOP)) is fits
    assert wanted.passes_over is bool(filters)


def test_a_license_without_name_and_label_is_found_by_its_id_alone() -> None:
    bare = replace(SHOP, computer_name=None, label=None)
    assert LicenseFilters(search=Search.of("0123")).fits(bare)
    assert not LicenseFilters(search=Search.of("none")).fits(bare)


@pytest.mark.parametrize("descending", ["", "-"])
def test_each_sort_goes_by_its_own_field(descending: str) -> None:
    first = entry(replace(SHOP, computer_name="A", environment="z", issued_at=3))
    second = entry(replace(SHOP, computer_name="b", environment="Y", issued_at=20))
    for field, is_less in (("computer_name", True), ("environment", False), ("issued_at", True)):
        sort = LicenseSort(f"{descending}{field}")
        values = sort.value_of(first), sort.value_of(second)
        assert (str(values[0]) < str(values[1])) is is_less
        assert (sort.field, sort.is_descending) == (field, descending == "-")
        assert not sort.goes_by_activity
    older, newer = AgentActivity("4.9", 20), AgentActivity("4.10", 3)
    for field, is_less in (("agent_version", True), ("last_seen", False)):
        sort = LicenseSort(f"{descending}{field}")
        values = sort.value_of_activity(older), sort.value_of_activity(newer)
        assert (str(values[0]) < str(values[1])) is is_less
        assert sort.value_of_activity(AgentActivity(None, None)) is None
        assert sort.goes_by_activity
    nameless = entry(replace(SHOP, computer_name=None))
    assert LicenseSort(f"{descending}computer_name").value_of(nameless) is None


ACME = organization(subscription=Subscription(NOW + DAY, SubscriptionStatus.ACTIVE))


@pytest.mark.parametrize(
    ("filters", "fits"),
    [
        ({}, True),
        ({"search": Search.of("ACM")}, True),
        ({"search": Search.of("bolt")}, False),
        ({"standing": Standing.CURRENT}, True),
        ({"standing": Standing.ENDED}, False),
        ({"standing": Standing.SUSPENDED}, False),
        ({"ends_from": NOW + DAY}, True),
        ({"ends_from": NOW + DAY + 1}, False),
        ({"ends_before": NOW + DAY}, False),
        ({"ends_before": NOW + DAY + 1}, True),
        ({"ends_from": 0, "ends_before": 0}, False),
        ({"search": Search.of("acme"), "standing": Standing.ENDED}, False),
    ],
)
def test_r14_an_organization_fits_when_all_that_is_sought_is_true_of_it_now(
    filters: dict[str, Any], *, fits: bool
) -> None:
    seen = OrganizationSummary(ACME.id, ACME.name, ACME.subscription, ACME.seats, ACME.max_agents)
    wanted = OrganizationFilters(**filters)
    assert wanted.fits(ACME, NOW) is wanted.fits(seen, NOW) is fits


def test_r14_what_a_subscription_means_is_looked_at_now() -> None:
    ended = OrganizationFilters(standing=Standing.ENDED)
    assert [ended.fits(ACME, NOW + DAY + after) for after in (-1, 0, 1)] == [False, True, True]


def test_organizations_are_sorted_by_name_or_by_the_end_of_their_subscription() -> None:
    one = OrganizationSummary("a", "beta", Subscription(NOW, SubscriptionStatus.ACTIVE), 0, None)
    other = OrganizationSummary(
        "b", "Alpha", Subscription(NOW + DAY, SubscriptionStatus.PAUSED), 0, None
    )
    for sort, is_less in (("name", False), ("valid_until", True)):
        for chosen in (OrganizationSort(sort), OrganizationSort(f"-{sort}")):
            assert (str(chosen.value_of(one)) < str(chosen.value_of(other))) is is_less
