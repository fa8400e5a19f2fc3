"""Signatures of requests to AWS: botocore's Signature Version 4, without what it does twice.

What this module guarantees: a signature is botocore's to the byte. Credentials, Region, canonical
request, key and signature are botocore's own work. What is left out is that it collects the headers
again to name them, and prepares the whole request for sending to look at its body.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from botocore import auth

if TYPE_CHECKING:
    from http.client import HTTPMessage

    from botocore.awsrequest import AWSRequest
    from botocore.client import BaseClient

_VERSION: Final = "licensing-v4"
"""What botocore shall call it, beside its own."""


def sign_once(client: BaseClient) -> None:
    """Have what a client sends signed so, where botocore would take its ``v4``."""
    # Signers have names in a table of botocore's, and an event chooses among them.
    auth.AUTH_TYPE_MAPS.setdefault(_VERSION, _Signer)
    client.meta.events.register("choose-signer", _chosen)


def _chosen(signature_version: object, **_: object) -> Any:
    return _VERSION if signature_version == "v4" else None


class _Signer(auth.SigV4Auth):
    """Signs one request: botocore makes a signer for each."""

    _to_sign: HTTPMessage | None = None

    def headers_to_sign(self, request: AWSRequest) -> HTTPMessage:
        """As botocore's."""
        if self._to_sign is None:
            self._to_sign = super().headers_to_sign(request)
        return self._to_sign

    def payload(self, request: AWSRequest) -> str:
        """As botocore's, which finds the same bytes in the prepared request.

        No operation of these services leaves its payload unsigned, or streams it.
        """
        data: object = request.data
        if isinstance(data, bytes) and data:
            return sha256(data).hexdigest()
        return str(super().payload(request))
