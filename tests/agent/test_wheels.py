"""What vendors and operators install: the wheels alone, on each Python that they run on."""

import subprocess
import sys
import tomllib
import zipfile
from contextlib import suppress
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

import licensing_agent
import licensing_cli
from tests.agent.installed import FOLDER, LOCKED
from tests.artefacts.building import ROOT

SHARED = FOLDER.parent
VERSIONS = {
    "licensing_agent": licensing_agent.__version__,
    "licensing_cli": licensing_cli.__version__,
}
PYTHONS = ("3.11", "3.12", "3.13")
UV: list[str | Path] = [sys.executable, "-m", "uv"]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Both, built."""
    folder = tmp_path_factory.mktemp("wheels")
    for name in VERSIONS:
        build = [*UV, "build", "--quiet", "--wheel", SHARED / name, "--out-dir", folder]
        subprocess.run(build, check=True)
    return {name: next(folder.glob(f"{name}-*.whl")) for name in VERSIONS}


def interpreter(version: str) -> str | None:
    """A Python of this version that runs: on the PATH, or in a folder beside that of the tests."""
    beside = Path(sys.base_prefix).parent.glob(f"{version}*/bin/python{version}")
    for one in (f"python{version}", *map(str, beside)):
        with suppress(OSError, subprocess.CalledProcessError):
            asked = subprocess.run(
                [one, "-c", "import sys; print(sys.executable)"],
                capture_output=True,
                text=True,
                check=True,
            )
            return asked.stdout.strip()
    return None


def metadata(wheel: Path) -> Message:
    """What a wheel says of itself."""
    with zipfile.ZipFile(wheel) as opened:
        (name,) = (one for one in opened.namelist() if one.endswith("/METADATA"))
        return message_from_bytes(opened.read(name))


@pytest.mark.parametrize("name", sorted(VERSIONS))
def test_a_wheel_carries_its_license_and_version(wheels: dict[str, Path], name: str) -> None:
    told = metadata(wheels[name])
    assert told["Version"] == VERSIONS[name]
    assert (told["License-Expression"], told["License-File"]) == ("Apache-2.0", "LICENSE")
    with zipfile.ZipFile(wheels[name]) as opened:
        folder = f"{name}-{VERSIONS[name]}.dist-info"
        license = opened.read(f"{folder}/licenses/LICENSE")
    assert license == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize("name", sorted(VERSIONS))
def test_its_page_links_to_nothing_that_only_the_repository_has(
    wheels: dict[str, Path], name: str
) -> None:
    page = str(metadata(wheels[name]).get_payload())
    links = [part.partition(")")[0] for part in page.split("](")[1:]]
    assert [link for link in links if not link.startswith(("https://", "#"))] == []


def test_what_other_languages_need_comes_along(wheels: dict[str, Path]) -> None:
    with zipfile.ZipFile(wheels["licensing_agent"]) as opened:
        assert "licensing_agent/OTHER_LANGUAGES.md" in opened.namelist()
        assert "licensing_agent/py.typed" in opened.namelist()


@pytest.mark.thorough
@pytest.mark.parametrize("version", PYTHONS)
def test_they_install_alone_and_a_program_that_uses_them_is_typed(
    wheels: dict[str, Path], version: str, tmp_path: Path
) -> None:
    base = interpreter(version)
    if base is None:
        pytest.skip(f"there is no Python {version} here")
    python = tmp_path / "environment" / "bin" / "python"
    venv = [*UV, "venv", "--quiet", "--python", base, python.parents[1]]
    subprocess.run(venv, check=True)
    install = [*UV, "pip", "install", "--quiet", "--constraint", LOCKED, "--python", python]
    subprocess.run([*install, *wheels.values()], check=True)
    for command in ("licensing-agent", "licensing"):
        ran = subprocess.run(
            [python.with_name(command), "--version"],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
        )
        assert ran.stdout.split()[-1] in VERSIONS.values()
    program = tmp_path / "consumer.py"
    program.write_text((ROOT / "tests" / "agent" / "consumer.py").read_text())
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable", python, program],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PATH": "", "MYPY_CACHE_DIR": str(tmp_path / "types")},
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_they_say_which_pythons_they_run_on() -> None:
    for name in VERSIONS:
        project = tomllib.loads((SHARED / name / "pyproject.toml").read_text())["project"]
        assert project["requires-python"] == f">={PYTHONS[0]}"
