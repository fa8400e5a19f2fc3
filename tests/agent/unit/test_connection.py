"""The way to the service, as the settings of the machine lead it, and what is said at its end."""

import os
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from typing import Any

import certifi
import pytest

from licensing_agent import Configuration, proxies, trust
from licensing_agent.obstacles import Obstacle
from tests.agent.secured import HOST, Authority, Proxy, secured
from tests.agent.service import Service
from tests.agent.unit.test_client import Agent
from tests.agent.unit.test_client import agent as agent  # noqa: PLC0414 - a fixture
from tests.agent.unit.test_client import service as service  # noqa: PLC0414 - a fixture
from tests.unit.domain.test_lease import ISSUER
from tests.unit.samples import DAY, NOW


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings but those of the test."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in {"SSL_CERT_FILE", "SSL_CERT_DIR"}:
            monkeypatch.delenv(name)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "company.pem")


@pytest.fixture
def told(tmp_path: Path) -> dict[str, Any]:
    """What a configuration says, but for the address."""
    return {
        "issuer": ISSUER,
        "folder": tmp_path / "state",
        "use_keyring": False,
        "timeout": 60.0,
    }


@pytest.fixture
def proxy(
    service: Service, authority: Authority, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Proxy]:
    """The one that leads to the service by its name, whose authority is in the system's store."""
    told["url"] = f"https://{HOST}"
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with secured(service.answer, authority.context()) as url, Proxy(url) as made:
        yield made


# -- proxies ---------------------------------------------------------------------------------------


def test_the_proxy_that_the_machine_names_leads_to_the_service(
    agent: Agent, proxy: Proxy, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "[::1],10.0.0.0/8,localhost,[")
    assert agent.start(Configuration(**told)).check().license_state == "valid"
    assert set(proxy.asked) == {f"CONNECT {HOST}:443 HTTP/1.1"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks://SECRET:1080"),
        ("HTTPS_PROXY", "http://me:SECRET#@proxy:3128"),
        ("https_proxy", "http://SECRET/proxy.pac"),
    ],
)
def test_an_agent_starts_whatever_the_machine_says_and_heals_with_it(
    agent: Agent,
    proxy: Proxy,
    told: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
) -> None:
    agent.start(Configuration(**told, proxy=proxy.url)).check()
    agent.close()
    monkeypatch.setenv(name, value)
    assert agent.start(Configuration(**told)).client.status.usable
    status = agent.check(at_once=True)
    assert (status.license_state, status.until) == ("grace", NOW + DAY)
    assert str(status.message).startswith(f"{name} cannot be read: it must look like http://")
    assert "SECRET" not in str(status)
    asked = len(proxy.asked)
    monkeypatch.setenv(name, proxy.url)
    assert agent.check(at_once=True).license_state == "valid"
    assert len(proxy.asked) > asked


