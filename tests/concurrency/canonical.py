"""States and answers of different runs, made comparable: random ids replaced, order ignored.

So are the shards that follow from ids.

Which proofs have counted, and when they were made, is left out, too: an agent that is challenged
makes another. So are the ids of leases: they follow from random ids and nonces.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

_RANDOM = re.compile(r"lic_[0-9a-z]{16}|(?:evt|op)_[0-9a-f]{32}|(?:DUE|EVENTS#\w+)#[0-7]")


def state(
    scanned: Iterable[Mapping[str, Any]], *, without: Collection[str] = ("request_id", "proved_ms")
) -> list[str]:
    """Items as sorted text, in which all ids are the same, `without` some attributes."""
    return sorted(
        text({name: value for name, value in masked(item).items() if name not in without})
        for item in scanned
        if item["sk"]["S"] != "PROOF"
    )


def text(value: object, known: Collection[str] = ()) -> str:
    """A value as text, in which all ids but the `known` ones are the same."""

    def replaced(match: re.Match[str]) -> str:
        return match[0] if match[0] in known else re.sub("(?<=[_#]).+", "*", match[0])

    return _RANDOM.sub(replaced, json.dumps(value, sort_keys=True, default=_plain))


def masked(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """An item in which all leases have one id."""
    ids = {name: "a lease" for name in ("lease_id", "asked") if name in item}
    if "left_leases" in item:
        ids["left_leases"] = f"{len(item['left_leases']['L'])} leases"
    return {**item, **ids}


def _plain(value: object) -> object:
    return sorted(map(repr, value)) if isinstance(value, set | frozenset) else repr(value)
