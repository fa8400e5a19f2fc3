"""Requests in, replies and problems out, over API Gateway's HTTP API, for handlers to use.

requests   bodies, queries and headers
callers    who is calling, by the claims of a token
proofs     proofs of device keys
replies    replies, refusals and problems
app        routes, and errors as problems
"""

from licensing.entrypoints.http.app import handler, resolver
from licensing.entrypoints.http.callers import bearer, caller, origin_of_agent, origin_of_user
from licensing.entrypoints.http.proofs import good_proof, proof
from licensing.entrypoints.http.replies import STATUS_OF_REFUSAL, Reply, refuse, reply, text
from licensing.entrypoints.http.requests import (
    DEFAULT_PAGE,
    LARGEST_PAGE,
    LONGEST_SEARCH,
    MAX_BODY_BYTES,
    PayloadTooLarge,
    WrongFields,
    cursor,
    has_already,
    idempotency_key,
    if_match,
    page_size,
    parse,
    parse_either,
    parse_optional,
    query_choice,
    query_flag,
    query_instant,
    query_number,
    query_text,
    search,
)

__all__ = [
    "DEFAULT_PAGE",
    "LARGEST_PAGE",
    "LONGEST_SEARCH",
    "MAX_BODY_BYTES",
    "STATUS_OF_REFUSAL",
    "PayloadTooLarge",
    "Reply",
    "WrongFields",
    "bearer",
    "caller",
    "cursor",
    "good_proof",
    "handler",
    "has_already",
    "idempotency_key",
    "if_match",
    "origin_of_agent",
    "origin_of_user",
    "page_size",
    "parse",
    "parse_either",
    "parse_optional",
    "proof",
    "query_choice",
    "query_flag",
    "query_instant",
    "query_number",
    "query_text",
    "refuse",
    "reply",
    "resolver",
    "search",
    "text",
]
