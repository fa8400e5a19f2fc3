"""A sign-in is kept as a whole, for one account and one service."""

from pathlib import Path

import pytest

from licensing_cli.token_store import Kept, Store

URL = "https://licensing.example"
KEPT = Kept(
    url=URL,
    id_token="header.claims.signature",
    refresh_token="refresh",
    expires_at=1_900_000_000,
    token_endpoint="https://login.example/token",
    revocation_endpoint="https://login.example/revoke",
    client_id="command-line",
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state")


def test_what_was_kept_is_there_again_and_of_no_other_service(store: Store) -> None:
    store.write(KEPT)
    assert store.read(URL) == KEPT
    assert store.read("https://another.example") is None


def test_only_this_account_can_read_it(store: Store) -> None:
    store.write(KEPT)
    store.write(KEPT)
    assert store.path(URL).stat().st_mode & 0o777 == 0o600
    assert store.folder.stat().st_mode & 0o777 == 0o700
    assert list(store.folder.iterdir()) == [store.path(URL)]


def test_a_file_that_is_torn_or_of_another_service_is_none(store: Store) -> None:
    store.write(KEPT)
    whole = store.path(URL).read_bytes()
    for torn in (whole[:-1], b"", b"[]", b"{}", whole.replace(b"1900000000", b'"soon"')):
        store.path(URL).write_bytes(torn)
        assert store.read(URL) is None
    other = "https://another.example"
    store.path(other).write_bytes(whole)
    assert store.read(other) is None


def test_it_is_forgotten_once(store: Store) -> None:
    store.write(KEPT)
    assert store.forget(URL) is True
    assert store.forget(URL) is False
    assert store.read(URL) is None


def test_no_token_is_shown_where_it_is_printed() -> None:
    assert "signature" not in repr(KEPT)
    assert "refresh'" not in repr(KEPT)
