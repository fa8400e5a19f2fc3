"""Which proxy leads to the service, for all that settings of a machine can say."""

import os
from pathlib import Path

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from licensing_agent import Configuration, proxies
from licensing_agent.proxies import Proxy, Unreadable

SERVICE = "https://licensing.example"
PROXY = "http://proxy:3128"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings but those of the test."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def led(monkeypatch: pytest.MonkeyPatch, told: dict[str, str], url: str = SERVICE) -> Proxy | None:
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    return proxies.proxy(url)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"HTTPS_PROXY": PROXY}, Proxy(PROXY, "HTTPS_PROXY")),
        ({"https_proxy": PROXY}, Proxy(PROXY, "https_proxy")),
        ({"ALL_PROXY": PROXY}, Proxy(PROXY, "ALL_PROXY")),
        ({"HTTPS_PROXY": "proxy:3128"}, Proxy(PROXY, "HTTPS_PROXY")),
        ({"HTTPS_PROXY": f" {PROXY}/\n"}, Proxy(f"{PROXY}/", "HTTPS_PROXY")),
        ({"HTTPS_PROXY": "https://proxy"}, Proxy("https://proxy", "HTTPS_PROXY")),
        ({"HTTPS_PROXY": "http://[::1]:3128"}, Proxy("http://[::1]:3128", "HTTPS_PROXY")),
        (
            {"HTTPS_PROXY": "http://m%40x:p%23w@proxy:3128"},
            Proxy("http://m%40x:p%23w@proxy:3128", "HTTPS_PROXY"),
        ),
        # What the more special one says counts, and the small spelling before the large one.
        ({"HTTPS_PROXY": PROXY, "ALL_PROXY": "socks://x:1"}, Proxy(PROXY, "HTTPS_PROXY")),
        ({"https_proxy": PROXY, "HTTPS_PROXY": "garbage://x"}, Proxy(PROXY, "https_proxy")),
        ({"HTTPS_PROXY": "garbage://x", "https_proxy": ""}, None),
        ({"HTTPS_PROXY": "", "ALL_PROXY": PROXY}, Proxy(PROXY, "ALL_PROXY")),
        # What is for other addresses does not concern the service.
        ({"FTP_PROXY": "::::"}, None),
        ({"HTTP_PROXY": "socks://127.0.0.1:x"}, None),
        ({"NO_PROXY": "[::1]"}, None),
        ({"HTTPS_PROXY": PROXY, "HTTP_PROXY": "http://[::1", "FTP_PROXY": "?"}, PROXY),
    ],
    ids=str,
)
def test_of_all_settings_the_one_that_concerns_the_service_counts(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, str], expected: Proxy | str | None
) -> None:
    expected = Proxy(expected, "HTTPS_PROXY") if isinstance(expected, str) else expected
    assert led(monkeypatch, told) == expected


@pytest.mark.parametrize(
    "value",
    [
        "socks://SECRET:1080",
        "socks4://SECRET:1080",
        "file:///SECRET",
        "http://",
        "http://:3128",
        "http://SECRET:port",
        "http://SECRET:99999",
        "http://SECRET/proxy.pac",
        "http:/SECRET:3128",
        "http//SECRET:3128",
        "http://[::1",
        "::1:3128",
        "the proxy is SECRET",
        "SECRET;other",
        "http=SECRET:80;https=SECRET:80",
        "http://me:SECRET#1@proxy:3128",
        '"http://SECRET:3128"',
        "http://SE\nCRET",
    ],
)
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "all_proxy"])
def test_r35_a_proxy_that_cannot_be_read_is_named_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(Unreadable) as raised:
        led(monkeypatch, {name: value})
    assert str(raised.value).startswith(f"{name} cannot be read: it must look like http://proxy")
    assert "SECRET" not in str(raised.value)


def test_a_proxy_that_needs_another_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxies, "find_spec", lambda _: None)
    with pytest.raises(Unreadable, match=r"^ALL_PROXY cannot be used: .* httpx\[socks\]"):
        led(monkeypatch, {"ALL_PROXY": "socks5://proxy:1080"})
    monkeypatch.setattr(proxies, "find_spec", lambda _: "there")
    assert led(monkeypatch, {}) == Proxy("socks5://proxy:1080", "ALL_PROXY")


