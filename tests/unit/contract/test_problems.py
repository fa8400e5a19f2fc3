"""Problems: each code is one that the API promises, with the status that it promises."""

import pytest

from licensing.contract.problems import PROBLEMS, ErrorCode, Problem, ProblemCode
from licensing.domain.refusal import RefusalCode

STATUSES = {
    "invalid_request": 400,
    "unauthorized": 401,
    "use_dpop_nonce": 401,
    "forbidden": 403,
    "proof_required": 403,
    "on_behalf_login_disabled": 403,
    "temporary_license_not_usable": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "machine_registered_to_other_organization": 409,
    "device_key": 409,
    "agent_blocked": 409,
    "license_still_bound": 409,
    "seat_limit_reached": 409,
    "member_limit_reached": 409,
    "subscription_ended": 409,
    "invalid_transition": 409,
    "policy_below_floor": 409,
    "precondition_failed": 412,
    "payload_too_large": 413,
    "idempotency_key_reused": 422,
    "unavailable": 503,
}


def test_every_code_is_promised_and_has_a_row() -> None:
    assert PROBLEMS.keys() == {*ErrorCode, *RefusalCode}
    assert {code.value for code in PROBLEMS} == STATUSES.keys()


@pytest.mark.parametrize("code", [*ErrorCode, *RefusalCode])
def test_a_code_has_the_status_that_the_api_promises(code: ProblemCode) -> None:
    problem = Problem.of(code, "Why.")
    assert problem.status == STATUSES[code.value]
    assert (problem.code, problem.type) == (code, f"urn:licensing:problem:{code}")


def test_a_status_means_one_thing() -> None:
    assert len(set(PROBLEMS.values())) == len({kind.status for kind in PROBLEMS.values()})
