"""Machine identity: what is normalised, what counts, how it is hashed, and two of three."""

import base64
import hashlib
import hmac
import json
from dataclasses import asdict
from typing import Any

import pytest

from licensing.domain.errors import InvalidInput
from licensing.domain.machine import MAX_MAC_ADDRESSES, Credentials, Machine
from tests.unit.samples import HASHING_KEY, credentials, machine

MACHINE_ID = "4c4c4544004235108052b4c04f4e5931"
MAC = "3c52820a1b2c"


# -- R12: normalisation ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        "4c4c4544-0042-3510-8052-b4c04f4e5931",
        "4C4C4544-0042-3510-8052-B4C04F4E5931",
        "{4C4C4544-0042-3510-8052-B4C04F4E5931}",
        "(4c4c4544-0042-3510-8052-b4c04f4e5931)",
        "4c4c4544004235108052b4c04f4e5931",
        "  4c4c4544 0042 3510 8052 b4c04f4e5931\r\n",
        "4c4c4544_0042_3510_8052_b4c04f4e5931",
        "4c4c4544\N{EN DASH}0042\N{EN DASH}3510\N{EN DASH}8052\N{EN DASH}b4c04f4e5931",
        "\N{FULLWIDTH DIGIT FOUR}c4c4544-0042-3510-8052-b4c04f4e5931",
    ],
)
def test_r12_a_machine_id_is_the_same_however_it_is_written(sent: str) -> None:
    assert credentials(machine_id=sent).machine_id == MACHINE_ID


@pytest.mark.parametrize(
    "sent",
    [
        "3c:52:82:0a:1b:2c",
        "3C-52-82-0A-1B-2C",
        "3C52.820A.1B2C",
        "3c52820a1b2c",
        " 3c 52 82 0a 1b 2c ",
        "\N{FULLWIDTH DIGIT THREE}c:52:82:0a:1b:2c",
    ],
)
def test_r12_a_mac_address_is_the_same_however_it_is_written(sent: str) -> None:
    assert credentials(mac_addresses=(sent,)).mac_addresses == (MAC,)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ACME-PC-01", "acme-pc-01"),
        ("acme-pc-01", "  acme-pc-01\t"),
        ("acme-pc-01.corp.example", "acme-pc-01.corp.example."),
        ("acme-pc-01", "acme-pc-01 . "),
        ("straße", "STRASSE"),
        ("büro", "BU\N{COMBINING DIAERESIS}RO"),
        ("\N{FULLWIDTH LATIN CAPITAL LETTER P}C-1", "pc-1"),
        ("\N{LATIN SMALL LIGATURE FI}ne", "FINE"),
    ],
)
def test_r12_a_computer_name_is_the_same_however_it_is_written(one: str, other: str) -> None:
    normalised = credentials(computer_name=one).computer_name
    assert normalised is not None
    assert normalised == credentials(computer_name=other).computer_name


@pytest.mark.parametrize(
    ("one", "other"),
    [("acme-pc-01", "acme-pc-02"), ("acme-pc-01", "acmepc01"), ("a.pc.example", "b.pc.example")],
)
def test_r12_computer_names_that_differ_stay_different(one: str, other: str) -> None:
    assert credentials(computer_name=one).computer_name != (
        credentials(computer_name=other).computer_name
    )


def test_r12_the_computer_name_stays_readable_as_it_was_sent() -> None:
    assert credentials(computer_name="  Büro-PC.  ").display_name == ("Büro-PC.")


# -- R12: what does not count ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "ignored",
    [
        "00:00:00:00:00:00",  # null
        "ff:ff:ff:ff:ff:ff",  # broadcast
        "01:00:5e:00:00:fb",  # multicast, IPv4
        "33:33:00:00:00:01",  # multicast, IPv6
        "00:00:00:00:00:00:00:e0",  # a tunnel adapter's eight bytes
        "",  # a loopback adapter's
        "::::::",
        "3c:52:82:0a:1b",
        "3c:52:82:0a:1b:2c:3d",
        "3c:52:82:0a:1b:2g",
        "unknown",
        "\N{ARABIC-INDIC DIGIT THREE}c:52:82:0a:1b:2c",
    ],
)
def test_r12_an_address_that_names_no_single_adapter_is_ignored(ignored: str) -> None:
    assert credentials(mac_addresses=(ignored, MAC)).mac_addresses == (MAC,)
    assert credentials(mac_addresses=(ignored,)).mac_addresses == ()


