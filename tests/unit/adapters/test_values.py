"""Attributes of items, as they are read back."""

import pytest

from licensing.adapters.dynamo.values import read_bytes


def test_a_binary_attribute_is_bytes_and_nothing_else() -> None:
    assert read_bytes(b"\x00\xff") == b"\x00\xff"
    with pytest.raises(TypeError, match="is bytes, not str"):
        read_bytes("00ff")
