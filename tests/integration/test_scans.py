"""What tests read of the table is what boto3 reads."""

from typing import Any

from tests.local import aws
from tests.world import World

ALL_KINDS: dict[str, Any] = {
    "pk": {"S": "all"},
    "sk": {"S": "kinds"},
    "number": {"N": "1"},
    "truth": {"BOOL": True},
    "nothing": {"NULL": True},
    "bytes": {"B": b"\x00\xff"},
    "texts": {"SS": ["a"]},
    "numbers": {"NS": ["1"]},
    "several": {"BS": [b"\x00"]},
    "list": {"L": [{"B": b"\xfe"}, {"S": "a"}]},
    "map": {"M": {"within": {"B": b"\xfe"}, "beside": {"N": "2"}}},
}


def test_values_of_every_kind_are_read_as_boto3_reads_them(world: World) -> None:
    settings = world.runtime.settings
    client = aws.client("dynamodb", settings.dynamodb_endpoint)
    client.put_item(TableName=settings.table_name, Item=ALL_KINDS)
    assert client.scan(TableName=settings.table_name)["Items"] == [ALL_KINDS]
    assert world.items() == [ALL_KINDS]
