"""The service beside its reference once more, on the engine that all functional tests run on.

What they show of the rules is worth what that engine is: it has to hold as AWS's own does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.property.test_reference import REACHED, RULES, run
from tests.world import new_world

if TYPE_CHECKING:
    from tests.proof import Proof


@pytest.mark.proof
def test_r02_r04_r09_r11_r31_on_moto_the_service_answers_like_its_reference(proof: Proof) -> None:
    examples, steps = proof.of(test=(2, 40), test_all=(3, 50), prove=(500, 100))
    REACHED.clear()
    with new_world() as world:
        run(world, examples, steps, proof.seed)
    played = sum(REACHED[name] for name in RULES)
    proof.found(f"{examples} examples of up to {steps} steps, {played} in all: no difference")
