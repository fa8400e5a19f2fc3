"""The only part of the package that speaks DynamoDB.

schema         the keys of records
values         how values look
attributes     what a table of attributes is: one row says how each is named, written and read
items, events  the tables: licences, organizations and claims; audit events
writes         what a change means for the table
transaction    how that is carried to a known end
table          one table, and the requests that are made of it
licenses, organizations, machines, histories, statistics, sweep
what is asked of it, noun by noun
store          all of that, for the use cases
"""

from licensing.adapters.dynamo.store import DynamoStore

__all__ = ["DynamoStore"]
