"""R4, R10 and R31: who may claim a pair is decided by the claim, not by what an agent says."""

import pytest

from licensing.domain.machine_claims import (
    Claim,
    blocker,
    foreign_holder,
    is_exclusive_to,
    is_older_agent,
    license_at,
)

ONE, OTHER, THIRD = b"one pair", b"another pair", b"a third pair"


# -- R31: which versions are older ----------------------------------------------------------------


@pytest.mark.parametrize(
    "version",
    [
        "0",
        "4",
        "3.9.9.9",
        "4.2",
        "4.3",
        "4.3.0.12",
        "4.3.99",
        "4.3.99999.99999",
        "04.3",
        "4.03.0.012",
        "0.9",
        "00.00",
        "4.3.0.12.99",
        "4.3." + "9" * 28,  # as long as a version may be
    ],
)
def test_r31_a_version_before_4_4_is_an_older_agents(version: str) -> None:
    assert is_older_agent(version)


@pytest.mark.parametrize(
    "version",
    [
        "4.4",
        "4.4.0",
        "4.4.0.0",
        "04.04",
        "4.4.0.0.0",
        "4.4.0.1",
        "4.5.0.0",
        "4.10",
        "4.30",
        "5",
        "10.0",
        "40.3",
        "9" * 32,
    ],
)
def test_r31_4_4_and_what_follows_is_no_older_agents(version: str) -> None:
    assert not is_older_agent(version)


@pytest.mark.parametrize(
    "version",
    [
        None,
        "",
        ".",
        "4.",
        ".4",
        "4..3",
        "4.3.",
        ".4.3",
        " 4.3",
        "4.3 ",
        "4. 3",
        "4.3\n",
        "v4.3",
        "4.3-beta",
        "4.3+1",
        "4,3",
        "4_3.0",
        "-4.3",
        "+4.3",
        "4.-1",
        "4.3e0",
        "0x4.3",
        "four.three",
        "newest",
        "None",
        "\N{FULLWIDTH DIGIT FOUR}.\N{FULLWIDTH DIGIT THREE}",
        "\N{ARABIC-INDIC DIGIT FOUR}.\N{ARABIC-INDIC DIGIT THREE}",
        "4.\N{SUPERSCRIPT THREE}",
        "4\N{FULLWIDTH FULL STOP}3",
        "\N{ROMAN NUMERAL FOUR}",
    ],
)
def test_r31_no_version_and_nonsense_count_as_the_newest(version: str | None) -> None:
    assert not is_older_agent(version)


# -- R4, R31: who may claim a pair ----------------------------------------------------------------

NOBODY: dict[str, dict[str, str]] = {}
OWN = {"acme": {"production": "lic_a"}}
FOREIGN = {"bolt": {"production": "lic_b"}}
SHARED = {**OWN, **FOREIGN}


@pytest.mark.parametrize(
    ("holders", "is_exclusive", "wants_exclusivity", "is_open"),
    [
        (NOBODY, False, False, True),
        (NOBODY, False, True, True),
        (NOBODY, True, False, True),
        (NOBODY, True, True, True),
        (OWN, False, False, True),
        (OWN, False, True, True),
        (OWN, True, False, True),
        (OWN, True, True, True),
        (FOREIGN, False, False, True),  # older agents on both sides: the one way to share
        (FOREIGN, False, True, False),
        (FOREIGN, True, False, False),
        (FOREIGN, True, True, False),
        (SHARED, False, False, True),
        (SHARED, False, True, True),  # who holds it already stays, whatever its version becomes
        (SHARED, True, False, True),
        (SHARED, True, True, True),
    ],
)
def test_r31_a_pair_is_open_to_who_holds_it_and_else_where_neither_side_closes_it(
    holders: dict[str, dict[str, str]],
    *,
    is_exclusive: bool,
    wants_exclusivity: bool,
    is_open: bool,
) -> None:
    claim = Claim(holders, is_exclusive)
    assert claim.is_open_to("acme", exclusive=wants_exclusivity) is is_open


@pytest.mark.parametrize("wants_exclusivity", [False, True])
def test_r04_the_blocker_is_an_organization_that_keeps_the_pair_closed(
    *, wants_exclusivity: bool
) -> None:
    exclusive = Claim({"bolt": {"staging": "lic_2", "production": "lic_1"}}, exclusive=True)
    found = blocker([Claim(OWN, exclusive=True), exclusive], "acme", exclusive=wants_exclusivity)
    assert found == ("bolt", "lic_1")


def test_r04_of_several_blockers_the_same_one_is_named_each_time() -> None:
    claims = [
        Claim({"dyno": {"production": "lic_0"}}, exclusive=True),
        Claim({"core": {"production": "lic_c"}}, exclusive=False),
        Claim({"bolt": {"production": "lic_b"}}, exclusive=True),
    ]
    assert blocker(claims, "acme", exclusive=True) == ("bolt", "lic_b")
    assert blocker(reversed(claims), "acme", exclusive=True) == ("bolt", "lic_b")


