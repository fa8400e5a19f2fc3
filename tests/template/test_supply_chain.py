"""What `make audit` and `make sbom` say of what ships: nothing unchecked passes for checked."""

import json
from typing import Any

import pytest

from tests.template.audit import verdict
from tests.template.sbom import differences

KNOWN = {"name": "pydantic", "version": "2.14.3", "vulns": []}
WEAK = {"name": "cffi", "version": "2.1.1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1.2"]}]}
UNKNOWN = {"name": "jmespath", "skip_reason": "Dependency not found"}


def answer(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


@pytest.mark.parametrize(
    ("status", "packages", "failed", "words"),
    [
        (0, [KNOWN, KNOWN], False, "no known weakness in 2 packages"),
        (1, [KNOWN, WEAK], True, "known weaknesses: cffi 2.1.1: PYSEC-1"),
        (0, [WEAK], True, "known weaknesses: cffi 2.1.1: PYSEC-1"),
        (1, [WEAK, UNKNOWN], True, "known weaknesses: cffi 2.1.1: PYSEC-1"),
        (0, [KNOWN, UNKNOWN], True, "the vulnerability service does not know jmespath"),
        (0, [UNKNOWN, UNKNOWN], False, "NOT CHECKED: the vulnerability service knows no package"),
        (0, [], True, "pip-audit failed with status 0"),
        (1, [KNOWN], True, "pip-audit failed with status 1"),
    ],
)
def test_an_audit_fails_on_weaknesses_and_says_when_it_has_not_looked(
    status: int, packages: list[dict[str, Any]], words: str, *, failed: bool
) -> None:
    found = verdict(status, answer(*packages), "")
    assert (found.failed, found.words) == (failed, words)


@pytest.mark.parametrize("error", ["ProxyError", "ConnectionError", "ReadTimeout"])
def test_a_service_that_is_out_of_reach_is_told_and_is_no_failure(error: str) -> None:
    complaint = (
        f"Traceback\n  File\nrequests.exceptions.{error}: HTTPSConnectionPool: no such host\n"
    )
    found = verdict(1, "", complaint)
    assert (found.failed, found.words[:12]) == (False, "NOT CHECKED:")


@pytest.mark.parametrize(
    "complaint",
    [
        "",
        "pip_audit._dependency_source.HashMissingError: no hash",
        "ValueError: ConnectionError: x",
    ],
)
def test_anything_else_that_goes_wrong_is_a_failure(complaint: str) -> None:
    assert verdict(1, "", complaint).failed


LOCK = f"""\
cffi==2.1.1 ; x \\
    --hash=sha256:{"a" * 64}
pydantic==2.14.3 \\
    --hash=sha256:{"b" * 64}
"""


def listed(name: str, version: str, digest: str) -> dict[str, Any]:
    reference = {"hashes": [{"alg": "SHA-256", "content": digest * 64}]}
    return {"name": name, "version": version, "externalReferences": [reference]}


def test_a_bill_of_materials_lists_exactly_what_is_locked() -> None:
    about = {"metadata": {"component": {"name": "licensing"}}}
    both = [listed("cffi", "2.1.1", "a"), listed("pydantic", "2.14.3", "b")]
    assert differences(about | {"components": both}, LOCK) == []
    assert differences(about | {"components": both[:1]}, LOCK) == [
        "pydantic 2.14.3 is missing",
        "hashes are missing",
    ]
    more = [*both, listed("boto3", "1.44.0", "c")]
    assert differences(about | {"components": more}, LOCK) == [
        "boto3 1.44.0 does not ship",
        "hashes are none of the lock's",
    ]
    other = {"metadata": {"component": {"name": "other"}}, "components": both}
    assert differences(other, LOCK) == ["it is not about this package"]
