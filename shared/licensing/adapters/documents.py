"""Small documents of somebody else's server, over HTTPS."""

from __future__ import annotations

from typing import Final

from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session
from botocore.response import StreamingBody

from licensing.adapters.aws_errors import availability
from licensing.domain.errors import Unavailable

_READ_SECONDS: Final = 2
_LARGEST_DOCUMENT: Final = 65_536


def fetched(url: str) -> bytes:
    """A small document of somebody else's server. Raises :class:`Unavailable`.

    A redirect is not followed: whoever is asked answers.
    """
    session = URLLib3Session(timeout=_READ_SECONDS)
    request = AWSRequest(
        "GET", url, headers={"accept": "application/json"}, stream_output=True
    ).prepare()
    try:
        with availability("The identity provider"):
            answer = session.send(request)
            # Its stubs know no length that is unknown.
            body = StreamingBody(answer.raw, None)  # type: ignore[arg-type]
            document: bytes = body.read(_LARGEST_DOCUMENT + 1)
    finally:
        session.close()
    if answer.status_code != 200 or len(document) > _LARGEST_DOCUMENT:
        raise Unavailable(f"The identity provider answered {url} with status {answer.status_code}.")
    return document
