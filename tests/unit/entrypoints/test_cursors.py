"""A cursor is taken as it was handed out, by whom it was handed to, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensing.domain.caller import Caller, Role
from licensing.domain.errors import InvalidInput, Misconfigured
from licensing.entrypoints.http.cursors import Cursors, scope_of
from licensing.usecases.pagination import write_cursor

KEY = "a key for cursors, of 32 characters"
CURSORS = Cursors(KEY)
CURSOR = write_cursor("LICENSES#acme", "active#1900000000#lic_0123456789abcdef")
SEALED = CURSORS.sealed(CURSOR, "acme")


def refused(sealed: str, scope: str = "acme", cursors: Cursors = CURSORS) -> None:
    with pytest.raises(InvalidInput, match="does not belong to this list") as error:
        cursors.opened(sealed, scope)
    assert error.value.pointer == "/query/cursor"


@given(cursor=st.text(), scope=st.text("abc-*", max_size=5))
def test_what_was_sealed_is_opened(cursor: str, scope: str) -> None:
    assert CURSORS.opened(CURSORS.sealed(cursor, scope), scope) == cursor


@pytest.mark.parametrize("position", range(len(SEALED)))
def test_any_character_changed_is_refused(position: int) -> None:
    for other in "AQgw_.é\ud800":
        if other != SEALED[position]:
            refused(SEALED[:position] + other + SEALED[position + 1 :])
    refused(SEALED[:position])
    refused(SEALED[:position] + SEALED[position + 1 :])
    refused(SEALED[:position] + "A" + SEALED[position:])


def test_any_bit_of_the_seal_flipped_is_refused_so_that_each_cursor_has_one_form() -> None:
    cursor, _, mac = SEALED.rpartition(".")
    assert len(mac) == 22, "128 bits"
    for position, character in enumerate(mac):
        for bit in range(7):
            other = chr(ord(character) ^ 1 << bit)
            refused(f"{cursor}.{mac[:position]}{other}{mac[position + 1 :]}")


@given(made_up=st.text() | st.from_regex(r"[\w-]{0,80}\.[\w-]{22}", fullmatch=True))
def test_nobody_makes_one(made_up: str) -> None:
    refused(made_up)


@pytest.mark.parametrize("sealed", [CURSOR, f"{CURSOR}.", f".{CURSOR}", "", "."])
def test_one_without_a_seal_is_refused(sealed: str) -> None:
    refused(sealed)


def test_one_of_another_key_or_scope_is_refused() -> None:
    refused(SEALED, cursors=Cursors(KEY.upper()))
    for scope in ("bolt", "*", "", "acme\n"):
        refused(SEALED, scope)


@pytest.mark.parametrize("key", ["", "x" * 31])
def test_without_a_good_key_nothing_is_sealed_or_opened(key: str) -> None:
    with pytest.raises(Misconfigured, match="CURSOR_KEY"):
        Cursors(key)


def test_a_key_is_not_shown() -> None:
    assert KEY not in repr(CURSORS)


def test_super_admins_share_their_cursors_and_so_do_the_people_of_an_organization() -> None:
    admins = frozenset({Role.ORG_ADMIN})
    assert (
        scope_of(Caller("ada", "acme", admins)) == "acme" == scope_of(Caller("a", "acme", admins))
    )
    super_admin = Caller("olivia", "vendor", frozenset({Role.SUPER_ADMIN}))
    assert scope_of(super_admin) == "*"
    assert scope_of(Caller("nobody", None, frozenset())) == ""