@pytest.mark.parametrize(
    "placeholder",
    [
        "",
        "   ",
        "-",
        "00000000-0000-0000-0000-000000000000",
        "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        "03000200-0400-0500-0006-000700080009",
        "Default string",
        "To be filled by O.E.M.",
        "Not Applicable",
        "Not Available",
        "Not Specified",
        "None",
    ],
)
def test_r12_what_firmware_reports_without_an_id_is_no_machine_id(placeholder: str) -> None:
    assert credentials(machine_id=placeholder).machine_id is None


@pytest.mark.parametrize("empty", [None, "", "  ", ".", " . . "])
def test_r12_an_empty_computer_name_is_none(empty: str | None) -> None:
    assert credentials(computer_name=empty).computer_name is None


@pytest.mark.parametrize("empty", [None, "", " \t"])
def test_r12_without_a_computer_name_there_is_nothing_to_read(empty: str | None) -> None:
    assert credentials(computer_name=empty).display_name is None


ABSENT: dict[str, Any] = {"machine_id": None, "mac_addresses": (), "computer_name": None}
COMPONENTS: dict[str, Any] = {
    "machine_id": MACHINE_ID,
    "mac_addresses": (MAC,),
    "computer_name": "pc",
}


@pytest.mark.parametrize(
    "sent",
    [
        {},
        *({name: value} for name, value in COMPONENTS.items()),
        {"computer_name": "pc", "mac_addresses": ("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff")},
        {"computer_name": " . ", "mac_addresses": (MAC,)},
    ],
)
def test_r12_fewer_than_two_usable_components_are_refused_with_what_to_send(
    sent: dict[str, Any],
) -> None:
    with pytest.raises(InvalidInput) as refused:
        Credentials.of(**(ABSENT | sent))
    assert refused.value.pointer == "/machine"
    assert refused.value.message == (
        "Fewer than two usable machine credentials. Send at least two of: a machine id, "
        "a MAC address of a physical network adapter, the computer name."
    )


@pytest.mark.parametrize(
    "shared", [{"machine_id": "Default string"}, {"mac_addresses": ("00:05:9a:3c:7a:00",)}]
)
def test_r12_where_the_other_one_is_shared_the_refusal_says_that_it_does_not_count(
    shared: dict[str, Any],
) -> None:
    with pytest.raises(InvalidInput, match="in common does not count, such as a placeholder"):
        Credentials.of(**(ABSENT | {"computer_name": "pc"} | shared))


@pytest.mark.parametrize("missing", COMPONENTS)
def test_r12_any_two_components_are_enough(missing: str) -> None:
    kept = {name: value for name, value in COMPONENTS.items() if name != missing}
    made = Credentials.of(**(ABSENT | kept))
    assert not getattr(made, missing)


# -- R10: at most eight addresses ------------------------------------------------------------------


def test_r10_eight_addresses_count_and_burnt_in_ones_come_first() -> None:
    burnt_in = [f"f4:52:82:0a:1b:{number:02x}" for number in range(6)]
    virtual = [f"02:42:9c:11:5a:{number:02x}" for number in range(20)]
    chosen = credentials(mac_addresses=(*virtual, *burnt_in)).mac_addresses
    assert len(chosen) == MAX_MAC_ADDRESSES == 8
    assert set(chosen) >= {mac.replace(":", "") for mac in burnt_in}
    assert set(chosen) - {mac.replace(":", "") for mac in burnt_in} == {
        "02429c115a00",
        "02429c115a01",
    }


