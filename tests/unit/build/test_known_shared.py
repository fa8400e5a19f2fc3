"""The list of what computers share: all of it is looked up as it is written, and has a source."""

import json
import uuid
from pathlib import Path

import pytest

from licensing.domain import components
from licensing_build import known_shared
from tests.contract.agent_vectors import FOLDER


def orders(id: str) -> set[str]:
    """An id in the orders in which firmware, systems and tools have been seen to tell its bytes."""
    raw = uuid.UUID(id).bytes

    def swapped(data: bytes, width: int) -> bytes:
        return b"".join(data[at : at + width][::-1] for at in range(0, 16, width))

    mixed = uuid.UUID(bytes=raw).bytes_le
    return {
        str(uuid.UUID(bytes=one))
        for data in (raw, mixed)
        for one in (data, data[::-1], *(swapped(data, width) for width in (2, 4, 8)))
    }


UUIDS = [
    value for value, *_ in known_shared.entries()["ids"] if len(components.machine_id(value)) == 32
]


@pytest.mark.parametrize("listed", UUIDS)
def test_r12_an_id_of_the_list_counts_for_nothing_in_any_byte_order(listed: str) -> None:
    for told in orders(listed):
        assert components.is_shared_id(components.machine_id(told))


def test_r12_everything_that_is_listed_counts_for_nothing() -> None:
    listed = known_shared.entries()
    for value, *_ in listed["ids"]:
        assert components.is_shared_id(components.machine_id(value)), value
    for pattern, *_ in listed["addresses"]:
        for digit in "05":
            mac = pattern.replace("?", digit).replace(":", "")
            assert components.is_shared_address(mac), pattern
    for name, *_ in listed["names"]:
        assert components.is_default_name(components.computer_name(name)), name


def test_r12_what_hypervisors_give_to_one_guest_counts_but_is_not_a_makers() -> None:
    for pattern, *_ in known_shared.entries()["given_by_software"]:
        mac = pattern.replace(":", "").replace("????????", "7a914c3e").replace("??????", "7a914c")
        assert not components.is_shared_address(mac)
        assert components.by_origin(mac) > components.by_origin("fcffffff7a91")


def test_r12_nothing_is_listed_twice_and_each_entry_has_its_source() -> None:
    listed = json.loads((FOLDER / "known_shared.json").read_text())
    for kind, entries in listed.items():
        values = [entry["value"].lower() for entry in entries]
        assert len(set(values)) == len(values), kind
        assert all(entry["of"] and entry["source"] for entry in entries)


def test_r12_an_entry_without_its_source_and_one_that_is_no_address_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wrong = tmp_path / "known_shared.toml"
    monkeypatch.setattr(known_shared, "SOURCE", wrong)
    for entry, told in (
        ('["00:05:9a:3c:7a:00", "a VPN", "nowhere"]', "nowhere is not among the sources"),
        ('["00:05:9a:3c:7a", "a VPN", "here"]', "is not an address"),
    ):
        rest = "given_by_software = []\nids = []\nnames = []\n[sources]\nhere = 'a page'\n"
        wrong.write_text(f"addresses = [{entry}]\n{rest}")
        with pytest.raises(ValueError, match=told):
            known_shared.read()
