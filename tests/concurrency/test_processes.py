"""Nine races between processes, as between execution environments: who wins, and what remains.

Each also runs over a store that checks and then puts, on and on until that is caught.
"""

import pytest

from tests.concurrency import races
from tests.concurrency.planted import HesitantCheckThenPut
from tests.concurrency.racers import Race, Racers, course
from tests.proof import Proof

pytestmark = [pytest.mark.proof, pytest.mark.only_proof]


@pytest.fixture
def run(engine: str, racing: Racers, proof: Proof) -> "Run":
    return Run(engine, racing, proof)


class Run:
    """Runs a race at the length of this run, and tells what came of it."""

    def __init__(self, engine: str, racers: Racers, proof: Proof) -> None:
        self.engine, self.racers, self.proof = engine, racers, proof

    def __call__(self, race: Race) -> None:
        seeds, rounds = self.proof.seeds(5), 2_000
        with course(self.engine, self.racers) as table:
            ends = table.run(race, seeds, rounds)
        assert ends.total() == len(seeds) * rounds
        with course(self.engine, self.racers) as table:
            caught = table.caught(race, HesitantCheckThenPut, self.proof.seed)
        told = ", ".join(f"{end} {count:,}" for end, count in sorted(ends.items()))
        self.proof.found(
            f"{ends.total():,} rounds from {len(seeds)} seeds by {self.racers.count} processes, "
            f"none lost ({told})",
            planted=f"a check followed by a put, caught within {caught} rounds",
        )


def test_r04_r05_of_two_organizations_in_two_processes_one_has_the_machine(run: Run) -> None:
    run(races.two_organizations)


def test_r02_two_users_in_two_processes_get_one_license_and_one_key(run: Run) -> None:
    run(races.two_users)


def test_r06_of_two_agents_in_two_processes_one_has_the_last_seat(run: Run) -> None:
    run(races.last_seat)


def test_of_two_processes_that_are_shown_one_proof_one_takes_it(run: Run) -> None:
    run(races.one_proof)


def test_r15_no_process_finds_valid_what_another_has_revoked(run: Run) -> None:
    run(races.revoke_against_validate)


def test_r04_r20_a_machine_that_is_let_go_in_one_process_has_one_owner_in_all(run: Run) -> None:
    run(races.dissociate_against_login)


def test_r24_a_renewal_in_one_process_wins_over_a_sweep_in_another(run: Run) -> None:
    run(races.renewal_against_sweep)


def test_r04_r11_of_a_drift_and_a_foreign_login_one_has_the_new_pair(run: Run) -> None:
    run(races.drift_against_login)


def test_r26_of_two_first_uses_in_two_processes_one_is_tied(run: Run) -> None:
    run(races.first_use)
