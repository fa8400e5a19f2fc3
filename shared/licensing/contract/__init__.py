"""The HTTP API's requests and replies, as pydantic models: what is accepted and what is answered.

The OpenAPI document is generated from these models (by ``make generate``), and
every reply is built from one of them, so the document cannot drift from the code.

Requests are strict: unknown fields and wrong types are errors, each with a pointer to its place.
"""
