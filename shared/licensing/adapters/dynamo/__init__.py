"""The only part of the package that speaks DynamoDB.

``schema`` knows the keys of records, ``items`` and ``events`` how they look, ``writes`` what a
change means for them, ``transaction`` how that is carried to a known end, and ``store`` is what
the use cases ask.
"""

from licensing.adapters.dynamo.licenses import DynamoStore

__all__ = ["DynamoStore"]
