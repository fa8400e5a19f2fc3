"""How the service is reached: by which proxy, and whose certificates are trusted."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from licensing_cli.app import app
from tests.agent.secured import HOST, Authority, Proxy, secured
from tests.cli.scripted import ME, Scripted
from tests.cli.terminal import Terminal, patient
from tests.local.events import Response

PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy")


@pytest.fixture
def service() -> Iterator[Scripted]:
    with Scripted() as made:
        yield made


@pytest.fixture
def terminal(service: Scripted, tmp_path: Path) -> Terminal:
    return Terminal(service.url, tmp_path, "token")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority") / "company.pem")


def asked(terminal: Terminal, **settings: str) -> Result:
    """Who is signed in, where the machine has these settings for its connections."""
    environment = {**terminal.environment(), **dict.fromkeys(PROXIES), **settings}
    command = patient("--retries", "0", "whoami")
    return CliRunner().invoke(app, command, env=environment, prog_name="licensing")


def test_https_goes_by_the_proxy_that_is_set_to_whom_the_company_vouches_for(
    tmp_path: Path, authority: Authority
) -> None:
    there = Terminal(f"https://{HOST}", tmp_path, "token")
    context = authority.context()
    with secured(lambda _: Response.of_json(200, ME), context) as url, Proxy(url) as proxy:
        trusted = {"HTTPS_PROXY": proxy.url, "SSL_CERT_FILE": str(authority.file)}
        told = asked(there, **trusted)
        assert (told.exit_code, "org-admin" in told.stdout) == (0, True), told
        assert proxy.asked == [f"CONNECT {HOST}:443 HTTP/1.1"]


def test_a_certificate_that_is_not_trusted_is_told_with_what_to_do(
    tmp_path: Path, authority: Authority
) -> None:
    context = authority.context("127.0.0.1")
    with secured(lambda _: Response.of_json(200, ME), context) as url:
        told = asked(Terminal(url, tmp_path, "token"))
        assert told.exit_code == 5, told
        assert "SSL_CERT_FILE" in told.stderr
        assert (
            asked(Terminal(url, tmp_path, "token"), SSL_CERT_FILE=str(authority.file)).exit_code
            == 0
        )


def test_plain_http_goes_to_this_machine_and_by_no_proxy(
    terminal: Terminal, service: Scripted
) -> None:
    with Scripted() as proxy:
        environment = terminal.environment() | {"NO_PROXY": ""}
        for name in ("HTTP_PROXY", "ALL_PROXY"):
            environment[name] = proxy.url
        told = CliRunner().invoke(app, ["whoami"], env=environment, prog_name="licensing")
        assert told.exit_code == 0, told
        assert len(service.requests) == 1
        assert proxy.requests == []


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("proxy", ["foo://s3cret@proxy", "http://s3cret@proxy:44x"])
def test_a_proxy_that_is_none_is_told_by_its_variable_and_not_shown(
    proxy: str, variable: str, tmp_path: Path
) -> None:
    there = Terminal("https://licensing.invalid", tmp_path, "token")
    told = asked(there, **{variable: proxy})
    assert told.exit_code == 2, told
    assert told.stderr.startswith(f"Error: {variable} cannot be read: ")
    assert "s3cret" not in told.output


def test_a_proxy_that_leads_elsewhere_stops_nothing(terminal: Terminal) -> None:
    environment = terminal.environment() | {"NO_PROXY": "", "HTTPS_PROXY": "foo://proxy"}
    told = CliRunner().invoke(app, ["whoami"], env=environment, prog_name="licensing")
    assert told.exit_code == 0, told
