"""The parts of a request and of an answer, and what may become of each on the way.

All of it is derived from exchanges that really took place, member by member and header by header.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, Final

from tests.local.events import Request, Response

HTML: Final = b"<!doctype html><title>Notice</title><p>This address is not available.</p>"
REFUSALS: Final = {
    "a gateway's refusal": b'{"message":"Forbidden"}',
    "a filter's refusal": b'{"code":"blocked","title":"Blocked","detail":"Blocked by the filter.",'
    b'"message":"Blocked by the filter.","action":"login","status":403}',
}
"""What something on the way says no with, in JSON."""
DAY: Final = 86_400
PAGES: Final = (204, 302, 400, 401, 403, 404, 407, 429, 500, 502, 503)
"""The statuses of pages that something on the way shows."""
STATUSES: Final = (204, 404, 500)
"""What an answer's own status is changed to."""
ADDED: Final = (("retry-after", f"{DAY}"), ("content-encoding", "gzip"), ("location", "/"))
"""Headers that an answer has not, and clients look at."""

Pointer = tuple[str | int, ...]
Value = Any


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request as it was sent, and its answer."""

    request: Request
    answer: Response

    @property
    def is_challenge(self) -> bool:
        """Whether the service has asked for the request with another proof."""
        return is_challenge(self.answer)


def is_challenge(answer: Response) -> bool:
    """Whether an answer asks for the request with another proof."""
    return answer.status == 401 and b"use_dpop_nonce" in answer.body


class Delivery(StrEnum):
    """What becomes of a whole exchange."""

    USUAL = "usual"
    LOST = "lost"
    """The request does not arrive."""
    UNANSWERED = "unanswered"
    """The request arrives, and the answer does not."""
    LATE = "late"
    """Nobody answers, and the request arrives after the next one."""
    TWICE = "twice"
    """The request arrives twice, and the first answer counts."""
    TWICE_LATER = "twice, later"
    """The request arrives twice, and the second answer counts."""
    CACHED = "cached"
    """The request does not arrive, and something answers in the service's place."""


def _as_it_was(message: Any) -> Any:
    return message


@dataclass(frozen=True, slots=True)
class Fault:
    """What becomes of one part. ``of_challenge``: of an answer that asks for a proof, or of others.

    ``cached`` is what is answered in the service's place.
    """

    part: str
    manner: str
    on_request: Callable[[Request], Request] = _as_it_was
    on_answer: Callable[[Response], Response] = _as_it_was
    delivery: Delivery = Delivery.USUAL
    cached: Response | None = None
    of_challenge: bool | None = None

    @property
    def name(self) -> str:
        """Its part and manner."""
        return f"{self.part}: {self.manner}"


@dataclass(frozen=True, slots=True)
class Others:
    """What else there has been, to take a part's value from: the agent's own, and another's."""

    before: Exchange | None
    elsewhere: Exchange | None

    def each(self) -> Iterator[tuple[str, Exchange]]:
        """Each of them, with its name."""
        if self.before is not None:
            yield "the one before", self.before
        if self.elsewhere is not None:
            yield "another agent's", self.elsewhere


# -- bodies ----------------------------------------------------------------------------------------


def pointers(value: Value, at: Pointer = ()) -> Iterator[Pointer]:
    """Every member at any depth; of a list, its first."""
    if isinstance(value, dict):
        inner: Sequence[tuple[str | int, Value]] = list(value.items())
    else:
        inner = [(0, value[0])] if isinstance(value, list) and value else []
    for name, one in inner:
        yield (*at, name)
        yield from pointers(one, (*at, name))


def spelled(pointer: Pointer) -> str:
    """As in RFC 6901."""
    return "".join(f"/{name}" for name in pointer)


def at(value: Value, pointer: Pointer) -> Value:
    """What stands there; raises :class:`LookupError` where nothing does."""
    for name in pointer:
        try:
            value = value[name]
        except TypeError:
            raise LookupError(name) from None
    return value


