"""Pointers into requests are told as the options that they came from."""

import pytest

from licensing_cli.errors import WrongUse
from licensing_cli.problems import failure, option_of


@pytest.mark.parametrize(
    ("pointer", "option"),
    [
        ("/query/from", "--from"),
        ("/query/ends_before", "--ends-before"),
        ("/valid_until", "--valid-until"),
        ("/headers/if-match", "--if-version"),
        ("/headers/idempotency-key", "--idempotency-key"),
        ("/path/organization_id", "ORGANIZATION"),
        ("/machine", "--machine-id, --mac and --name"),
        ("/machine/machine_id", "--machine-id"),
        ("/machine/mac_addresses/3", "--mac"),
        ("/machine/computer_name", "--name"),
        ("/0/1", "the request"),
        ("", "the request"),
    ],
)
def test_a_wrong_field_is_named_by_its_option(pointer: str, option: str) -> None:
    assert option_of(pointer) == option


def test_every_wrong_field_is_named() -> None:
    errors = [
        {"pointer": "/name", "detail": "too long"},
        {"pointer": "/max_agents", "detail": "below 0"},
    ]
    error = failure(400, {"code": "invalid_request", "detail": "Wrong.", "errors": errors})
    assert isinstance(error, WrongUse)
    assert error.message == "Wrong.\n  --name: too long\n  --max-agents: below 0"


@pytest.mark.parametrize("errors", [None, "all of it", [None], [{}]])
def test_a_problem_that_names_no_fields_is_told_all_the_same(errors: object) -> None:
    assert failure(400, {"detail": "Wrong.", "errors": errors}).message.startswith("Wrong.")