@pytest.mark.parametrize(
    ("exceptions", "url", "is_direct"),
    [
        ("licensing.example", SERVICE, True),
        ("LICENSING.Example", SERVICE, True),
        ("example", SERVICE, True),
        (".example", SERVICE, True),
        ("*.example", SERVICE, True),
        ("lic*.example", SERVICE, True),
        ("*", SERVICE, True),
        ("https://licensing.example/", SERVICE, True),
        ("licensing.example:443", SERVICE, True),
        ("licensing.example:8443", SERVICE, False),
        ("licensing.example:8443", f"{SERVICE}:8443", True),
        ("ensing.example", SERVICE, False),
        ("www.licensing.example", SERVICE, False),
        ("other.example licensing.example", SERVICE, True),
        ("[::1], 10.0.0.0/8; licensing.example", SERVICE, True),
        # What cannot be read names nothing, and what stands beside it counts.
        ("[::1", SERVICE, False),
        ("[", SERVICE, False),
        (",;:,://,/,.,[],*.", SERVICE, False),
        ("10.0.0.0/99,licensing.example", SERVICE, True),
        ("10.0.0.0/99", "https://10.1.2.3", False),
        ("10.0.0.0/8", "https://10.1.2.3", True),
        ("10.0.0.0/8", "https://11.1.2.3", False),
        ("10.1.2.3", "https://10.1.2.3", True),
        ("10.1.2.3:443", "https://10.1.2.3", True),
        ("10.1.*", "https://10.1.2.3", True),
        ("[fd00::7]", "https://[fd00::7]", True),
        ("fd00::/8", "https://[fd00::7]", True),
        ("[fd00::]/8", "https://[fd00::7]", True),
        ("[fd00::7]:443", "https://[fd00::7]", True),
        ("[fd00::7]:8443", "https://[fd00::7]", False),
        ("xn--bcher-kva.example", "https://b\u00fccher.example", True),
    ],
)
def test_an_exception_names_hosts_in_every_form_in_use(
    monkeypatch: pytest.MonkeyPatch, exceptions: str, url: str, *, is_direct: bool
) -> None:
    found = led(monkeypatch, {"HTTPS_PROXY": PROXY, "NO_PROXY": exceptions}, url)
    assert (found is None) == is_direct


def test_of_an_unreadable_proxy_nothing_is_asked_where_the_service_is_an_exception(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert led(monkeypatch, {"ALL_PROXY": "socks://x", "NO_PROXY": "licensing.example"}) is None


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://localhost:9", "https://[::1]:9"])
def test_this_machine_is_spoken_to_directly(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    told = {"HTTP_PROXY": PROXY, "HTTPS_PROXY": PROXY, "ALL_PROXY": "socks://x:1"}
    assert led(monkeypatch, told, url) is None


def test_where_no_variable_says_anything_the_systems_settings_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on Windows and macOS, where urllib reads them."""
    monkeypatch.setattr(proxies, "getproxies", lambda: {"https": PROXY, "no": "x"})
    monkeypatch.setattr(proxies, "proxy_bypass", lambda host: host == "direct.example")
    settings = "the system's proxy settings"
    assert proxies.proxy(SERVICE) == Proxy(PROXY, settings)
    assert proxies.proxy("https://direct.example") is None
    monkeypatch.setattr(proxies, "getproxies", lambda: {"https": "socks://x"})
    with pytest.raises(Unreadable, match=settings):
        proxies.proxy(SERVICE)

    def broken() -> dict[str, str]:
        raise OSError("SECRET")

    monkeypatch.setattr(proxies, "getproxies", broken)
    with pytest.raises(Unreadable, match=f"^{settings} cannot be read: OSError$"):
        proxies.proxy(SERVICE)


@pytest.mark.parametrize("wrong", ["", "socks://proxy:1", "http://proxy:port", "http://a b"])
def test_the_vendors_own_proxy_is_refused_at_once_and_by_name(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ValueError, match=r"^proxy cannot be read: it must look like"):
        Configuration(url=SERVICE, issuer="urn:x", folder=tmp_path, proxy=wrong)


@given(st.text() | st.from_regex(r"(https?|socks5|all)://[\w.:@/\[\]%#?*-]{0,20}", fullmatch=True))
@example("http://xn--a")
def test_what_is_read_as_a_proxy_httpx_takes_and_all_else_is_unreadable(value: str) -> None:
    try:
        found = proxies.read(value, "HTTPS_PROXY")
    except Unreadable:
        return
    assert httpx.Proxy(found.url).url.raw_host


@given(st.text(alphabet="a.*[]:/0123456789,; -!^") | st.text())
@example("[z-a]*")
def test_no_exception_whatever_it_is_breaks_the_way(value: str) -> None:
    for host in ("licensing.example", "10.0.0.1", "fd00::7"):
        assert vars(proxies)["_is_excepted"](host, 443, value) in {True, False}
