"""Licences for on-premise agents: the domain, its use cases and the adapters they run on.

Imports run one way. The rules (``machine``, ``keys``, ``license``, ``organization``, ``lease``,
``audit``) know neither AWS nor HTTP; the use cases (``issue``, ``validate``, ``transition``,
``subscribe``, ``sweep``, ``read``) know the rules and the Protocols in ``ports``; ``dynamo``,
``http`` and ``runtime`` stand at the edge.
"""
