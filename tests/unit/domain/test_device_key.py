"""Device keys: how an agent stands to the key that it should hold."""

import pytest

from licensing.domain.device_key import InvalidProof, Possession, Proof, possession

PROOF = Proof("its key", 1, "one")
OTHERS = Proof("another", 1, "two")
BAD = InvalidProof("the signature does not match")


@pytest.mark.parametrize(
    ("device_key", "proof", "required", "stands"),
    [
        (None, None, False, Possession.NOT_ASKED),
        (None, PROOF, False, Possession.NOT_ASKED),
        (None, BAD, False, Possession.NOT_ASKED),
        (None, BAD, True, Possession.FAILED),
        (None, None, True, Possession.MISSING),
        (None, PROOF, True, Possession.MISSING),
        ("its key", None, False, Possession.MISSING),
        ("its key", PROOF, False, Possession.PROVED),
        ("its key", OTHERS, False, Possession.FAILED),
        ("its key", BAD, False, Possession.FAILED),
        ("its key", PROOF, True, Possession.PROVED),
        ("its key", None, True, Possession.MISSING),
    ],
)
def test_possession_is_of_the_licences_own_key(
    device_key: str | None,
    proof: Proof | InvalidProof | None,
    *,
    required: bool,
    stands: Possession,
) -> None:
    assert possession(device_key, proof, required=required) is stands
