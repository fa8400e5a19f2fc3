"""What unrelated computers share tells none of them apart, and what they have of their own does."""

import random
import uuid

import pytest

from licensing.domain import components, machine_claims
from licensing.domain.errors import InvalidInput
from licensing.domain.machine import Credentials, Machine
from tests.unit.samples import HASHING_KEY, credentials, machine

OWN = "3c:52:82:0a:1b:2c"
OWN_ID = "4c4c4544-0042-3510-8052-b4c04f4e5931"

SHARED_ADDRESSES = [
    "00:05:9a:3c:7a:00",  # Cisco AnyConnect
    "00:09:0f:fe:00:01",  # Fortinet FortiClient
    "00:09:0f:aa:00:01",
    "02:50:41:00:00:01",  # GlobalProtect
    "00:50:56:c0:00:01",  # VMware on the host
    "00:50:56:c0:00:08",
    "02:00:4c:4f:4f:50",  # loopback
    "50:50:54:50:30:30",  # WAN Miniport
    "20:41:53:59:4e:ff",
    "82:9f:20:52:41:53",
    "44:45:53:54:42:00",
    "02:05:85:7f:eb:80",  # Juniper
    "0a:00:27:00:00:00",  # VirtualBox on the host
    "0a:00:27:00:00:13",
    "00:1c:42:00:00:08",  # Parallels on the host
    "02:42:ac:11:00:02",  # Docker
    "02:42:ac:1f:03:09",
    "02:42:c0:a8:30:02",
    "02:42:0a:00:01:05",
    "0a:58:0a:f4:00:03",  # Kubernetes
    "52:54:00:12:34:56",  # QEMU
    "5a:94:ef:e4:0c:ee",  # Podman
    "ac:de:48:00:11:22",  # Apple
    "0c:5b:8f:27:9a:64",  # modems
    "00:1e:10:1f:00:00",
    "00:e0:4c:53:44:58",  # USB to Ethernet
    "88:88:88:88:87:88",  # never written
    "02:00:00:00:00:00",  # Android, iOS
    "00:00:5e:00:01:0a",  # VRRP
    "00:00:00:00:00:01",  # made up
    "00:11:22:33:44:55",
    "66:55:44:33:22:11",
    "12:34:56:78:9a:bc",
    "fe:dc:ba:98:76:54",
    "00:01:02:03:04:05",
    "0a:0b:0c:0d:0e:0f",
    "aa:bb:cc:dd:ee:ff",
    "00:aa:bb:cc:dd:ee",
    "00:01:23:45:67:89",
    "00:12:34:56:78:9a",
    "00:1a:2b:3c:4d:5e",
    "02:11:22:33:44:55",
    "44:45:53:54:4f:53",
    "aa:aa:aa:aa:aa:00",
    "ee:ee:ee:ee:ee:ee",
    "22:22:22:22:22:22",
    "de:ad:be:ef:00:01",
    "de:ad:de:ad:de:ad",
    "ca:fe:ca:fe:ca:fe",
    "fe:fe:fe:fe:fe:fe",
]

SHARED_IDS = [
    "03000200-0400-0500-0006-000700080009",
    "00020003-0004-0005-0006-000700080009",
    "12345678-1234-5678-90AB-CDDEEFAABBCC",
    "78563412-3412-7856-90AB-CDDEEFAABBCC",
    "FEFEFEFE-FEFE-FEFE-FEFE-FEFEFEFEFEFE",
    "01010101-0101-0101-0101-010101010101",
    "12345678-1234-1234-1234-123456789abc",
    "12345678-1234-5678-1234-567812345678",
    "01234567-89AB-CDEF-0123-456789ABCDEF",
    "12345678-90ab-cdef-1234-567890abcdef",
    "FEDCBA98-7654-3210-FEDC-BA9876543210",
    "00010203-0405-0607-0809-0A0B0C0D0E0F",
    "03020100-0504-0706-0809-0A0B0C0D0E0F",
    "01020304-0506-0708-090A-0B0C0D0E0F10",
    "00112233-4455-6677-8899-AABBCCDDEEFF",
    "33221100-5544-7766-8899-AABBCCDDEEFF",
    "11111111-2222-3333-4444-555555555555",
    "00000000-0000-0000-0000-000000000001",
    "56F49712-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
    "00000000-0000-0000-0000-FFFFFFFFFFFF",
    "AAAAAAAA-BBBB-CCCC-DDDD-EEEEEEEEEEEE",
    "87654321-4321-4321-4321-CBA987654321",
    "DEADBEEF-DEAD-BEEF-DEAD-BEEFDEADBEEF",
    "EFBEADDE-ADDE-EFBE-DEAD-BEEFDEADBEEF",
    "4C4C4544-0000-2010-8020-80C04F202020",
    "b08dfa6083e7567a1921a715000001fb",
    "uninitialized",
    "0123456789ABCDEF",
    "0123456789",
    "1234567890",
    "123456789",
    "987654321",
    "1234",
    "ABCDEFGH",
    "00000000",
    "XXXXXXXXXXXX",
    "xxxx-xxxx",
    "SN1234567890",
    "MB-1234567890",
    "SYS-1234567890",
    "Asset-1234567890",
    "1122334455",
    "N/A",
    "System Serial Number",
    "Chassis Serial Number",
    "Base Board Serial Number",
    "Not Settable",
    "Not Present",
    "Not Specified",
    "To be filled by O.E.M.",
    "to-be-filled-by-OEM",
    "INVALID",
    "Unknown",
    "null",
    "(null)",
    "undefined",
]

