"""The only part of the package that speaks DynamoDB.

schema         the keys of records
values, items  how attributes and items look
events         how audit events look
writes         what a change means for the table
transaction    how that is carried to a known end
table          one table, and the requests that are made of it
licenses, organizations, machines, histories, statistics, sweep
what is asked of it, noun by noun
store          all of that, for the use cases
"""

from licensing.adapters.dynamo.store import DynamoStore

__all__ = ["DynamoStore"]
