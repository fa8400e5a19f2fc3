"""Requests that fail are repeated, lists are put together, and answers that are none are none."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from licensing_cli.api import Api, segment
from licensing_cli.errors import CommandError, Refused, SignedOut, Unreachable, WrongUse
from tests.cli.scripted import ME, Scripted, problem
from tests.local.events import Request, Response

BUSY = problem(503, "unavailable", "Try again.")
TROUBLE = Response(502, [], b"<html>Bad gateway</html>")


@dataclass
class Bearer:
    """A person who can renew a session so often."""

    renewals: int = 0
    given: list[bool] = field(default_factory=list)

    def __call__(self, *, anew: bool = False) -> str:
        self.given.append(anew)
        if sum(self.given) > self.renewals:
            raise SignedOut("over")
        return f"token {sum(self.given)}"


@dataclass
class Bench:
    """The client, and what it did."""

    service: Scripted
    api: Api
    bearer: Bearer
    pauses: list[float]
    told: list[str]
    warned: list[str]


@pytest.fixture
def bench() -> Iterator[Bench]:
    pauses: list[float] = []
    told: list[str] = []
    warned: list[str] = []
    bearer = Bearer()
    with Scripted() as service, httpx.Client(timeout=60, trust_env=False) as client:
        api = Api(
            url=service.url,
            bearer=bearer,
            client=client,
            retries=3,
            tell=told.append,
            warn=warned.append,
            pause=pauses.append,
            chance=lambda _, most: most,
        )
        yield Bench(service, api, bearer, pauses, told, warned)


def test_a_service_in_trouble_is_asked_again_after_times_that_double(bench: Bench) -> None:
    bench.service.answers = [BUSY, TROUBLE, problem(500, "", "")]
    assert bench.api.get("/v1/me").body == ME
    assert bench.pauses == [1, 2, 4]
    assert "Trying again in 1.0 s." in bench.warned[0]


def test_an_answer_that_cannot_be_unpacked_is_trouble(bench: Bench) -> None:
    torn = Response(200, [("content-encoding", "gzip")], b"no gzip")
    bench.service.answers = [torn]
    assert bench.api.get("/v1/me").body == ME
    bench.service.answers = [torn] * 4
    with pytest.raises(Unreachable, match="DecodingError"):
        bench.api.get("/v1/me")


def test_the_wait_is_drawn_from_all_of_it(bench: Bench) -> None:
    drawn: list[tuple[float, float]] = []

    def chance(least: float, most: float) -> float:
        drawn.append((least, most))
        return 0.25

    bench.api.chance = chance
    bench.service.answers = [BUSY, BUSY]
    bench.api.get("/v1/me")
    assert (drawn, bench.pauses) == ([(0, 1), (0, 2)], [0.25, 0.25])


@pytest.mark.parametrize("status", [408, 425, 429, 503])
def test_whoever_says_when_to_come_back_is_asked_then(bench: Bench, status: int) -> None:
    bench.service.answers = [Response(status, [("retry-after", "7")], b"{}")]
    assert bench.api.get("/v1/me").body == ME
    assert bench.pauses == [7]


def test_a_service_that_wants_to_be_left_alone_for_long_is(bench: Bench) -> None:
    bench.service.answers = [Response(503, [("retry-after", "61")], b"{}")]
    with pytest.raises(Unreachable):
        bench.api.get("/v1/me")
    assert (len(bench.service.requests), bench.pauses) == (1, [])


@pytest.mark.parametrize("text", ["soon", "-1", "1.5", "\N{ARABIC-INDIC DIGIT SEVEN}"])
def test_a_time_to_come_back_that_is_none_is_passed_over(bench: Bench, text: str) -> None:
    bench.service.answers = [Response(503, [("retry-after", text)], b"{}")]
    bench.api.get("/v1/me")
    assert bench.pauses == [1]


def test_it_is_asked_so_often_and_no_more(bench: Bench) -> None:
    bench.service.usual = lambda _: BUSY
    with pytest.raises(Unreachable, match="Try again"):
        bench.api.get("/v1/me")
    assert len(bench.service.requests) == 4
    bench.api.retries = 0
    with pytest.raises(Unreachable):
        bench.api.get("/v1/me")
    assert len(bench.service.requests) == 5


def test_a_request_is_repeated_to_the_byte(bench: Bench) -> None:
    bench.service.answers = [BUSY]
    bench.api.send("POST", "/v1/x", {"ttl": "1h"}, headers={"Idempotency-Key": "one"})
    first, again = bench.service.requests
    assert first.body == again.body == b'{"ttl":"1h"}'
    assert first.header("idempotency-key") == again.header("idempotency-key") == "one"


def test_a_service_that_is_not_there_cannot_be_reached(bench: Bench) -> None:
    bench.service.server.stop()
    with pytest.raises(Unreachable, match="cannot be reached"):
        bench.api.get("/v1/me")
    assert len(bench.pauses) == 3


@pytest.mark.parametrize(
    "answer",
    [
        Response(200, [], b"<html>Welcome to the hotel</html>"),
        Response(200, [], b"[]"),
        Response(200, [], b'{"a": 1, "a": 2}'),
        Response(404, [], b"<html>no such page</html>"),
        Response(302, [("location", "/elsewhere")], b"{}"),
        Response(204, [], b""),
    ],
    ids=lambda answer: f"{answer.status} {answer.body[:12]!r}",
)
def test_what_is_not_the_service_is_not_believed_and_not_asked_again(
    bench: Bench, answer: Response
) -> None:
    bench.service.usual = lambda _: answer
    with pytest.raises(Unreachable, match="is not the licence service"):
        bench.api.get("/v1/me")
    assert len(bench.service.requests) == 1


def test_a_token_follows_no_redirection(bench: Bench) -> None:
    with Scripted() as elsewhere:
        bench.service.usual = lambda _: Response(307, [("location", elsewhere.url)], b"{}")
        with pytest.raises(Unreachable):
            bench.api.get("/v1/me")
        assert elsewhere.requests == []


def test_a_session_that_was_ended_elsewhere_is_renewed_once(bench: Bench) -> None:
    bench.bearer.renewals = 1
    bench.service.answers = [problem(401, "unauthorized", "expired")]
    assert bench.api.get("/v1/me").body == ME
    assert [request.header("authorization") for request in bench.service.requests] == [
        "Bearer token 0",
        "Bearer token 1",
    ]
    bench.service.usual = lambda _: problem(401, "unauthorized", "expired")
    with pytest.raises(SignedOut):
        bench.api.get("/v1/me")
    assert len(bench.service.requests) == 3


def test_what_everybody_may_see_is_read_without_a_token(bench: Bench) -> None:
    bench.api.public("/.well-known/jwks.json")
    assert bench.service.requests[0].header("authorization") is None
    assert bench.bearer.given == []


def pages(total: int, page: int) -> list[Response]:
    """A list in pages, of which the service makes some shorter than it was asked for."""
    starts = range(0, total, page)
    return [
        Response.of_json(
            200,
            {
                "licenses": [{"id": number} for number in range(start, min(start + page, total))],
                "next_cursor": f"c{start + page}" if start + page < total else None,
                "total": total,
            },
        )
        for start in starts
    ]


def test_the_pages_of_a_list_become_one_document(bench: Bench) -> None:
    bench.service.answers = pages(250, 100)
    told = bench.api.listed("/v1/x", "licenses", {"search": "a b&c", "sort": None}, limit=0)
    assert told == {
        "licenses": [{"id": number} for number in range(250)],
        "next_cursor": None,
        "total": 250,
    }
    assert bench.service.asked == [
        {"search": "a b&c", "limit": "100"},
        {"search": "a b&c", "limit": "100", "cursor": "c100"},
        {"search": "a b&c", "limit": "100", "cursor": "c200"},
    ]


def test_a_limit_is_kept_to_the_entry_also_where_pages_are_short(bench: Bench) -> None:
    bench.service.answers = pages(250, 40)
    told = bench.api.listed("/v1/x", "licenses", {}, limit=120)
    assert told["licenses"] == [{"id": number} for number in range(120)]
    assert told["next_cursor"] == "c120"
    assert [asked["limit"] for asked in bench.service.asked] == ["100", "80", "40"]


def test_an_empty_page_is_not_the_end_of_a_list(bench: Bench) -> None:
    empty = Response.of_json(200, {"licenses": [], "next_cursor": "c"})
    bench.service.answers = [empty, *pages(3, 100)]
    assert bench.api.listed("/v1/x", "licenses", {}, limit=10)["licenses"] == [
        {"id": 0},
        {"id": 1},
        {"id": 2},
    ]


def test_a_page_without_its_list_is_no_answer_of_the_service(bench: Bench) -> None:
    with pytest.raises(Unreachable, match="licenses"):
        bench.api.listed("/v1/x", "licenses", {}, limit=1)


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (problem(403, "forbidden", "No."), Refused, "No."),
        (problem(409, "invalid_transition", "Not so."), Refused, "Not so."),
        (problem(412, "precondition_failed", "Changed."), Refused, "Changed."),
        (problem(413, "payload_too_large", "Too large."), WrongUse, "Too large."),
        (problem(401, "unauthorized", "Who?"), SignedOut, "Who?"),
        (Response.of_json(401, {"message": "Unauthorized"}), SignedOut, "Unauthorized"),
        (Response.of_json(418, {"teapot": True}), Refused, "418"),
    ],
)
def test_a_refusal_is_told_in_the_services_own_words(
    bench: Bench, answer: Response, kind: type[CommandError], told: str
) -> None:
    bench.bearer.renewals = 1
    bench.service.usual = lambda _: answer
    with pytest.raises(kind) as error:
        bench.api.send("POST", "/v1/x", {})
    assert told in error.value.message


def test_what_is_told_of_a_request_is_its_address_and_nothing_of_its_body(bench: Bench) -> None:
    bench.api.send("POST", "/v1/x", {"secret": "body"})
    (line,) = bench.told
    assert line.startswith(f"POST {bench.service.url}/v1/x 200 ")
    assert "token" not in line + "".join(bench.warned)


@pytest.mark.parametrize(
    ("text", "path"),
    [("a?b#c", "a%3Fb%23c"), ("lic_0", "lic_0"), ("ä", "%C3%A4")],
)
def test_an_id_stays_one_part_of_a_path(bench: Bench, text: str, path: str) -> None:
    bench.api.get(f"/v1/licenses/{segment(text)}")
    request: Request = bench.service.requests[0]
    assert request.target == f"/v1/licenses/{path}"


@pytest.mark.parametrize("text", ["", ".", "..", "acme/licenses", "../x", "a\\b"])
def test_what_leads_elsewhere_is_no_id(text: str) -> None:
    with pytest.raises(WrongUse):
        segment(text)