def another(value: Value) -> Value:
    """Another value of a value's kind, and of its form."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case list():
            return value[1:]
        case dict():
            return {}
        case None:
            return "x"
        case _:
            return _another_text(str(value))


def _another_text(text: str) -> str:
    if re.fullmatch(r"\d{4}-\d\d-\d\dT.*", text):
        moment = datetime.fromisoformat(text) + timedelta(hours=1)
        return moment.isoformat().replace("+00:00", "Z")
    found = re.search(r"[A-Za-z0-9]", text[len(text) // 2 :]) or re.search(r"[A-Za-z0-9]", text)
    if found is None:
        return f"{text}x"
    place = found.start() + (len(text) // 2 if found.string != text else 0)
    letter = text[place]
    order = "01234567890" if letter.isdigit() else "abcdefghijklmnopqrstuvwxyza"
    follows = order[order.index(letter.lower()) + 1]
    follows = follows.upper() if letter.isupper() else follows
    return f"{text[:place]}{follows}{text[place + 1 :]}"


def _values(value: Value) -> Iterator[tuple[str, Value]]:
    yield "changed", another(value)
    if value is not None:
        yield "null", None
        yield "of another kind", "x" if isinstance(value, int | float) else 7
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT.*", value):
        for name, days in (("10 days early", -10), ("10 days late", 10)):
            moment = datetime.fromisoformat(value) + timedelta(days=days)
            yield name, moment.isoformat().replace("+00:00", "Z")


def written(value: Value) -> bytes:
    """As client and service write it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _without(pointer: Pointer, body: bytes) -> bytes:
    return _edited(body, pointer, lambda owner, name: owner.pop(name))


def _with(pointer: Pointer, value: Value, body: bytes) -> bytes:
    return _edited(body, pointer, lambda owner, name: owner.__setitem__(name, value))


def _twice(pointer: Pointer, body: bytes) -> bytes:
    """A member that is named twice, or an element that stands there twice."""

    def repeat(owner: Any, name: Any) -> None:
        if isinstance(owner, list):
            owner.insert(name, owner[name])
        else:
            owner["\ue000"] = owner[name]

    name = json.dumps(pointer[-1], ensure_ascii=False)
    return _edited(body, pointer, repeat).replace('"\ue000"'.encode(), name.encode())


def _edited(body: bytes, pointer: Pointer, edit: Callable[[Any, Any], object]) -> bytes:
    """Changed where it has such a member."""
    try:
        value = json.loads(body)
        owner = at(value, pointer[:-1])
        at(owner, pointer[-1:])
    except (ValueError, LookupError):
        return body
    edit(owner, pointer[-1])
    return written(value)


def _of_members(
    body: bytes, others: Sequence[tuple[str, bytes]]
) -> Iterator[tuple[str, str, Callable[[bytes], bytes]]]:
    """Each member, what becomes of it, and how."""
    value = json.loads(body)
    for pointer in pointers(value):
        own, part = at(value, pointer), f"body {spelled(pointer)}"
        yield part, "dropped", partial(_without, pointer)
        yield part, "repeated", partial(_twice, pointer)
        seen = [own]
        for manner, other in [*_values(own), *_others_values(pointer, others)]:
            if other not in seen:
                seen.append(other)
                yield part, manner, partial(_with, pointer, other)


def _others_values(
    pointer: Pointer, others: Sequence[tuple[str, bytes]]
) -> Iterator[tuple[str, Value]]:
    for name, body in others:
        try:
            yield name, deepcopy(at(json.loads(body), pointer))
        except (ValueError, LookupError):
            continue


