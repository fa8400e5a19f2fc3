"""R11 and R31 over generated machines, claims and versions."""

from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from licensing.domain.machine import Credentials, Machine
from licensing.domain.machine_claims import Claim, blocker, is_older_agent, license_at

ORGANIZATIONS = st.sampled_from(["acme", "bolt", "core"])
ENVIRONMENTS = st.sampled_from(["production", "staging"])
HOLDERS = st.dictionaries(
    ORGANIZATIONS,
    st.dictionaries(ENVIRONMENTS, st.sampled_from(["lic_1", "lic_2", "lic_3"]), min_size=1),
    max_size=3,
)
CLAIMS = st.dictionaries(
    st.binary(min_size=1, max_size=1), st.builds(Claim, HOLDERS, st.booleans()), max_size=4
)


IDS, NAMES = st.sampled_from(["one", "two", "three"]), st.sampled_from(["pc-1", "pc-2"])
MACS = st.sets(st.sampled_from([f"3c:52:82:00:00:0{n}" for n in range(4)]), min_size=1)


@st.composite
def sightings(draw: st.DrawFn) -> tuple[Machine, Machine]:
    """Two of a handful of components, many of which are shared; at most one kind is missing."""
    ids, macs, names = draw(IDS), draw(MACS), draw(NAMES)

    def mostly(shared: Any, anew: st.SearchStrategy[Any]) -> Any:
        return draw(anew) if draw(st.integers(0, 4)) == 4 else shared

    def machine() -> Machine:
        missing = draw(st.sampled_from(["nothing", "nothing", "nothing", "id", "macs", "name"]))
        credentials = Credentials.of(
            machine_id=None if missing == "id" else mostly(ids, IDS),
            mac_addresses=() if missing == "macs" else mostly(macs, MACS),
            computer_name=None if missing == "name" else mostly(names, NAMES),
        )
        return Machine.of(credentials, b"a key for machine credentials")

    return machine(), machine()


@given(st.lists(st.integers(0, 12), min_size=1, max_size=5), st.booleans())
def test_r31_well_formed_versions_are_older_exactly_below_4_4(
    numbers: list[int],
    zeros: bool,  # noqa: FBT001 - drawn, not passed by a caller
) -> None:
    version = ".".join(f"0{number}" if zeros else str(number) for number in numbers)
    major, minor = (*numbers, 0)[:2]
    assert is_older_agent(version) == ((major, minor) < (4, 4))


@given(st.text(st.sampled_from("0123456789.v-+ \N{ARABIC-INDIC DIGIT FOUR}\N{SUPERSCRIPT THREE}")))
def test_r31_no_text_is_an_older_agents_unless_it_is_numbers_and_dots(text: str) -> None:
    plain = all(part and set(part) <= set("0123456789") for part in text.split("."))
    assert not is_older_agent(text) or plain


@given(sightings())
def test_r11_a_machine_that_is_followed_is_both_what_it_was_and_what_was_seen(
    sightings: tuple[Machine, Machine],
) -> None:
    known, seen = sightings
    assume(known.is_same_as(seen))
    followed = known.followed(seen)
    assert followed.is_same_as(seen)
    assert followed.is_same_as(known)
    assert known.pairs() & seen.pairs() <= followed.pairs()
    assert len(known.differences(followed)) <= 1
    assert followed.followed(seen) == followed
    assert (known.differences(followed) == ()) == (followed == known)


@given(CLAIMS, ORGANIZATIONS, st.booleans())
def test_r04_somebody_blocks_exactly_when_a_pair_is_closed(
    claims: dict[bytes, Claim],
    organization_id: str,
    exclusive: bool,  # noqa: FBT001 - as above
) -> None:
    found = blocker(claims.values(), organization_id, exclusive=exclusive)
    closed = [
        claim
        for claim in claims.values()
        if not claim.is_open_to(organization_id, exclusive=exclusive)
    ]
    assert (found is not None) == bool(closed)
    if found is not None:
        holder, license_id = found
        assert holder != organization_id
        assert any(license_id in claim.licenses_of(holder).values() for claim in closed)


@given(CLAIMS, ORGANIZATIONS, ENVIRONMENTS)
def test_r09_the_license_found_holds_no_fewer_pairs_than_any_other(
    claims: dict[bytes, Claim], organization_id: str, environment: str
) -> None:
    held = [claim.licenses_of(organization_id).get(environment) for claim in claims.values()]
    found = license_at(claims, organization_id, environment)
    counts = {license_id: held.count(license_id) for license_id in held if license_id}
    assert counts.get(found or "", 0) == max(counts.values(), default=0)
