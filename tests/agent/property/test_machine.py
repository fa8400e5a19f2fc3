"""The client's reading of a machine and the service's are one, whatever is found there."""

from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from licensing.domain import machine
from licensing.domain.errors import InvalidInput
from licensing_agent.protocol import credentials

TEXTS = st.text(max_size=24) | st.sampled_from(
    ["None", "To be filled by O.E.M.", "0" * 32, "f" * 32, "Stra\u00dfe", "\u0130.", " pc .. "]
)
HEX = st.sampled_from("0123456789abcdefABCDEF")
MACS = st.lists(
    st.lists(HEX, min_size=12, max_size=12).map("".join)
    | st.lists(st.sampled_from(["02", "00", "01", "3c", "ff"]), min_size=6, max_size=6).map(
        ":".join
    )
    | TEXTS,
    max_size=12,
)


@given(machine_id=st.none() | TEXTS, mac_addresses=MACS, computer_name=st.none() | TEXTS)
def test_r12_r16_a_machine_is_normalised_and_digested_as_the_service_does(
    machine_id: str | None, mac_addresses: list[str], computer_name: str | None
) -> None:
    found: dict[str, Any] = {
        "machine_id": machine_id,
        "mac_addresses": mac_addresses,
        "computer_name": computer_name,
    }
    theirs = ours = None
    with suppress(InvalidInput):
        theirs = machine.Credentials.of(**found)
    with suppress(credentials.TooFewCredentials):
        ours = credentials.Credentials.of(**found)
    assert (theirs is None) == (ours is None)
    if theirs is not None and ours is not None:
        assert ours.thumbprint() == theirs.thumbprint()


COMPONENTS = st.builds(
    credentials.Credentials,
    st.none() | st.sampled_from(["aa", "bb"]),
    st.lists(st.sampled_from(["3c52820a1b2c", "a4bb6d3e901f"]), unique=True).map(
        lambda macs: tuple(sorted(macs))
    ),
    st.none() | st.sampled_from(["one", "two"]),
)


def hashed(found: credentials.Credentials) -> machine.Machine:
    """The machine as the service keeps it."""
    sent = machine.Credentials(
        found.machine_id, found.mac_addresses, found.computer_name, found.computer_name
    )
    return machine.Machine.of(sent, b"a key of the service's own......")


@given(one=COMPONENTS, other=COMPONENTS)
def test_r09_the_client_knows_its_machine_again_when_the_service_does(
    one: credentials.Credentials, other: credentials.Credentials
) -> None:
    assert one.is_same_machine_as(other) == hashed(one).is_same_as(hashed(other))
