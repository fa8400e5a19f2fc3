"""The client's reading of a machine and the service's are one, whatever is found there."""

from contextlib import suppress
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from licensing.domain import machine
from licensing.domain.errors import InvalidInput
from licensing_agent.protocol import credentials

KEY = b"a key of the service's own......"
TEXTS = st.text(max_size=24) | st.sampled_from(
    [
        *(
            "None",
            "To be filled by O.E.M.",
            "0" * 32,
            "f" * 32,
            "Stra\u00dfe",
            "\u0130.",
            " pc .. ",
        ),
        *("fe" * 16, "0123456789", "00020003-0004-0005-0006-000700080009"),
        *("localhost", "SERVER01.corp.example", "ip-10-0-0-5", "192.168.1.5", ".example"),
    ]
)
HEX = st.sampled_from("0123456789abcdefABCDEF")
MACS = st.lists(
    st.lists(HEX, min_size=12, max_size=12).map("".join)
    | st.lists(st.sampled_from(["02", "00", "01", "3c", "ff"]), min_size=6, max_size=6).map(
        ":".join
    )
    | st.sampled_from(["00:05:9a:3c:7a:00", "02-42-ac-11-00-02", "52:54:00:6b:3c:58"])
    | TEXTS,
    max_size=12,
)


@example(
    machine_id=None,
    mac_addresses=[f"00000001{number:04}" for number in range(1, 6)],
    computer_name="0",
)
@given(machine_id=st.none() | TEXTS, mac_addresses=MACS, computer_name=st.none() | TEXTS)
def test_r12_r16_the_client_sends_what_the_service_takes_and_has_its_digest(
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
        usable = ours.usable()
        assert usable.machine_id == theirs.machine_id
        assert usable.computer_name == theirs.computer_name
        assert usable.mac_addresses >= set(theirs.mac_addresses)
        most = 8 if usable.machine_id else 4
        assert len(theirs.mac_addresses) == min(most, len(usable.mac_addresses))


@st.composite
def few(draw: st.DrawFn) -> dict[str, Any]:
    """A machine of few values, so that two of them often agree; some are shared by all."""
    return {
        "machine_id": draw(st.none() | st.sampled_from(["aa-1", "AA1", "bb-2", "N/A"])),
        "mac_addresses": draw(
            st.lists(
                st.sampled_from(
                    ["3c52820a1b2c", "A4-BB-6D-3E-90-1F", "525400:6b3c58", "00:05:9a:3c:7a:00"]
                ),
                max_size=3,
            )
        ),
        "computer_name": draw(
            st.none()
            | st.sampled_from(["one", "ONE.example", "localhost", "localhost.localdomain"])
        ),
    }


@given(one=few(), other=few())
def test_r09_the_client_knows_its_machine_again_when_the_service_does(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    theirs, ours = [], []
    for found in (one, other):
        with suppress(InvalidInput):
            theirs.append(machine.Machine.of(machine.Credentials.of(**found), KEY))
        with suppress(credentials.TooFewCredentials):
            ours.append(credentials.Credentials.of(**found))
    assert len(ours) == len(theirs)
    if len(ours) == 2:
        assert ours[0].is_same_machine_as(ours[1]) == theirs[0].is_same_as(theirs[1])