# Of machines as they are sold, given away and made: all of this is their own.
OWN_ADDRESSES = [
    "3c:52:82:0a:1b:2c",
    "a4:bb:6d:3e:90:1f",
    "00:00:00:01:02:03",
    "00:01:02:5a:90:17",
    "00:05:9a:12:34:57",
    "00:09:0f:8a:31:02",
    "00:0c:29:99:78:1c",
    "00:15:5d:01:12:03",
    "00:50:56:ad:27:6f",
    "00:50:56:c1:00:01",
    "00:1c:42:5a:b0:7d",
    "08:00:27:8d:c0:4d",
    "02:42:5e:11:aa:01",
    "52:54:00:6b:3c:58",
    "00:25:90:00:00:05",
    "00:11:22:a3:b4:c5",
    "de:ad:b0:0c:17:29",
]
ORDERS = [  # of 12345678-1234-5678-90AB-CDDEEFAABBCC
    "78563412-3412-7856-90AB-CDDEEFAABBCC",
    "CCBBAAEF-DECD-AB90-7856-341278563412",
    "ccbbaaef-decd-ab90-5678-123412345678",
    "34127856-3412-7856-AB90-DECDAAEFCCBB",
]
OWN_IDS = [
    OWN_ID,
    "d41d8cd98f00b204e9800998ecf8427e",
    "00000000-0000-0000-0000-ac1f6b4e9a02",  # Supermicro: zeros and an address
    "03d40274-0435-05dc-8506-010700080009",  # American Megatrends: with an address in between
    "564d8a21-3f0e-cc11-90ab-9f44a5d0ffee",
    "5CG7231K4L",
    "PF2A9X7B",
    "VMW-1048213",
    "1048213",
    "20190417",
    "1231240",
    "m-1",
    "machine-0001",
]


# -- what counts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("shared", SHARED_ADDRESSES)
def test_r12_an_address_that_many_computers_have_counts_for_nothing(shared: str) -> None:
    assert credentials(mac_addresses=(OWN, shared)).mac_addresses == (OWN.replace(":", ""),)


@pytest.mark.parametrize("shared", SHARED_IDS)
def test_r12_an_id_that_many_computers_have_counts_for_nothing(shared: str) -> None:
    assert credentials(machine_id=shared).machine_id is None


@pytest.mark.parametrize("own", OWN_ADDRESSES)
def test_r12_an_address_of_ones_own_counts(own: str) -> None:
    assert credentials(mac_addresses=(own,)).mac_addresses == (own.replace(":", ""),)


@pytest.mark.parametrize("own", OWN_IDS)
def test_r12_an_id_of_ones_own_counts(own: str) -> None:
    assert credentials(machine_id=own).machine_id is not None


def test_r12_no_random_id_and_hardly_an_address_is_taken_for_made_up() -> None:
    chance = random.Random(1)  # noqa: S311 - of the test
    for _ in range(2_000):
        assert not components.is_shared_id(uuid.UUID(int=chance.getrandbits(128), version=4).hex)
        assert not components.is_shared_id("".join(chance.choices("0123456789ABCDEFGH", k=10)))
        assert not components.is_shared_address(f"3c5282{chance.getrandbits(24):06x}")


@pytest.mark.parametrize("told", ORDERS)
def test_r12_an_id_of_the_list_counts_for_nothing_in_any_byte_order(told: str) -> None:
    assert credentials(machine_id=told).machine_id is None


