"""The only part of the package that speaks DynamoDB.

``items`` knows how records look in the table, ``transaction`` how a transaction is carried to a
known end, ``store`` what the use cases ask for.
"""

from licensing.dynamo.store import DynamoStore

__all__ = ["DynamoStore"]
