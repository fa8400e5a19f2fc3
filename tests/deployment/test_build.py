"""What was built has a name, which is another one as soon as anything in it is."""

from pathlib import Path

import pytest

from tests.artefacts.check import target
from tests.deployment import small
from tests.deployment.build import UNNAMED, BuildError, name, named
from tests.deployment.small import built


def named_in(folder: Path) -> str:
    return (folder / "template.yaml").read_text()


def test_the_same_artefacts_have_the_same_name(tmp_path: Path) -> None:
    built(tmp_path / "one")
    built(tmp_path / "two")
    assert named_in(tmp_path / "one") == named_in(tmp_path / "two")
    assert UNNAMED not in named_in(tmp_path / "one")


def test_other_code_of_one_artefact_has_another_name(tmp_path: Path) -> None:
    built(tmp_path / "one")
    folder = tmp_path / "two"
    built(folder)
    (folder / "IssueFunction" / "handler.py").write_bytes(b"answer = 2")
    (folder / "template.yaml").write_text(small.TEMPLATE)
    name(folder)
    assert named_in(tmp_path / "one") != named_in(folder)


def test_another_template_has_another_name(tmp_path: Path) -> None:
    first = built(tmp_path).template.read_text()
    (tmp_path / "template.yaml").write_text(small.TEMPLATE.replace("INFO", "DEBUG"))
    name(tmp_path)
    assert named_in(tmp_path).replace("DEBUG", "INFO") != first


@pytest.mark.parametrize("text", [None, small.TEMPLATE])
def test_what_make_build_did_not_finish_is_not_taken_for_a_build(
    tmp_path: Path, text: str | None
) -> None:
    if text is not None:
        (tmp_path / "template.yaml").write_text(text)
    with pytest.raises(BuildError, match="run `make build`"):
        named(tmp_path)


def test_a_template_without_a_place_for_the_name_is_refused(tmp_path: Path) -> None:
    built(tmp_path)
    with pytest.raises(BuildError, match="0 times, not once"):
        name(tmp_path)


def test_what_is_built_for_another_machine_says_so(tmp_path: Path) -> None:
    built(tmp_path)
    (tmp_path / "template.yaml").write_text(f"Architectures:\n- arm64\nMore: arm64\n{UNNAMED}")
    name(tmp_path, target({"PYTHON_PLATFORM": "x86_64-manylinux2014"}))
    assert named_in(tmp_path).startswith("Architectures:\n- x86_64\nMore: arm64\n")
