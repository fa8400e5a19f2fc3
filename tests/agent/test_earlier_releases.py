"""Each client that was released goes on with today's service, and hands over to a newer one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent import releases
from tests.agent.test_end_to_end import HOUR, Site, a_site

RELEASES = releases.wheels()


def test_what_was_released_stays_as_it_was() -> None:
    assert {wheel.name: releases.digest(wheel) for wheel in RELEASES} == releases.sums()
    assert RELEASES


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with a_site(tmp_path) as made:
        yield made


@pytest.mark.parametrize("release", RELEASES, ids=lambda wheel: wheel.stem.split("-")[1])
def test_an_agent_of_an_earlier_release_lives_with_the_service_of_today(
    site: Site, release: Path
) -> None:
    site.sign_in("alice")
    with site.agent(release) as agent:
        license = agent.next("valid", usable=True)["license"]
        site.sign_in(None)
        site.relay.cut()
        site.pass_time(16 * HOUR)
        agent.next("grace", usable=True)
        site.relay.mend()
        site.pass_time(HOUR)
        agent.next("valid", license=license)
        site.change("detach", license)
        site.pass_time(16 * HOUR)
        agent.next("refused", usable=False, code="DETACHED", action="logout")
        site.change("attach", license)
        site.pass_time(HOUR)
        agent.next("valid", license=license)
        site.change("dissociate", license)
        site.pass_time(16 * HOUR)
        agent.next("refused", usable=False, code="DISSOCIATED", action="login")
        site.sign_in("alice")
        site.pass_time(HOUR)
        agent.next("valid", license=license)
    assert [one["id"] for one in site.licenses()] == [license]


@pytest.mark.parametrize("release", RELEASES, ids=lambda wheel: wheel.stem.split("-")[1])
def test_an_update_and_its_withdrawal_keep_the_license_without_a_person(
    site: Site, release: Path
) -> None:
    site.sign_in("alice")
    with site.agent(release) as agent:
        license = agent.next("valid")["license"]
    site.sign_in(None)
    for installed in (None, release, None):
        with site.agent(installed) as agent:
            site.pass_time(16 * HOUR)
            agent.next("valid", license=license)
    assert [one["id"] for one in site.licenses()] == [license]
    assert site.events("CloneSuspected") == []
