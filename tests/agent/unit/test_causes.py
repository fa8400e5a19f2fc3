"""Errors of a vendor's set-up name their cause, and Ctrl-C is none."""

from pathlib import Path
from typing import Any

import pytest

from licensing_agent import Client, Configuration, System
from licensing_agent.__main__ import main
from licensing_agent.machine import identity
from licensing_agent.machine.sources import Platform
from licensing_agent.protocol.credentials import TooFewCredentials
from tests.agent.chained import ChainedService
from tests.agent.driven import Driven
from tests.agent.unit.test_machine import adapter, tree
from tests.unit.domain.test_lease import ISSUER

CARD = adapter("eth0", "3c:52:82:0a:1b:2c", {"addr_assign_type": "0\n"})


def told(folder: Path) -> dict[str, Any]:
    """What a configuration says."""
    return {
        "url": "http://localhost",
        "issuer": ISSUER,
        "folder": folder,
        "use_keyring": False,
    }


def test_a_folder_that_cannot_be_made_is_named_with_the_cause_and_the_agent_works(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "state"
    service = ChainedService()
    agent = Driven(service)
    agent.root = tree(tmp_path / "root", {"etc/machine-id": f"{'9b1d' * 8}\n", **CARD})
    status = agent.start(Configuration(**told(folder))).check()
    assert status.usable
    assert f"The folder {folder} cannot be made: Not a directory." in str(status.storage)
    (tmp_path / "file").unlink()
    service.now += 60
    assert "cannot be made" not in str(agent.check(at_once=True).storage)
    assert (folder / "license").is_file()
    agent.engine.close()


def test_where_only_the_folder_could_give_the_machine_an_id_the_error_names_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" / "state"
    system = System(platform=Platform(system="Linux", root=tmp_path / "none", name=lambda: "A-1"))
    with pytest.raises(TooFewCredentials, match="At least two of these") as raised:
        Client(Configuration(**told(folder)), sign_in=lambda: None, system=system)
    assert f"{folder}: it cannot be kept (Not a directory)" in str(raised.value)


def test_a_proxy_without_a_scheme_is_one_of_http(tmp_path: Path) -> None:
    proxy = Configuration(**told(tmp_path), proxy="proxy:3128").given_proxy()
    assert proxy is not None
    assert proxy.url == "http://proxy:3128"


def test_ctrl_c_ends_the_command_quietly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def pressed() -> str:
        raise KeyboardInterrupt

    platform = Platform(system="Linux", root=tmp_path, name=pressed)
    monkeypatch.setattr(identity, "Platform", lambda: platform)
    assert main(["machine"]) == 130
    assert capsys.readouterr() == ("", "")
