"""Of many unrelated computers, hardly one is taken for another one: by list and rules, not by form.

Each logs in for the first time, one after the other: it is taken for another one where somebody
holds one of its pairs already.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from licensing.domain import components
from licensing.domain.errors import InvalidInput
from licensing.domain.machine import Credentials, Machine
from tests.proof import Proof
from tests.property.computers import Computers

KEY = b"a key for machine credentials"
SEED = 2026


@dataclass
class Met:
    """What came of the first logins: how many met another's machine, or showed too little."""

    others: int = 0
    refused: int = 0
    held: set[bytes] = field(default_factory=set)

    def log_in(self, pairs: Iterable[bytes]) -> None:
        """One more computer."""
        pairs = frozenset(pairs)
        self.refused += not pairs
        self.others += not self.held.isdisjoint(pairs)
        self.held |= pairs


def by_the_rules(told: Mapping[str, Any]) -> Iterable[bytes]:
    """The pairs of a computer, as the service takes them."""
    try:
        return Machine.of(Credentials.of(**told), KEY).pairs()
    except InvalidInput:
        return ()


def by_form_alone(told: Mapping[str, Any]) -> Iterator[bytes]:
    """The same without list and rules: whatever is there, in its normal form."""
    id = components.machine_id(told["machine_id"])
    name = components.computer_name(told["computer_name"])
    addresses = components.mac_addresses(told["mac_addresses"])
    if id and name:
        yield f"{id}+{name}".encode()
    for mac in addresses:
        if id:
            yield f"{id}+{mac}".encode()
        if name:
            yield f"{mac}+{name}".encode()


@pytest.mark.proof
def test_r12_hardly_one_of_many_unrelated_computers_is_taken_for_another(proof: Proof) -> None:
    count = proof.of(test=3_000, test_all=10_000, prove=100_000)
    formed, ruled = Met(), Met()
    for told in Computers(count, SEED):
        formed.log_in(by_form_alone(told))
        ruled.log_in(by_the_rules(told))
    proof.found(
        f"of {count:,} unrelated computers {ruled.others:,} are taken for another one, and "
        f"{ruled.refused:,} show too little of their own",
        planted=f"form alone, without list and rules: {formed.others:,}",
        is_random=False,
    )
    assert formed.others > count / 10
    assert ruled.others < count / 100
    # Containers without an id, and images that nobody has named: nothing tells them apart.
    assert ruled.refused < count / 20


def test_a_population_is_the_same_for_the_same_seed_and_has_all_kinds() -> None:
    one, again, other = ([*Computers(300, seed)] for seed in (1, 1, 2))
    assert one == again != other
    names = Counter(told["computer_name"] for told in one)
    assert names["raspberrypi"] > 1
    assert any(told["machine_id"] is None for told in one)
