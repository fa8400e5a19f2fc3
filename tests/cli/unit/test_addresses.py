"""A token goes by https, or stays on this machine."""

import pytest

from licensing_cli.addresses import checked, service
from licensing_cli.errors import WrongUse


@pytest.mark.parametrize(
    "url",
    [
        "https://abc.execute-api.eu-central-1.amazonaws.com",
        "http://127.0.0.1:8080",
        "http://localhost:8080",
        "http://[::1]:8080",
    ],
)
def test_these_are_taken_with_or_without_a_slash(url: str) -> None:
    assert checked(url) == checked(f"{url}/") == url


@pytest.mark.parametrize(
    "url",
    [
        "http://licensing.example",
        "http://127.0.0.1.example",
        "http://localhost@evil.example",
        "https://user:secret@licensing.example",
        "ftp://licensing.example",
        "licensing.example",
        "https://",
        "https://[",
        "https://licensing.example:44x",
        "file:///etc/passwd",
    ],
)
def test_these_are_not(url: str) -> None:
    with pytest.raises(WrongUse):
        checked(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:secret@licensing.example",
        "user:secret@licensing.example",
        "https:/user:secret@licensing.example",
        "https://[user:secret@licensing.example",
    ],
)
def test_a_password_in_an_address_is_not_repeated(url: str) -> None:
    with pytest.raises(WrongUse) as refused:
        checked(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("rest", ["?stage=prod", "#stage", "/?"])
def test_paths_are_added_to_a_service_and_so_nothing_may_follow_its_own(rest: str) -> None:
    assert service("https://licensing.example/prod/") == "https://licensing.example/prod"
    with pytest.raises(WrongUse, match="must not contain"):
        service(f"https://licensing.example{rest}")