# -- default names ---------------------------------------------------------------------------------

RANDOM = "52:54:00:6b:3c:58"  # locally administered, and of one guest alone
DEFAULT_NAMES = [
    "localhost",
    "localhost.localdomain",
    "LOCALHOST",
    "ubuntu",
    "ubuntu-22-04",
    "debian12",
    "raspberrypi",
    "raspberrypi.local",
    "raspberrypi-2",
    "SERVER01",
    "server",
    "Server-2.corp.example",
    "ip-172-31-5-10.ec2.internal",
    "192.168.1.5",
    "fe80::1",
    "instance-1",
    "instance-20260412-081530",
    "kali",
    "vagrant",
    "(none)",
]


@pytest.mark.parametrize("name", DEFAULT_NAMES)
def test_r12_a_default_name_beside_a_locally_administered_address_makes_no_pair(name: str) -> None:
    both = machine(mac_addresses=(RANDOM, OWN), computer_name=name)
    assert len(both.pairs()) == 4  # id and name, id and each address, name and the maker's
    assert len(machine(mac_addresses=(RANDOM,), computer_name=name).pairs()) == 2
    one = machine("one", (RANDOM,), name)
    other = machine("other", (RANDOM,), name)
    assert one.pairs().isdisjoint(other.pairs())
    assert not one.is_same_as(other)


@pytest.mark.parametrize(
    "name", ["acme-pc-01", "WIN-5K2J8QH1PLM", "DESKTOP-0SH1SKQ", "ubuntu-acme"]
)
def test_r12_a_name_of_ones_own_makes_a_pair_with_any_address(name: str) -> None:
    one, other = (machine(id, (RANDOM,), name) for id in ("one", "other"))
    assert len(one.pairs()) == 3
    assert one.is_same_as(other)


def test_r12_a_default_name_makes_a_pair_with_a_makers_address_and_with_an_id() -> None:
    one, other = (machine(id, (OWN,), "localhost") for id in ("one", "other"))
    assert one.is_same_as(other)
    assert len(one.pairs() & other.pairs()) == 1
    with_id, renumbered = (machine(OWN_ID, (mac,), "localhost") for mac in (OWN, RANDOM))
    assert with_id.is_same_as(renumbered)


def test_r12_a_machine_of_nothing_but_a_default_name_and_such_addresses_is_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        Credentials.of(machine_id="N/A", mac_addresses=[RANDOM], computer_name="localhost")
    assert refused.value.pointer == "/machine"
    assert refused.value.message == (
        "This computer has a name that many computers have, and only network addresses "
        "that software has given. Give the computer a name of its own, or send its machine id."
    )


# -- names without their domain --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "compared"),
    [
        ("acme-pc-01.corp.local", "acme-pc-01"),
        ("ACME-PC-01.CORP.LOCAL.", "acme-pc-01"),
        ("acme-pc-01", "acme-pc-01"),
        ("acme-pc-01\N{FULLWIDTH FULL STOP}corp", "acme-pc-01"),
        ("acme-pc-01 . corp", "acme-pc-01"),
        ("192.168.1.5", "192.168.1.5"),
        ("192.168.1.5.", "192.168.1.5"),
        ("fe80::1", "fe80::1"),
        ("10.corp.example", "10"),
        (".corp.local", None),
        (" .corp.local", None),
    ],
)
def test_r12_a_name_is_compared_without_its_domain(sent: str, compared: str | None) -> None:
    assert credentials(computer_name=sent).computer_name == compared
    assert credentials(computer_name=sent).display_name == sent.strip()


# -- the eight that count --------------------------------------------------------------------------


def test_r10_makers_addresses_come_first_then_hypervisors_then_all_others() -> None:
    makers = [f"f4:52:82:9a:1b:{number:02x}" for number in range(3)]
    hypervisors = [f"00:15:5d:9a:{number:02x}:07" for number in range(4)]
    others = [f"02:17:ac:9a:{number:02x}:31" for number in range(20)]
    chosen = credentials(mac_addresses=(*others, *hypervisors, *makers)).mac_addresses
    plain = [mac.replace(":", "") for mac in (*makers, *hypervisors, *others[:1])]
    assert set(chosen) == set(plain)


def test_r10_shared_addresses_take_no_place_among_the_eight() -> None:
    shared = [f"00:50:56:c0:00:{number:02x}" for number in range(60)]
    own = [f"00:50:57:9a:1b:{number:02x}" for number in range(8)]
    chosen = credentials(mac_addresses=(*shared, *own)).mac_addresses
    assert chosen == tuple(mac.replace(":", "") for mac in own)


