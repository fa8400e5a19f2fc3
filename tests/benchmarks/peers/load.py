"""A client that costs little: requests are made beforehand, and answers are read, not parsed."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

_VALID: Final = re.compile(rb'code\\?": ?\\?"VALID')


class AnswerError(Exception):
    """A server answered something else than that the licence is valid; the message shows it."""


def request(url: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """A POST as it goes over the wire."""
    head = {"host": urlsplit(url).netloc, **headers, "content-length": str(len(body))}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def demand_valid(answer: bytes) -> None:
    """Check that an answer says so. Raises AnswerError."""
    if _VALID.search(answer) is None:
        raise AnswerError(answer.decode(errors="replace"))


def latencies(url: str, requests: Sequence[bytes], clients: int) -> list[float]:
    """Milliseconds of each request; so many clients send one after the other, each on its own.

    Raises AnswerError.
    """
    return asyncio.run(_all(urlsplit(url).port or 80, requests, clients))


async def _all(port: int, requests: Sequence[bytes], clients: int) -> list[float]:
    waiting = iter(requests)
    taken = await asyncio.gather(*(_one(port, waiting) for _ in range(clients)))
    return [one for each in taken for one in each]


async def _one(port: int, waiting: Iterator[bytes]) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    taken = []
    try:
        for one in waiting:
            begun = time.perf_counter()
            writer.write(one)
            answer = await _answer(reader)
            taken.append((time.perf_counter() - begun) * 1000)
            demand_valid(answer)
    finally:
        writer.close()
    return taken


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
    return head + await reader.readexactly(length)