def test_r04_to_hold_one_pair_of_a_machine_opens_no_other() -> None:
    claims = [Claim(OWN, exclusive=True), Claim(FOREIGN, exclusive=False)]
    assert blocker(claims, "acme", exclusive=True) == ("bolt", "lic_b")
    assert blocker(claims, "acme", exclusive=False) is None
    closed = [Claim(SHARED, exclusive=False), Claim(FOREIGN, exclusive=True)]
    assert blocker(closed, "acme", exclusive=False) == ("bolt", "lic_b")


@pytest.mark.parametrize("is_closed", [False, True])
def test_r26_whoever_else_holds_a_pair_is_a_foreign_holder_shared_or_not(
    *, is_closed: bool
) -> None:
    assert foreign_holder([Claim(SHARED, exclusive=is_closed)], "acme") == ("bolt", "lic_b")
    both = Claim({**FOREIGN, "able": {"test": "lic_2", "production": "lic_1"}}, exclusive=is_closed)
    assert foreign_holder([both], "acme") == ("able", "lic_1")
    assert foreign_holder([Claim(OWN, exclusive=is_closed)], "acme") is None
    assert foreign_holder([], "acme") is None


@pytest.mark.parametrize(
    ("holders", "kept", "is_shared"),
    [
        (FOREIGN, [SHARED], True),
        (FOREIGN, [OWN, SHARED], True),  # one pair of the machine is enough
        (FOREIGN, [OWN], False),
        (FOREIGN, [FOREIGN], False),  # nor what it does not hold itself
        (FOREIGN, [], False),
        # Bolt's licence for another machine.
        ({"bolt": {"production": "lic_other"}}, [SHARED], False),
        # Another environment of Bolt's, beside the one that is known.
        ({"bolt": {"production": "lic_b", "staging": "lic_s"}}, [SHARED], True),
        ({**FOREIGN, "core": {"production": "lic_c"}}, [SHARED], False),
        ({**FOREIGN, "core": {"production": "lic_c"}}, [{**SHARED, "core": {"x": "lic_c"}}], True),
        (OWN, [], True),
        (NOBODY, [], True),
    ],
)
def test_r11_r31_a_pair_is_shared_along_by_licenses_that_share_what_is_kept(
    holders: dict[str, dict[str, str]], kept: list[dict[str, dict[str, str]]], *, is_shared: bool
) -> None:
    claims = [Claim(one, exclusive=True) for one in kept]
    assert Claim(holders, exclusive=True).is_shared_along(claims, "acme") is is_shared


def test_r31_nobody_blocks_who_may_share_or_holds_all_alone() -> None:
    assert blocker([Claim(SHARED, exclusive=False)], "acme", exclusive=False) is None
    assert blocker([Claim(SHARED, exclusive=True)], "acme", exclusive=True) is None
    assert blocker([Claim(OWN, exclusive=True)], "acme", exclusive=True) is None
    assert blocker([], "acme", exclusive=True) is None


def test_r31_a_machine_is_an_organizations_alone_once_one_of_its_own_pairs_is() -> None:
    older, newer = Claim(OWN, exclusive=False), Claim(OWN, exclusive=True)
    assert is_exclusive_to([older, newer], "acme")
    assert not is_exclusive_to([older, Claim(SHARED, exclusive=True)], "acme")
    assert is_exclusive_to([newer, Claim(SHARED, exclusive=True)], "acme")
    assert not is_exclusive_to([older, Claim(FOREIGN, exclusive=True)], "acme")
    assert not is_exclusive_to([], "acme")


# -- R2, R9: which licence is an agent's ----------------------------------------------------------


def test_r09_an_agents_license_is_the_one_that_holds_most_of_its_pairs() -> None:
    claims = {
        ONE: Claim({"acme": {"production": "lic_z"}}, exclusive=True),
        OTHER: Claim({"acme": {"production": "lic_b"}}, exclusive=True),
        THIRD: Claim({"acme": {"production": "lic_b"}}, exclusive=True),
    }
    assert license_at(claims, "acme", "production") == "lic_b"


def test_r02_between_licenses_that_hold_equally_many_every_login_finds_the_same_one() -> None:
    first = Claim({"acme": {"production": "lic_a"}}, exclusive=True)
    second = Claim({"acme": {"production": "lic_b"}}, exclusive=True)
    found = {
        license_at({ONE: first, OTHER: second}, "acme", "production"),
        license_at({OTHER: second, ONE: first}, "acme", "production"),
    }
    assert len(found) == 1


def test_r02_another_organizations_or_environments_license_is_not_this_agents() -> None:
    claims = {ONE: Claim({**SHARED, "acme": {"staging": "lic_s"}}, exclusive=False)}
    assert license_at(claims, "acme", "staging") == "lic_s"
    assert license_at(claims, "acme", "production") is None
    assert license_at(claims, "core", "production") is None
    assert license_at({}, "acme", "production") is None
