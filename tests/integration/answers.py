"""How tests look at an answer: problems with all that a client relies on, headers by name."""

import re

from tests.world import Answer


def header(answer: Answer, name: str) -> str | None:
    """A header, whatever its case; None where it is missing."""
    return {key.lower(): value for key, value in answer.headers.items()}.get(name)


def pointers(answer: Answer) -> list[str]:
    """The places that a problem points at, in order."""
    return sorted(error["pointer"] for error in answer.json.get("errors", []))


def assert_problem(answer: Answer, status: int, code: str, *wrong: str) -> None:
    """The answer is a whole problem (RFC 9457) of this code that points at all `wrong` places."""
    assert (answer.status, answer.json.get("code")) == (status, code), answer
    assert header(answer, "content-type") == "application/problem+json"
    assert header(answer, "cache-control") == "no-store"
    assert answer.json["status"] == status
    assert answer.json["type"] == f"urn:licensing:problem:{code}"
    assert answer.json["title"]
    assert answer.json["detail"]
    if wrong:
        assert pointers(answer) == sorted(wrong)
        assert all(error["detail"] for error in answer.json["errors"])


def is_tag_of(answer: Answer, version: int) -> bool:
    """Whether the answer has a strong ETag that begins with this version."""
    return re.fullmatch(rf'"{version}-[0-9a-f]{{16}}"', header(answer, "etag") or "") is not None