def test_r10_repeated_addresses_take_one_place() -> None:
    sent = ("3C:52:82:0A:1B:2C", "3c-52-82-0a-1b-2c") * 6 + ("3c:52:82:0a:1b:2d",)
    assert credentials(mac_addresses=sent).mac_addresses == (MAC, "3c52820a1b2d")


def test_r10_a_machine_claims_at_most_seventeen_pairs() -> None:
    macs = tuple(f"3c:52:82:0a:1b:{number:02x}" for number in range(30))
    assert len(machine(mac_addresses=macs).pairs()) == 17


def test_r10_a_pair_is_claimed_for_every_two_components_that_are_there() -> None:
    two = ("3c:52:82:0a:1b:2c", "3c:52:82:0a:1b:2d")
    assert len(machine(mac_addresses=two).pairs()) == 5
    assert len(machine(mac_addresses=()).pairs()) == 1
    assert len(machine(machine_id=None, mac_addresses=two).pairs()) == 2
    assert len(machine(computer_name=None, mac_addresses=two).pairs()) == 2


# -- R12: hashes -----------------------------------------------------------------------------------


def test_r12_components_are_hashed_as_the_stored_ones_are() -> None:
    # Claims in the table are named by these bytes: another value would free every machine.
    def expected(kind: str, value: str) -> bytes:
        return hmac.new(HASHING_KEY, f"{kind}\0{value}".encode(), hashlib.sha256).digest()[:16]

    made = machine()
    assert made == Machine(
        machine_id=expected("machine_id", MACHINE_ID),
        mac_addresses=(expected("mac_address", MAC),),
        computer_name=expected("computer_name", "acme-pc-01"),
    )
    id_, mac, name = made.machine_id or b"", made.mac_addresses[0], made.computer_name or b""
    assert made.pairs() == {
        hashlib.sha256(b"id+name\0" + id_ + name).digest()[:16],
        hashlib.sha256(b"id+mac\0" + id_ + mac).digest()[:16],
        hashlib.sha256(b"mac+name\0" + mac + name).digest()[:16],
    }
    assert (
        made.identity()
        == (hashlib.sha256(b"identity\1" + id_ + b"\1" + name + b"\1" + mac).digest()[:16])
    )


def test_r03_a_missing_component_leaves_its_place_in_the_identity_empty() -> None:
    made = machine(computer_name=None)
    id_, mac = made.machine_id or b"", made.mac_addresses[0]
    assert made.identity() == hashlib.sha256(b"identity\1" + id_ + b"\0\1" + mac).digest()[:16]


def test_r12_another_key_hashes_every_component_differently() -> None:
    one, other = machine(), machine(key=HASHING_KEY[::-1])
    assert one.machine_id != other.machine_id
    assert set(one.mac_addresses).isdisjoint(other.mac_addresses)
    assert one.computer_name != other.computer_name
    assert one.pairs().isdisjoint(other.pairs())


def test_r12_no_component_can_be_read_or_tried_out_without_the_key() -> None:
    stored = machine(machine_id=MACHINE_ID, mac_addresses=(MAC,), computer_name="acme-pc-01")
    shown = repr(asdict(stored)) + repr(stored) + stored.identity().hex()
    for raw in (MACHINE_ID, MAC, "acme-pc-01"):
        assert raw not in shown
        guesses = {
            hashlib.new(algorithm, text.encode()).digest()[:16]
            for algorithm in ("md5", "sha1", "sha256", "sha512")
            for text in (
                raw,
                *(f"{kind}\0{raw}" for kind in ("machine_id", "mac_address", "computer_name")),
            )
        }
        assert guesses.isdisjoint(
            {stored.machine_id, stored.computer_name, *stored.mac_addresses, *stored.pairs()}
        )


def test_r12_the_same_text_as_name_and_as_id_has_different_hashes() -> None:
    made = machine(machine_id="abc123", computer_name="abc123")
    assert made.machine_id != made.computer_name


def test_r03_the_identity_does_not_depend_on_the_order_of_addresses() -> None:
    macs = tuple(f"3c:52:82:0a:1b:{number:02x}" for number in range(12))
    assert machine(mac_addresses=macs).identity() == machine(mac_addresses=macs[::-1]).identity()