def _whole(body: bytes) -> Iterator[tuple[str, Callable[[bytes], bytes]]]:
    for name, other in {
        "dropped": b"",
        "a page": HTML,
        **REFUSALS,
        "an empty object": b"{}",
    }.items():
        yield name, partial(_always, other)
    if body:
        yield "cut off", lambda text: text[: len(text) // 2]
        yield "garbled", lambda text: bytes(one ^ 0x20 for one in text)
        yield "repeated", lambda text: text + text


def _always(value: bytes, _: bytes) -> bytes:
    return value


# -- headers ---------------------------------------------------------------------------------------

Headers = Sequence[tuple[str, str]]


def _header(headers: Headers, name: str) -> str | None:
    return next((value for key, value in headers if key == name), None)


def _of_headers(
    headers: Headers, others: Sequence[tuple[str, Headers]]
) -> Iterator[tuple[str, str, Callable[[Headers], Headers]]]:
    for name, value in headers:
        part = f"header {name}"
        yield part, "dropped", partial(_put, name, ())
        yield part, "repeated", partial(_repeat, name)
        seen = {value}
        found = ((which, _header(told, name)) for which, told in others)
        for manner, other in [("changed", _another_text(value)), *found]:
            if other is not None and other not in seen:
                seen.add(other)
                yield part, manner, partial(_put, name, (other,))


def _put(name: str, values: Sequence[str], headers: Headers) -> Headers:
    """With these in its place, if it is there."""
    kept = [pair for pair in headers if pair[0] != name]
    is_there = len(kept) < len(headers)
    return [*kept, *((name, value) for value in values if is_there)]


def _repeat(name: str, headers: Headers) -> Headers:
    return [*headers, *(pair for pair in headers if pair[0] == name)]


# -- requests --------------------------------------------------------------------------------------


def of_request(own: Exchange, others: Others, paths: Sequence[str]) -> Iterator[Fault]:
    """What may become of a request; ``paths`` are those of the protocol."""
    request = own.request
    for method in ("", "GET", "POST", "PUT", "HEAD", "OPTIONS"):
        if method != request.method:
            manner = f"changed to {method}" if method else "dropped"
            yield Fault("request method", manner, partial(_replaced, method=method))
    odd = ("/", f"{request.target}/", f"/v0{request.target}", another(request.target))
    for path in (*odd, *paths):
        if path != request.target:
            manner = f"changed to {path}" if path != "/" else "dropped"
            yield Fault("request path", manner, partial(_replaced, target=path))
    query = f"{request.target}?utm_source=portal"
    yield Fault("request query", "added", partial(_replaced, target=query))
    told = [(name, other.request.headers) for name, other in others.each()]
    for part, manner, edit in _of_headers(request.headers, told):
        yield Fault(f"request {part}", manner, partial(_with_headers, edit))
    if request.body:
        bodies = [(name, other.request.body) for name, other in others.each()]
        for part, manner, change in _of_members(request.body, bodies):
            yield Fault(f"request {part}", manner, partial(_with_body, change))
        for name, other in bodies:
            change = partial(_always, other)
            yield Fault("request body", name, partial(_with_body, change))
    for manner, change in _whole(request.body):
        yield Fault("request body", manner, partial(_with_body, change))


def _replaced(message: Any, **changed: Any) -> Any:
    return replace(message, **changed)


def _with_headers(edit: Callable[[Headers], Headers], message: Any) -> Any:
    return replace(message, headers=edit(message.headers))


def _with_body(change: Callable[[bytes], bytes], message: Any) -> Any:
    """The length is told anew."""
    body = change(message.body)
    headers = [
        (name, str(len(body)) if name == "content-length" else value)
        for name, value in message.headers
    ]
    return replace(message, body=body, headers=headers)


# -- answers ---------------------------------------------------------------------------------------


def page(status: int, _: Response, headers: Headers = ()) -> Response:
    """What something on the way shows."""
    return Response(status, [("content-type", "text/html"), *headers], HTML)


def of_answer(own: Exchange, others: Others) -> Iterator[Fault]:
    """What may become of an answer."""
    answer, kind = own.answer, own.is_challenge
    side = "challenge" if kind else "answer"

    def fault(part: str, manner: str, change: Callable[[Response], Response]) -> Fault:
        return Fault(f"{side} {part}", manner, on_answer=change, of_challenge=kind)

    yield fault("status", "dropped", partial(_replaced, status=0))
    for status in PAGES:
        yield fault("status", f"a page with {status}", partial(page, status))
    busy = partial(page, 503, headers=[("retry-after", f"{DAY}")])
    yield fault("status", "a page with 503 for a day", busy)
    for status in STATUSES:
        yield fault("status", f"changed to {status}", partial(_replaced, status=status))
    told = [(name, other.answer.headers) for name, other in others.each()]
    for part, manner, edit in _of_headers(answer.headers, told):
        yield fault(part, manner, partial(_with_headers, edit))
    for name, value in ADDED:
        added = partial(_added, (name, value))
        yield fault(f"header {name}", "added", partial(_with_headers, added))
    bodies = [(name, other.answer.body) for name, other in others.each()]
    for part, manner, change in _of_members(answer.body, bodies):
        yield fault(part, manner, partial(_with_body, change))
    for manner, change in _whole(answer.body):
        yield fault("body", manner, partial(_with_body, change))
    for name, body in REFUSALS.items():
        refused = Response(403, [("content-type", "application/json")], body)
        yield fault("status", f"{name}, with 403", partial(_refused, refused))


def _added(pair: tuple[str, str], headers: Headers) -> Headers:
    return [*headers, pair]


def _refused(refusal: Response, _: Response) -> Response:
    return refusal


# -- whole exchanges -------------------------------------------------------------------------------


def of_exchange(cached: Sequence[tuple[str, Response]]) -> Iterator[Fault]:
    """What may become of an exchange; ``cached`` is what a cache has kept of earlier ones."""
    for delivery in Delivery:
        if delivery not in {Delivery.USUAL, Delivery.CACHED}:
            yield Fault("exchange", delivery, delivery=delivery)
    for name, answer in cached:
        yield Fault("exchange", f"cached {name}", delivery=Delivery.CACHED, cached=answer)
