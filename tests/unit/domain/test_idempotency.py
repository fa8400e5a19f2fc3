"""R25: requests that count once, by their idempotency keys."""

import pytest

from licensing.domain.idempotency import KEY_SECONDS, KeyedRequest, request_id

NOW = 1_900_000_000
REQUEST = KeyedRequest.of("request", "1h", license_id="lic_0123456789abcdef", now=NOW)


@pytest.mark.parametrize(
    ("organization_id", "subject", "key", "id"),
    [
        # The first 16 bytes of `printf '["acme", "olivia", "order-17"]' | sha256sum`.
        ("acme", "olivia", "order-17", "3aa2835873598496fc4241f79528e624"),
        ("bolt", "ü", 'a", "b', "49d07e2551a911d5c31c989d8a4d2141"),
    ],
)
def test_r25_a_key_stands_for_one_request_of_one_person_about_one_organization(
    organization_id: str, subject: str, key: str, id: str
) -> None:
    assert request_id(organization_id, subject, key) == id


def test_r25_other_keys_people_and_organizations_stand_for_other_requests() -> None:
    requests = [
        ("acme", "olivia", "1"),
        ("acme", "olivia", "2"),
        ("acme", "olga", "1"),
        ("bolt", "olivia", "1"),
        ("acme", 'olivia", "1', ""),
        ("acme", "olivia\0", "1"),
    ]
    assert len({request_id(*request) for request in requests}) == len(requests)


@pytest.mark.parametrize(("after", "ended"), [(0, False), (86_399, False), (86_400, True)])
def test_r25_a_key_is_free_again_after_24_hours_to_the_second(after: int, *, ended: bool) -> None:
    assert KEY_SECONDS == 24 * 60 * 60
    assert REQUEST.has_ended(NOW + after) is ended


def test_r25_a_request_is_the_same_if_it_asks_for_the_same() -> None:
    assert REQUEST.asks_for("1h")
    assert not REQUEST.asks_for("3h")