@pytest.mark.parametrize(
    "other",
    [
        machine(machine_id="another"),
        machine(machine_id=None),
        machine(computer_name="another"),
        machine(computer_name=None),
        machine(mac_addresses=()),
        machine(mac_addresses=("3c:52:82:0a:1b:2d",)),
        machine(mac_addresses=(MAC, "3c:52:82:0a:1b:2d")),
        machine(key=b"another"),
    ],
)
def test_r03_any_other_component_makes_another_identity(other: Machine) -> None:
    assert other.identity() != machine().identity()


# -- R9: two of three ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "same"),
    [
        (machine(), True),
        (machine(computer_name="renamed"), True),
        (machine(mac_addresses=("3c:52:82:0a:1b:ff",)), True),
        (machine(machine_id="re-imaged"), True),
        (machine(mac_addresses=("00:1b:63:84:45:e6", MAC)), True),
        (machine(computer_name=None), True),
        (machine(mac_addresses=()), True),
        (machine(machine_id=None), True),
        (machine(computer_name="clone", mac_addresses=("00:1b:63:84:45:e6",)), False),
        (machine(computer_name="other", machine_id="other"), False),
        (machine(machine_id="other", mac_addresses=("00:1b:63:84:45:e6",)), False),
        (machine(computer_name=None, mac_addresses=("00:1b:63:84:45:e6",)), False),
        (machine(computer_name="clone", mac_addresses=()), False),
    ],
)
def test_r09_two_of_three_components_make_the_same_machine(seen: Machine, *, same: bool) -> None:
    assert machine().is_same_as(seen) is same
    assert seen.is_same_as(machine()) is same


def test_r09_what_is_missing_on_both_sides_does_not_agree() -> None:
    one = machine(computer_name=None, mac_addresses=(MAC, "3c:52:82:0a:1b:2d"))
    other = machine(machine_id="other", computer_name=None, mac_addresses=(MAC,))
    assert not one.is_same_as(other)


def test_r09_several_common_addresses_count_once() -> None:
    macs = (MAC, "3c:52:82:0a:1b:2d", "3c:52:82:0a:1b:2e")
    one = machine(mac_addresses=macs)
    other = machine(machine_id="other", computer_name="other", mac_addresses=macs)
    assert not one.is_same_as(other)


# -- R16: the thumbprint ---------------------------------------------------------------------------


def test_r16_the_thumbprint_is_the_sha256_of_the_machine_as_it_was_sent() -> None:
    made = credentials(
        machine_id="{4C4C4544-0042-3510-8052-B4C04F4E5931}",
        mac_addresses=("3C-52-82-0A-1B-2C", "00:05:9a:3c:7a:00", ""),
        computer_name="BÜro-1.example",
    )
    canonical = (
        rb'{"computer_name":"B\u00dcro-1.example",'
        rb'"mac_addresses":["3C-52-82-0A-1B-2C","00:05:9a:3c:7a:00",""],'
        rb'"machine_id":"{4C4C4544-0042-3510-8052-B4C04F4E5931}"}'
    )
    assert json.loads(canonical)["computer_name"] == "BÜro-1.example"
    digest = hashlib.sha256(canonical).digest()
    assert made.thumbprint() == base64.urlsafe_b64encode(digest).decode().removesuffix("=")
    assert made.thumbprint() == "zK_mF3zi759vibMDGABQ7SXERSXP0WVRQQ-KxYUjCe8"


def test_r16_a_missing_component_is_null_in_the_thumbprint() -> None:
    canonical = (
        rb'{"computer_name":null,"mac_addresses":["3c:52:82:0a:1b:2c"],'
        rb'"machine_id":"4c4c4544-0042-3510-8052-b4c04f4e5931"}'
    )
    digest = hashlib.sha256(canonical).digest()
    assert credentials(computer_name=None).thumbprint() == (
        base64.urlsafe_b64encode(digest).decode().removesuffix("=")
    )