# -- where the list has grown since ----------------------------------------------------------------

NEW = "00:0e:c6:7a:91:4c"  # some adapter that turns out to be in many computers


def grown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A later release's list."""
    known = components.KNOWN
    every = (1 << 48) - 1
    new = frozenset({int(NEW.replace(":", ""), 16)})
    later = components.KnownShared(
        {**known.addresses, every: known.addresses[every] | new},
        known.given_by_software,
        known.ids | {components.key_of_id(components.machine_id(OWN_ID))},
        known.names | {"acme-image"},
    )
    monkeypatch.setattr(components, "KNOWN", later)


def test_r12_a_machine_keeps_to_its_own_when_something_it_has_is_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = machine(mac_addresses=(NEW, OWN))
    grown(monkeypatch)
    seen = machine(mac_addresses=(NEW, OWN))
    assert seen.is_same_as(kept)
    assert kept.is_same_as(seen)
    followed = kept.followed(seen)
    assert followed == machine(mac_addresses=(OWN,))
    assert followed.machine_id is None  # it is listed now, too
    assert followed.pairs() < kept.pairs()
    assert followed.followed(seen) is followed


def test_r12_nobody_is_kept_out_any_more_by_a_pair_of_something_listed_since(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = machine("one", (NEW,), "server01")
    claim = machine_claims.Claim({"acme": {"production": "lic_0123456789abcdef"}}, exclusive=True)
    claims = dict.fromkeys(kept.pairs(), claim)
    other = machine("other", (NEW, OWN), "server01")
    assert not other.pairs().isdisjoint(claims)
    grown(monkeypatch)
    other = machine("other", (NEW, OWN), "server01")
    assert other.pairs().isdisjoint(claims)
    assert not other.is_same_as(kept)


def test_r12_a_name_that_is_listed_since_lets_go_of_what_it_made_no_pair_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = machine("one", (RANDOM, OWN), "acme-image")
    grown(monkeypatch)
    seen = machine("one", (RANDOM, OWN), "acme-image")
    assert seen.is_same_as(kept)
    followed = kept.followed(seen)
    assert followed.pairs() == seen.pairs() < kept.pairs()
    assert kept.differences(followed) == ("computer_name",)
    assert followed.identity() == kept.identity()


def from_before(machine: Machine) -> Machine:
    """As it was kept before it was kept what of it is locally administered, or a default."""
    return Machine(*(getattr(machine, name) for name in COMPONENTS))


def test_r12_a_kept_machine_is_no_other_while_nothing_of_it_is_listed() -> None:
    kept = from_before(machine(mac_addresses=(RANDOM,)))
    assert kept.followed(machine(mac_addresses=(RANDOM,))) is kept


def test_r11_a_machine_with_a_default_name_has_not_drifted_while_no_pair_hangs_on_that() -> None:
    seen = machine(mac_addresses=(OWN,), computer_name="server01")
    kept = from_before(seen)
    assert kept != seen
    assert kept.followed(seen) is kept


def test_r11_whatever_lets_go_of_a_pair_is_told_as_a_difference() -> None:
    docked = machine("before", (RANDOM, OWN), "server01")
    moved = from_before(docked).followed(machine("after", (OWN,), "server01"))
    followed = moved.followed(machine("after", (RANDOM, OWN), "server01"))
    assert followed.pairs() < moved.pairs()
    assert moved.differences(followed) == ("mac_addresses",)


COMPONENTS = ("machine_id", "mac_addresses", "computer_name")


def test_r11_a_name_that_becomes_a_default_one_makes_no_pair_with_an_undocked_address() -> None:
    kept = machine(mac_addresses=(RANDOM, OWN), computer_name="acme-pc-01")
    renamed = kept.followed(machine(mac_addresses=(OWN,), computer_name="localhost"))
    assert len(renamed.mac_addresses) == 2
    assert (
        renamed.pairs() == machine(mac_addresses=(RANDOM, OWN), computer_name="localhost").pairs()
    )


def test_r12_what_was_set_aside_is_hashed_like_everything_else() -> None:
    seen = Machine.of(credentials(mac_addresses=(OWN, "00:05:9a:3c:7a:00")), HASHING_KEY)
    assert b"00059a3c7a00" not in b"".join(seen.set_aside)
    assert {len(digest) for digest in seen.set_aside} == {16}
