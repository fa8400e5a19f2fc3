"""What cannot be opened is told, put aside and taken back, and the agent starts all the same."""

import os
import stat
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from licensing_agent import Configuration, core
from licensing_agent.machine import identity
from licensing_agent.storage import device_key, encrypted_file, installation, kept_aside, store
from licensing_agent.storage.encrypted_file import Trouble
from licensing_agent.storage.state import NOTHING
from licensing_agent.storage.store import Store
from tests.agent.chained import ChainedService
from tests.agent.driven import TOKEN, Driven
from tests.agent.samples import JWKS
from tests.agent.unit.test_machine import adapter, tree
from tests.agent.unit.test_store import KEPT, OLD, SECRET, Ring, a_store
from tests.local.events import Request, Response
from tests.unit.domain.test_lease import ISSUER
from tests.unit.samples import NOW

HERE, ELSEWHERE = "4c4c4544004235108052b4c04f4e5931", "9b1d" * 8
NAMES = (store.NAME, device_key.NAME, installation.NAME)


class Site:
    """A computer whose image, keyring and files come and go below its agent."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.folder = place / "state"
        self.service = ChainedService()
        self.terms: dict[str, Any] = {"use_keyring": False}
        self.agent: Driven | None = None
        self.count = 0

    def start(self, machine_id: str | None = HERE, *, signed_in: bool = True) -> Driven:
        """The agent starts, on a machine with this id."""
        self.stop()
        self.count += 1
        self.agent = Driven(self.service)
        self.agent.signed_in = TOKEN if signed_in else None
        files = {"etc/machine-id": f"{machine_id}\n"} if machine_id else {}
        card = adapter("eth0", "3c:52:82:0a:1b:2c", {"addr_assign_type": "0\n"})
        self.agent.root = tree(self.place / f"{self.count}", {**files, **card})
        return self.agent.start(
            Configuration(url="http://localhost", issuer=ISSUER, folder=self.folder, **self.terms)
        )

    def stop(self) -> None:
        """The agent ends."""
        if self.agent is not None:
            self.agent.engine.close()
        self.agent = None

    def contents(self) -> set[bytes]:
        """All that stands in the folder."""
        return {path.read_bytes() for path in self.folder.iterdir() if path.is_file()}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.stop()


def licensed(site: Site, machine_id: str | None = HERE) -> tuple[bytes, bytes]:
    """A person has logged in; what the agent keeps of it when it is off."""
    assert site.start(machine_id).check().license_state == "valid"
    site.stop()
    return kept(site)


def kept(site: Site) -> tuple[bytes, bytes]:
    return tuple(  # type: ignore[return-value]
        (site.folder / name).read_bytes() for name in (store.NAME, device_key.NAME)
    )


def logins(site: Site) -> int:
    return sum(request.path == "/v1/licenses" for request in site.service.requests)


# -- a machine that was made anew ------------------------------------------------------------------


def test_nothing_is_overwritten_where_the_machine_id_is_another(site: Site) -> None:
    before = licensed(site)
    status = site.start(ELSEWHERE).check()
    assert status.license_state == "valid"
    site.stop()
    assert set(before) <= site.contents()
    assert set(before).isdisjoint(kept(site))


def test_before_a_person_logs_in_it_is_told_what_is_lost_why_and_what_helps(site: Site) -> None:
    before = licensed(site)
    status = site.start(ELSEWHERE, signed_in=False).check()
    assert status.license_state == "signed_out"
    told = str(status.storage)
    assert "The stored license state cannot be opened: " in told
    assert "The device key is lost: " in told
    assert told.count(Trouble.OTHER_MACHINE) == 2
    assert "Any member's login gets the agent going" in told
    assert "An administrator's login replaces it at once." in told
    site.stop()
    assert kept(site) == before


def test_after_the_login_it_is_told_where_the_old_files_are_until_the_process_ends(
    site: Site,
) -> None:
    licensed(site)
    told = str(site.start(ELSEWHERE).check().storage)
    for name in (store.NAME, device_key.NAME):
        assert f"kept as {site.folder / name}.unreadable.1." in told
    assert "login suffices" not in told
    assert site.start(ELSEWHERE).check().storage is None


def test_a_machine_id_that_comes_back_brings_the_license_back_without_a_person(site: Site) -> None:
    before = licensed(site)
    site.start(ELSEWHERE, signed_in=False).check()
    site.start(HERE, signed_in=False)
    assert site.agent is not None
    assert site.agent.engine.status().usable
    assert site.agent.engine.status().storage is None
    assert before[1] == kept(site)[1]


def test_it_does_so_after_another_login_under_the_other_id_too_and_back_again(site: Site) -> None:
    licensed(site)
    site.start(ELSEWHERE).check()
    asked = logins(site)
    for machine_id in (HERE, ELSEWHERE, HERE):
        status = site.start(machine_id, signed_in=False).check(at_once=True)
        assert status.usable, machine_id
    assert logins(site) == asked
    for name in (store.NAME, device_key.NAME):
        assert len(kept_aside.of(site.folder / name)) <= 2


def test_a_start_without_a_login_still_knows_that_there_was_a_license(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    licensed(site)
    agent = site.start(ELSEWHERE)
    monkeypatch.setattr(site.service, "answer", away)
    agent.check()
    told = str(site.start(ELSEWHERE, signed_in=False).engine.status().storage)
    assert "An earlier license state could not be opened: it is kept as" in told
    assert "A person has to log in" in told


def away(request: Request) -> Response:
    if request.path.endswith("jwks.json"):
        return Response.of_json(200, JWKS)
    return Response(502, [], b"")


# -- how many are kept -----------------------------------------------------------------------------


def test_the_first_and_the_newest_are_kept_however_often_it_happens(tmp_path: Path) -> None:
    secrets = [f"machine {number}".encode() for number in range(9)]
    for secret in secrets:
        assert a_store(tmp_path, secret).write(KEPT) is None
    numbers = [int(path.suffix[1:]) for path in kept_aside.of(tmp_path / store.NAME)]
    assert numbers == [8, 7, 6, 1]
    for secret, is_there in zip(secrets, [1, 0, 0, 0, 0, 1, 1, 1, 1], strict=True):
        assert (a_store(tmp_path, secret).read().kept == KEPT) == bool(is_there)


def test_what_is_put_aside_keeps_mode_and_time_and_only_its_account_can_read_it(
    tmp_path: Path,
) -> None:
    a_store(tmp_path, b"another").write(OLD)
    os.utime(tmp_path / store.NAME, (NOW, NOW))
    a_store(tmp_path).write(KEPT)
    (aside,) = kept_aside.of(tmp_path / store.NAME)
    assert stat.S_IMODE(aside.stat().st_mode) == 0o600
    assert a_store(tmp_path, b"another").read().touched == NOW


def test_what_was_taken_back_is_gone_once_something_newer_is_kept(tmp_path: Path) -> None:
    a_store(tmp_path).write(OLD)
    a_store(tmp_path, b"another").write(KEPT)
    again = a_store(tmp_path)
    assert again.read().kept == OLD
    assert again.write(KEPT) is None
    (aside,) = kept_aside.of(tmp_path / store.NAME)
    assert a_store(tmp_path, b"another").read().kept == KEPT
    assert aside.name == f"{store.NAME}.unreadable.2"


def test_files_that_only_look_alike_are_left_alone(tmp_path: Path) -> None:
    foreign = [tmp_path / f"{store.NAME}.unreadable.{end}" for end in ("old", "1a", "")]
    for path in foreign:
        path.write_bytes(b"mine")
    a_store(tmp_path, b"another").write(OLD)
    a_store(tmp_path).write(KEPT)
    assert [path.read_bytes() for path in foreign] == [b"mine"] * 3
    assert len(kept_aside.of(tmp_path / store.NAME)) == 1


def test_what_a_newer_version_has_kept_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as newer:
        newer.setattr("licensing_agent.storage.state._VERSION", 3)
        a_store(tmp_path).write(KEPT)
        before = (tmp_path / store.NAME).read_bytes()
    a_store(tmp_path).write(OLD)
    (aside,) = kept_aside.of(tmp_path / store.NAME)
    assert aside.read_bytes() == before


def test_a_disk_that_is_full_moves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_store(tmp_path, b"another").write(OLD)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert a_store(tmp_path).write(KEPT) is Trouble.NO_FILE
    assert [path.name for path in tmp_path.iterdir()] == [store.NAME]
    assert a_store(tmp_path, b"another").read().kept == OLD


# -- why -------------------------------------------------------------------------------------------


def written(folder: Path, *, ring: Ring | None = None) -> bytearray:
    a_store(folder, ring=ring).write(KEPT)
    return bytearray((folder / store.NAME).read_bytes())


def test_damage_is_told_from_another_machine(tmp_path: Path) -> None:
    whole = written(tmp_path)
    altered = whole[:-1] + bytes([whole[-1] ^ 1])
    for data in (b"", b"torn", whole[:40], whole[:-1], altered, b"LA9x" + whole[4:]):
        (tmp_path / store.NAME).write_bytes(data)
        assert a_store(tmp_path).read().trouble is Trouble.DAMAGED
    (tmp_path / store.NAME).write_bytes(whole)
    assert a_store(tmp_path, b"another").read().trouble is Trouble.OTHER_MACHINE


def test_a_file_of_an_earlier_build_is_read_whatever_its_salt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        salt = bytes(range(16))
        earlier.setattr(encrypted_file.EncryptedFile, "_salt", lambda *_: salt)
        a_store(tmp_path).write(KEPT)
    assert a_store(tmp_path).read().kept == KEPT


def test_a_cleared_keyring_is_told_from_a_locked_one_and_from_another_entry(
    tmp_path: Path,
) -> None:
    ring, other = Ring(), Ring()
    before = bytes(written(tmp_path, ring=ring))
    assert a_store(tmp_path, ring=Ring(works=False)).read().trouble is Trouble.LOCKED
    assert a_store(tmp_path, ring=other).read().trouble is Trouble.CLEARED
    Store(tmp_path / "x", SECRET, other).write(OLD)
    (entry,) = other.kept.values()
    other.kept["licensing_agent", str(tmp_path / store.NAME)] = entry
    assert a_store(tmp_path, ring=other).read().trouble is Trouble.OTHER_ENTRY
    assert a_store(tmp_path, ring=other).write(OLD) is None
    assert kept_aside.of(tmp_path / store.NAME)[0].read_bytes() == before
    # A keyring that is put back brings it back.
    assert a_store(tmp_path, ring=ring).read().kept == KEPT


def test_nothing_older_is_taken_back_while_what_is_newer_is_only_locked(tmp_path: Path) -> None:
    ring = Ring()
    a_store(tmp_path, b"another").write(OLD)
    a_store(tmp_path, ring=ring).write(KEPT)
    reading = a_store(tmp_path, b"another", Ring(works=False)).read()
    assert (reading.kept, reading.trouble) == (NOTHING, Trouble.LOCKED)


@pytest.mark.parametrize("how", ["locked", "cleared"])
def test_a_keyring_that_is_unlocked_or_put_back_brings_all_back_without_a_person(
    site: Site, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    ring = Ring()
    monkeypatch.setattr(core, "platform_keyring", lambda: ring)
    site.terms["use_keyring"] = True
    before = licensed(site)
    entries = dict(ring.kept)
    ring.works = how != "locked"
    if how == "cleared":
        ring.kept.clear()
    status = site.start(signed_in=False).check()
    assert status.license_state == "signed_out"
    assert "keyring" in str(status.storage)
    assert kept(site) == before
    ring.works = True
    ring.kept.update(entries)
    site.service.now += 60
    assert site.agent is not None
    status = site.agent.check(at_once=True)
    assert (status.license_state, status.storage) == ("valid", None)


@pytest.mark.parametrize("how", ["locked", "cleared"])
def test_a_person_who_logs_in_meanwhile_has_the_newer_license_and_nothing_is_gone(
    site: Site, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    ring = Ring()
    monkeypatch.setattr(core, "platform_keyring", lambda: ring)
    site.terms["use_keyring"] = True
    before = licensed(site)
    ring.works = how != "locked"
    if how == "cleared":
        ring.kept.clear()
    assert site.start().check().license_state == "valid"
    site.stop()
    assert set(before) <= site.contents()
    newer = kept(site)
    ring.works = True
    assert site.start(signed_in=False).check(at_once=True).license_state == "valid"
    assert kept(site)[1] == newer[1]


# -- folders of which a part is lost ---------------------------------------------------------------

DEEDS = ("there", "missing", "damaged", "another machine's", "a folder")


def done(site: Site, name: str, deed: str, other: bytes) -> bytes | None:
    """Do it to a file; what may not be overwritten then."""
    path = site.folder / name
    content = path.read_bytes()
    if deed != "there":
        path.unlink()
    if deed == "a folder":
        path.mkdir()
    if deed == "damaged":
        path.write_bytes(b"\xff" + content[1:-1])
        os.utime(path, (NOW - 9000, NOW - 9000))
    if deed == "another machine's":
        path.write_bytes(other)
    return path.read_bytes() if path.is_file() and deed != "there" else None


@pytest.mark.parametrize("deeds", [*product(DEEDS, repeat=3)], ids="-".join)
def test_whatever_part_is_lost_the_agent_starts_says_so_and_overwrites_nothing(
    licensed_folder: tuple[Path, dict[str, bytes]], tmp_path: Path, deeds: tuple[str, str, str]
) -> None:
    site = Site(tmp_path)
    source, others = licensed_folder
    site.folder.mkdir()
    for name in NAMES:
        (site.folder / name).write_bytes((source / name).read_bytes())
    dealt = zip(NAMES, deeds, strict=True)
    must_stay = {done(site, name, deed, others[name]) for name, deed in dealt} - {None}
    agent = site.start(None, signed_in=False)
    status = agent.check(at_once=True)
    state, key, own_id = deeds
    if own_id in {"there", "another machine's"} and state == own_id:
        must_stay.discard(others[store.NAME])  # it goes on where it can be opened
        assert status.usable
        assert (status.storage is None) == (key == own_id)
    else:
        assert status.license_state == "signed_out"
        if state != "missing":
            assert "The stored license state cannot be opened" in str(status.storage)
    agent.signed_in = TOKEN
    site.service.now += 60
    assert agent.check(at_once=True).usable
    site.stop()
    assert must_stay <= site.contents()


@pytest.fixture(scope="module")
def licensed_folder(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, dict[str, bytes]]:
    """A folder with an installation id that has all, and the files of another one."""
    first, other = (Site(tmp_path_factory.mktemp(name)) for name in ("first", "other"))
    for one in (first, other):
        licensed(one, None)
    return first.folder, {name: (other.folder / name).read_bytes() for name in NAMES}


def test_an_installation_id_that_is_only_just_written_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / installation.NAME
    path.write_text("4c4c45")
    with pytest.raises(ValueError, match="UUID"):
        installation.installation_id(tmp_path)
    assert path.read_text() == "4c4c45"


def test_one_that_a_crash_has_left_torn_gives_way_and_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / installation.NAME
    path.write_text("4c4c45")
    os.utime(path, (NOW - 9000, NOW - 9000))
    made = installation.installation_id(tmp_path)
    assert installation.installation_id(tmp_path) == made
    assert [one.read_text() for one in kept_aside.of(path)] == ["4c4c45"]


def test_a_machine_is_read_with_its_installation_id_damaged(tmp_path: Path) -> None:
    (tmp_path / installation.NAME).mkdir()
    this = identity.read(folder=tmp_path)
    assert this.computer_name


def test_under_no_secret_of_the_machine_nothing_is_written_or_taken_for_lost(
    tmp_path: Path,
) -> None:
    a_store(tmp_path).write(KEPT)
    before = (tmp_path / store.NAME).read_bytes()
    kept_in = a_store(tmp_path, b"")
    assert kept_in.read().trouble is Trouble.NO_ID
    assert kept_in.write(OLD) is Trouble.NO_ID
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [before]


# -- what only the system can do to a folder -------------------------------------------------------


def refusing(monkeypatch: pytest.MonkeyPatch, *calls: str) -> None:
    """The account may not do this: another one's file or folder (tests may run as root)."""

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    for call in calls:
        where = Path if call == "read_bytes" else os
        monkeypatch.setattr(where, call, refused)


def test_a_file_of_another_account_is_put_aside_by_a_login_and_never_overwritten(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = licensed(site)
    with monkeypatch.context() as foreign:
        refusing(foreign, "read_bytes")
        agent = site.start(signed_in=False)
        assert agent.check().license_state == "signed_out"
        assert str(Trouble.NO_FILE) in str(agent.engine.status().storage)
        agent.signed_in = TOKEN
        site.service.now += 60
        assert agent.check(at_once=True).usable
        site.stop()
    assert set(before) <= site.contents()


def test_a_folder_that_is_read_only_is_told_and_loses_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = licensed(site)
    for machine_id, usable in ((HERE, True), (ELSEWHERE, False)):
        with monkeypatch.context() as read_only:
            refusing(read_only, "open", "replace", "link", "unlink")
            agent = site.start(machine_id, signed_in=False)
            site.service.now += 60
            status = agent.check(at_once=True)
            assert (status.usable, status.storage is None) == (usable, False)
            site.stop()
        assert kept(site) == before
