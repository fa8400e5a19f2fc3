"""The only part of the package that speaks DynamoDB.

``places``, ``items`` and ``entries`` know where records stand and how they look, ``steps`` what a
change means for them, ``transaction`` how that is carried to a known end, and ``store`` is what the
use cases ask.
"""

from licensing.adapters.dynamo.store import DynamoStore

__all__ = ["DynamoStore"]
