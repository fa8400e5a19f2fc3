"""Which errors of AWS a repetition may cure, and which are faults of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from licensing.domain.errors import Unavailable

_BUSY: Final = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)


def is_transient(error: ClientError) -> bool:
    """Whether the service, not the request, is to blame."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return error.response["Error"]["Code"] in _BUSY or status >= 500


@contextmanager
def availability(of: str) -> Iterator[None]:
    """Turn what a repetition may cure into :class:`Unavailable`; leave faults as they are."""
    try:
        yield
    except (HTTPClientError, NoConnection) as error:
        raise Unavailable(f"{of} did not answer in time. Try again.") from error
    except ClientError as error:
        if is_transient(error):
            raise Unavailable(f"{of} is busy. Try again.") from error
        raise
