"""Machine identity over generated credentials: two of three is one shared pair; form is nothing."""

import unicodedata
from dataclasses import replace
from random import Random
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from licensing.domain import components
from licensing.domain.errors import InvalidInput
from licensing.domain.machine import MAX_MAC_ADDRESSES, Credentials, Machine
from tests.property.strategies import any_text, credentials, spellings

KEY = b"a key for machine credentials"
PLAIN = st.text("abcdefghijklmnopqrstuvwxyzäöüß0123456789-._ ", min_size=1)
FORMS: st.SearchStrategy[Literal["NFC", "NFD", "NFKC", "NFKD"]] = st.sampled_from(
    ["NFC", "NFD", "NFKC", "NFKD"]
)


LOCAL = "5254006b3c58"
"""The one address of the strategy that software has given, and that is not shared."""


def agreeing(one: Credentials, other: Credentials) -> int:
    """On how many of the three components two computers agree.

    Where a default name agrees, such an address says nothing: without an id that is one component.
    """
    has_id = one.machine_id == other.machine_id is not None
    has_name = one.computer_name == other.computer_name is not None
    common = set(one.mac_addresses) & set(other.mac_addresses)
    if not has_id and one.computer_name == "localhost":
        common -= {LOCAL}
    return [has_id, has_name, bool(common)].count(True)


@given(credentials(), credentials())
def test_r09_r10_two_of_three_agree_exactly_when_a_pair_is_shared(
    one: Credentials, other: Credentials
) -> None:
    first, second = Machine.of(one, KEY), Machine.of(other, KEY)
    share_a_pair = not first.pairs().isdisjoint(second.pairs())
    assert share_a_pair == (agreeing(one, other) >= 2)
    assert first.is_same_as(second) == share_a_pair


@given(credentials())
def test_r09_a_machine_is_the_same_as_itself_and_claims_something(one: Credentials) -> None:
    made = Machine.of(one, KEY)
    assert made.is_same_as(made)
    assert made.pairs()


@given(credentials(), credentials())
def test_r03_machines_have_one_identity_exactly_when_all_components_agree(
    one: Credentials, other: Credentials
) -> None:
    equal = (one.machine_id, one.mac_addresses, one.computer_name) == (
        other.machine_id,
        other.mac_addresses,
        other.computer_name,
    )
    assert (Machine.of(one, KEY).identity() == Machine.of(other, KEY).identity()) == equal


@given(credentials(), credentials())
def test_r09_r10_a_followed_machine_is_still_the_one_that_was_seen(
    one: Credentials, other: Credentials
) -> None:
    kept, seen = Machine.of(one, KEY), Machine.of(other, KEY)
    if kept.is_same_as(seen):
        followed = kept.followed(seen)
        assert followed.is_same_as(seen)
        assert followed.followed(seen) is followed
        # As the table gives it back.
        stored = replace(followed, set_aside=frozenset())
        assert (stored, stored.pairs()) == (followed, followed.pairs())


@given(credentials(), credentials())
def test_r16_a_thumbprint_is_of_what_was_sent_and_of_nothing_else(
    one: Credentials, other: Credentials
) -> None:
    assert (one.thumbprint() == other.thumbprint()) == (one.sent == other.sent)


@given(st.data(), PLAIN, FORMS)
def test_r12_case_and_unicode_form_change_nothing(
    data: st.DataObject, name: str, form: Literal["NFC", "NFD", "NFKC", "NFKD"]
) -> None:
    macs = ["3c:52:82:0a:1b:2c"]
    sent = Credentials.of(machine_id=f"id{name}", mac_addresses=macs, computer_name=name)
    typed = unicodedata.normalize(form, data.draw(spellings(name)))
    retyped = Credentials.of(machine_id=f"ID{typed}", mac_addresses=macs, computer_name=typed)
    assert retyped.computer_name == sent.computer_name
    assert retyped.machine_id == sent.machine_id
    assert Machine.of(retyped, KEY) == Machine.of(sent, KEY)


@given(any_text, any_text, st.lists(any_text))
def test_r12_any_text_is_either_normalised_or_refused(
    machine_id: str, computer_name: str, mac_addresses: list[str]
) -> None:
    try:
        made = Credentials.of(
            machine_id=machine_id, mac_addresses=mac_addresses, computer_name=computer_name
        )
    except InvalidInput as refused:
        assert refused.pointer == "/machine"  # noqa: PT017 - refusing is one of two good answers
    else:
        again = Credentials.of(
            machine_id=made.machine_id,
            mac_addresses=made.mac_addresses,
            computer_name=made.computer_name,
        )
        assert (again.machine_id, again.mac_addresses, again.computer_name) == (
            made.machine_id,
            made.mac_addresses,
            made.computer_name,
        )


@given(st.lists(st.binary(min_size=6, max_size=6), max_size=40), st.randoms())
def test_r10_at_most_eight_addresses_count_and_their_order_does_not(
    raw: list[bytes], random: Random
) -> None:
    sent = [mac.hex("-") for mac in raw]
    one = Credentials.of(machine_id="id-1", mac_addresses=sent, computer_name="pc")
    random.shuffle(sent)
    other = Credentials.of(machine_id="id-1", mac_addresses=sent, computer_name="pc")
    assert one == other
    usable = {
        mac.hex()
        for mac in raw
        if any(mac) and not mac[0] & 1 and not components.is_shared_address(mac.hex())
    }
    burnt_in = {mac for mac in usable if not bytes.fromhex(mac)[0] & 2}
    assert set(one.mac_addresses) <= usable
    assert len(one.mac_addresses) == min(len(usable), MAX_MAC_ADDRESSES)
    assert len(burnt_in & set(one.mac_addresses)) == min(len(burnt_in), MAX_MAC_ADDRESSES)