def test_an_agent_without_a_lease_starts_as_well(
    agent: Agent, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks://127.0.0.1:1080")
    status = agent.start(Configuration(**told, url=f"https://{HOST}")).check()
    assert not status.usable
    assert "ALL_PROXY" in str(status.message)


def test_what_does_not_concern_the_service_stops_nothing(
    agent: Agent,
    proxy: Proxy,
    told: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = tmp_path / "broken"
    broken.write_text("machine is what machine")
    for name, value in {
        "ALL_PROXY": "socks://127.0.0.1:1",
        "FTP_PROXY": "http://[",
        "HTTP_PROXY": "garbage://",
        "HTTPS_PROXY": proxy.url,
        "NETRC": str(broken),
        "NO_PROXY": "[::1]:x,fd00::/999,*.other.example:0",
        "SSLKEYLOGFILE": str(tmp_path / "not" / "there"),
        "SSL_CERT_DIR": str(tmp_path / "not there"),
    }.items():
        monkeypatch.setenv(name, value)
    assert agent.start(Configuration(**told)).check().license_state == "valid"


def test_a_service_on_this_machine_is_reached_whatever_proxies_are_named(
    agent: Agent, service: Service, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, "socks://127.0.0.1:1")
    assert agent.start(Configuration(**told, url=service.url)).check().license_state == "valid"


def test_r35_a_proxy_that_is_away_is_named_and_not_shown(
    agent: Agent, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:SECRET@127.0.0.1:{port}")
    message = str(agent.start(Configuration(**told, url=f"https://{HOST}")).check().message)
    assert message.startswith("The service cannot be reached by the proxy of HTTPS_PROXY: the conn")
    assert "SECRET" not in message


def test_settings_that_take_too_long_to_be_read_hold_nobody_and_send_nothing_later(
    agent: Agent, proxy: Proxy, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, where reading them may look up names."""
    answers = Event()

    def getproxies() -> dict[str, str]:
        answers.wait(60)
        return {"https": proxy.url}

    monkeypatch.setattr(proxies, "getproxies", getproxies)
    message = agent.start(Configuration(**told | {"timeout": 0.1})).check().message
    assert message == Obstacle.TOO_SLOW.told()
    answers.set()
    for thread in threading.enumerate():
        if thread.name == "licensing_agent request":
            thread.join(60)
    agent.close()
    assert proxy.asked == []


@pytest.fixture
def refusing(authority: Authority) -> Iterator[str]:
    """A proxy that is spoken to by TLS, and lets nobody through."""
    context = authority.context("127.0.0.1")
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connected, _ = listening.accept()
            except OSError:
                return
            try:
                with connected, context.wrap_socket(connected, server_side=True) as near:
                    near.recv(4096)
                    near.sendall(b"HTTP/1.1 403 Nobody\r\ncontent-length: 0\r\n\r\n")
            except OSError:
                continue

    thread = Thread(target=serve)
    thread.start()
    with closing(listening):
        yield f"https://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_proxy_that_speaks_tls_is_trusted_as_the_service_is(
    agent: Agent,
    refusing: str,
    authority: Authority,
    told: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", refusing)
    told["url"] = f"https://{HOST}"
    message = str(agent.start(Configuration(**told)).check().message)
    assert "CERTIFICATE_VERIFY_FAILED" in message
    agent.close()
    message = str(agent.start(Configuration(**told, ca_file=authority.file)).check().message)
    assert "by the proxy of HTTPS_PROXY: the proxy lets nobody through" in message
    assert "(ProxyError: 403 Nobody)" in message


# -- certificates ----------------------------------------------------------------------------------


def test_a_companys_authority_in_the_systems_store_is_trusted_and_ca_file_adds_to_it(
    agent: Agent,
    service: Service,
    authority: Authority,
    told: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = Authority(tmp_path / "other.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with (
        secured(service.answer, authority.context("127.0.0.1")) as first,
        secured(service.answer, other.context("127.0.0.1")) as second,
    ):
        usable: dict[tuple[str, Path | None], bool] = {}
        for url in (first, second):
            for ca_file in (None, other.file):
                one = {"url": url, "ca_file": ca_file, "folder": tmp_path / f"{len(usable)}"}
                status = agent.start(Configuration(**told | one)).check()
                usable[url, ca_file] = status.usable
                agent.close()
    assert usable == {
        (first, None): True,
        (first, other.file): True,
        (second, None): False,
        (second, other.file): True,
    }


def test_where_the_system_has_no_store_the_authorities_that_come_along_are_trusted(
    agent: Agent,
    service: Service,
    authority: Authority,
    told: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "not there"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "not there"))
    monkeypatch.setattr(certifi, "where", lambda: str(authority.file))
    with secured(service.answer, authority.context("127.0.0.1")) as url:
        assert agent.start(Configuration(**told, url=url)).check().usable
        agent.close()
        monkeypatch.setattr(certifi, "where", lambda: str(tmp_path / "not packed"))
        status = agent.start(Configuration(**told, url=url)).check(at_once=True)
        assert status.license_state == "grace"


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_variable_for_certificates_is_named_where_they_are_missed(
    agent: Agent,
    service: Service,
    authority: Authority,
    told: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: str | None,
) -> None:
    file = tmp_path / "SECRET"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "SECRET too"))
    with secured(service.answer, authority.context("127.0.0.1")) as url:
        message = str(agent.start(Configuration(**told, url=url)).check().message)
        assert "SSL_CERT_FILE cannot be read: it must name a file" in message
        assert "SSL_CERT_DIR cannot be read: it must name a folder" in message
        assert "SECRET" not in message
        file.write_bytes(authority.file.read_bytes())
        assert agent.check(at_once=True).license_state == "valid"


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_file_that_is_not_there_fails_attempts_alone_and_is_named(
    agent: Agent,
    service: Service,
    authority: Authority,
    told: dict[str, Any],
    tmp_path: Path,
    content: str | None,
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with secured(service.answer, authority.context("127.0.0.1")) as url:
        agent.start(Configuration(**told, url=url, ca_file=file))
        message = str(agent.check().message)
        assert message.startswith(f"ca_file cannot be read: it must be certificates in PEM: {file}")
        file.write_bytes(authority.file.read_bytes())
        assert agent.check(at_once=True).license_state == "valid"


@pytest.mark.parametrize(
    ("wrong", "of_openssl", "advice"),
    [
        (
            "issuer",
            "unable to get local issuer certificate",
            "Add your company's CA to the system's store",
        ),
        ("expired", "certificate has expired", "is expired, or this machine's clock is wrong"),
        ("early", "certificate is not yet valid", "not valid yet, or this machine's clock is"),
        ("address", "IP address mismatch", "is for another host name"),
        ("host", "Hostname mismatch", "is for another host name"),
    ],
)
def test_why_a_certificate_is_not_trusted_is_said_and_what_to_do(
    agent: Agent,
    service: Service,
    authority: Authority,
    told: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wrong: str,
    of_openssl: str,
    advice: str,
) -> None:
    asked_for = HOST if wrong == "host" else "127.0.0.1"
    context = {
        "issuer": lambda: Authority(tmp_path / "unknown.pem").context(asked_for),
        "expired": lambda: authority.context(asked_for, days=(-2, -1)),
        "early": lambda: authority.context(asked_for, days=(1, 2)),
        "address": lambda: authority.context("127.0.0.2"),
        "host": lambda: authority.context("other.example"),
    }[wrong]()
    with secured(service.answer, context) as url, Proxy(url) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        at = f"https://{HOST}" if wrong == "host" else url
        message = str(
            agent.start(Configuration(**told, url=at, ca_file=authority.file)).check().message
        )
    assert f"CERTIFICATE_VERIFY_FAILED] certificate verify failed: {of_openssl}" in message
    assert advice in message


def test_that_no_tls_is_spoken_is_said(agent: Agent, told: dict[str, Any]) -> None:
    with Service() as plain:
        told["url"] = plain.url.replace("http:", "https:")
        message = str(agent.start(Configuration(**told)).check().message)
    assert "does not speak TLS" in message


def test_another_cause_of_tls_is_told_in_its_own_words() -> None:
    revoked = ssl.SSLCertVerificationError("certificate revoked")
    assert trust.obstacle(revoked) is Obstacle.TLS_FAILED
    revoked.verify_code = 23
    assert trust.obstacle(revoked) is Obstacle.TLS_FAILED
    assert trust.obstacle(ssl.SSLError("handshake failure")) is Obstacle.TLS_FAILED
    assert trust.obstacle(ssl.SSLEOFError()) is Obstacle.CUT_OFF
    assert trust.obstacle(ssl.SSLWantReadError()) is None
