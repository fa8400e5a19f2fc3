"""Requests in, replies and problems out, over API Gateway's HTTP API, for handlers to use.

requests    a request as API Gateway hands it over
addresses   at which address the service is called
encodings   what is packed, and for whom
etags       entity tags, and conditions on them
inputs      what requests say: bodies, queries and headers
callers     who is calling, by the claims of a token
proofs      proofs of device keys
cursors     where a list goes on, sealed
calls       one call with all of that, for a handler
replies     replies, refusals and problems
operations  what an operation takes and answers
routes      which methods each path has
api         routes, and errors as problems
"""

from licensing.entrypoints.http.api import Api
from licensing.entrypoints.http.calls import Call
from licensing.entrypoints.http.inputs import (
    CURSOR,
    IDEMPOTENCY_KEY_FORM,
    LIMIT,
    LONGEST_SEARCH,
    PAGE,
    SKIP,
    SORTED_PAGE,
    Body,
    Choice,
    Flag,
    IdempotencyKey,
    IfMatch,
    IfNoneMatch,
    Instant,
    Number,
    OptionalBody,
    Page,
    SearchText,
    SortedPage,
    Text,
    VersionedBody,
)
from licensing.entrypoints.http.operations import Callers, Operation, Tag
from licensing.entrypoints.http.proofs import PREVIOUS_PROOF, PROOF, DeviceProof
from licensing.entrypoints.http.replies import (
    BRIEFLY_KEPT,
    Reply,
    answer,
    refuse,
    reply,
    tagged,
    tagged_text,
    text,
)

__all__ = [
    "BRIEFLY_KEPT",
    "CURSOR",
    "IDEMPOTENCY_KEY_FORM",
    "LIMIT",
    "LONGEST_SEARCH",
    "PAGE",
    "PREVIOUS_PROOF",
    "PROOF",
    "SKIP",
    "SORTED_PAGE",
    "Api",
    "Body",
    "Call",
    "Callers",
    "Choice",
    "DeviceProof",
    "Flag",
    "IdempotencyKey",
    "IfMatch",
    "IfNoneMatch",
    "Instant",
    "Number",
    "Operation",
    "OptionalBody",
    "Page",
    "Reply",
    "SearchText",
    "SortedPage",
    "Tag",
    "Text",
    "VersionedBody",
    "answer",
    "refuse",
    "reply",
    "tagged",
    "tagged_text",
    "text",
]
