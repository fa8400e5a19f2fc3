"""The check of what was built: each fault is found, and what is fit for Lambda is left alone."""

import _imp
import platform
import shutil
import struct
import sys
from pathlib import Path, PurePosixPath

import pytest

from tests.artefacts import building
from tests.artefacts.building import FUNCTIONS, LAYER
from tests.artefacts.check import (
    LAMBDA,
    LAYER_LIMIT,
    File,
    Target,
    differences,
    digest,
    main,
    read,
    table,
    unzipped,
    wrong_with_binary,
    wrong_with_function,
    wrong_with_layer,
    wrong_with_tags,
    zipped,
)
from tests.local.stack import TEMPLATE
from tests.local.template import Template

AARCH64, X86_64 = 183, 62


def file(path: str, content: bytes = b"", mode: int = 0o100644, changed: int = 946_684_800) -> File:
    return File(PurePosixPath(path), content, mode, changed)


def elf(machine: int = AARCH64, *, bits: int = 2, order: int = 1) -> bytes:
    """The first bytes of native code for Linux."""
    head = b"\x7fELF" + bytes([bits, order, 1]) + bytes(9)
    numbers = struct.pack("<HH" if order == 1 else ">HH", 3, machine)
    return head + numbers + bytes(44)


def test_the_check_is_about_what_the_template_deploys_to() -> None:
    template = Template(TEMPLATE)
    told = {
        name: template.function(name, "Runtime", "Architectures")
        for name in template.of_type("AWS::Serverless::Function")
    }
    assert told == {
        name: {"Runtime": f"python3.{LAMBDA.minor}", "Architectures": ["arm64"]}
        for name in FUNCTIONS
    }


CHECKED, UNCHECKED, BY_TIME = 3, 1, 0
"""How bytecode of version 3571, which is Python 3.13's, sees whether its source is another now."""


SOURCE = b"pass\n"


def compiled(flags: int = CHECKED, source: bytes = SOURCE, version: int = 3571) -> bytes:
    head = struct.pack("<H2s", version, b"\r\n")
    digest = _imp.source_hash(int.from_bytes(head, "little"), source)
    return head + struct.pack("<I", flags) + digest + b"code"


def module(path: str) -> list[File]:
    """A module, and what it was compiled to."""
    source = PurePosixPath(path)
    bytecode = source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc"
    return [file(path, SOURCE), file(str(bytecode), compiled())]


OURS = module("python/licensing/domain/license_key.py")
WHEEL = b"Wheel-Version: 1.0\nTag: cp313-cp313-manylinux2014_aarch64\n"
GOOD = [
    *OURS,
    file("python/fast/_fast.cpython-313-aarch64-linux-gnu.so", elf()),
    file("python/fast/_other.abi3.so", elf()),
    file("python/fast-1.0.dist-info/WHEEL", WHEEL),
    file("python/fast-1.0.dist-info/METADATA", b"Name: fast\n"),
    *module("python/testament.py"),
]


def test_a_layer_that_is_fit_for_lambda_is_left_alone() -> None:
    assert list(wrong_with_layer(GOOD)) == []


@pytest.mark.parametrize(
    ("path", "content", "wrong"),
    [
        ("fast/_f.cpython-313-x86_64-linux-gnu.so", elf(X86_64), "made for another machine"),
        ("fast/_f.cpython-313-aarch64-linux-gnu.so", elf(X86_64), "made for another machine"),
        ("fast/_f.abi3.so", elf(X86_64), "made for another machine"),
        ("fast/_f.abi3.so", elf(bits=1), "made for another machine"),
        ("fast/_f.abi3.so", elf(order=2), "made for another machine"),
        ("fast/helper", elf(X86_64), "made for another machine"),
        ("fast/helper", elf(), "not named for Python 3.13 on aarch64"),
        ("fast/_f.cpython-312-aarch64-linux-gnu.so", elf(), "not named for Python 3.13"),
        ("fast/_f.cpython-313-aarch64-linux-musl.so", elf(), "not named for Python 3.13"),
        ("fast/_f.cpython-313-x86_64-linux-gnu.so", elf(), "not named for Python 3.13"),
        ("fast/_f.abi3.so", b"\xcf\xfa\xed\xfe" + bytes(60), "made for macOS"),
        ("fast/_f.abi3.so", b"\xca\xfe\xba\xbe" + bytes(60), "made for macOS"),
        ("fast/_f.pyd", b"MZ" + bytes(60), "made for Windows"),
        ("fast/_f.abi3.so", b"", "no program of Linux"),
    ],
    ids=lambda value: value if isinstance(value, str) else "bytes",
)
def test_native_code_of_another_machine_or_python_is_found(
    path: str, content: bytes, wrong: str
) -> None:
    assert wrong in "; ".join(wrong_with_binary(file(path, content), LAMBDA))
    assert list(wrong_with_layer([*OURS, file(f"python/{path}", content)]))


@pytest.mark.parametrize(
    "tags",
    [
        ["py3-none-any"],
        ["py2.py3-none-any"],
        ["cp313-cp313-manylinux_2_17_aarch64", "cp313-cp313-manylinux2014_aarch64"],
        ["cp313-cp313-manylinux_2_34_aarch64"],
        ["cp313-abi3-manylinux_2_28_aarch64"],
        ["cp311-abi3-manylinux2014_aarch64"],
        ["cp313-cp313-musllinux_1_2_aarch64", "cp313-cp313-manylinux_2_17_aarch64"],
    ],
)
def test_a_wheel_for_the_runtime_is_taken(tags: list[str]) -> None:
    assert list(wrong_with_tags("fast-1.0", wheel(tags), LAMBDA)) == []


@pytest.mark.parametrize(
    "tags",
    [
        [],
        ["cp313-cp313-manylinux2014_x86_64"],
        ["cp312-cp312-manylinux2014_aarch64"],
        ["cp313-cp313t-manylinux2014_aarch64"],
        ["cp314-abi3-manylinux2014_aarch64"],
        ["cp313-cp313-manylinux_2_35_aarch64"],
        ["cp313-cp313-musllinux_1_2_aarch64"],
        ["cp313-cp313-macosx_11_0_arm64"],
        ["cp313-cp313-linux_aarch64"],
        ["py2-none-any"],
    ],
)
def test_a_wheel_for_something_else_is_found(tags: list[str]) -> None:
    assert list(wrong_with_tags("fast-1.0", wheel(tags), LAMBDA))
    metadata = file("python/fast-1.0.dist-info/WHEEL", wheel(tags).encode())
    assert list(wrong_with_layer([*OURS, metadata]))


def wheel(tags: list[str]) -> str:
    return "Wheel-Version: 1.0\n" + "".join(f"Tag: {tag}\n" for tag in tags)


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("python/boto3/__init__.py", "boto3 comes with the runtime"),
        ("python/botocore-1.44.5.dist-info/METADATA", "botocore comes with the runtime"),
        ("python/snapshot_restore_py.py", "snapshot_restore_py comes with the runtime"),
        ("python/fast/__pycache__/keys.cpython-313.pyc", "bytecode of no module"),
        ("python/fast/keys.pyc", "bytecode of no module"),
        ("python/fast/tests/data.json", "a test"),
        ("python/fast/test/case.py", "a test"),
        ("python/fast/test_cases.py", "a test"),
        ("python/fast/conftest.py", "a test"),
        ("python/bin/fast", "a program"),
        ("python/requirements.txt", "left of a build"),
        ("python/pyproject.toml", "left of a build"),
        ("python/Makefile", "left of a build"),
        ("python/.lock", "left of a build"),
        ("python/fast-1.0.dist-info/RECORD", "left of a build"),
        ("python/licensing/notes.txt", "no code of the package"),
        ("licensing/METADATA", "no runtime looks"),
    ],
)
def test_what_does_not_belong_into_a_layer_is_found(path: str, wrong: str) -> None:
    added = module(path) if path.endswith(".py") else [file(path)]
    found = list(wrong_with_layer([*GOOD, *added]))
    assert len(found) == 1
    assert wrong in found[0]


@pytest.mark.parametrize(
    ("path", "content", "wrong"),
    [
        ("testament.cpython-313.pyc", compiled(UNCHECKED), ["does not look at its source"]),
        ("testament.cpython-313.pyc", compiled(BY_TIME), ["does not look at its source"]),
        ("testament.cpython-313.pyc", compiled(source=b"pass"), ["another source"]),
        ("testament.cpython-313.pyc", compiled(version=3495), ["another source or Python"]),
        ("testament.cpython-313.pyc", compiled()[:16], ["another source or Python"]),
        ("testament.cpython-311.pyc", compiled(), ["not compiled", "of no module for Python 3.13"]),
    ],
)
def test_bytecode_that_the_runtime_cannot_use_or_that_hides_its_source_is_found(
    path: str, content: bytes, wrong: list[str]
) -> None:
    others = [one for one in GOOD if one.path.name != "testament.cpython-313.pyc"]
    found = list(wrong_with_layer([*others, file(f"python/__pycache__/{path}", content)]))
    assert all(one in line for one, line in zip(wrong, found, strict=True))


def test_what_was_compiled_by_another_3_13_is_no_other_artefact() -> None:
    other = file("python/__pycache__/testament.cpython-313.pyc", compiled() + b"otherwise")
    assert digest([*GOOD[:-1], other]) == digest(GOOD)
    assert digest([*GOOD, file("python/other.py")]) != digest(GOOD)
    assert digest(GOOD[:-1]) != digest(GOOD)


def test_a_layer_that_has_grown_past_its_limit_is_found() -> None:
    size = sum(len(one.content) for one in GOOD)
    assert list(wrong_with_layer(GOOD, limit=size)) == []
    assert list(wrong_with_layer(GOOD, limit=size - 1)) == [
        f"{size} bytes are more than the limit of {size - 1}"
    ]
    assert LAYER_LIMIT < 250_000_000  # AWS's own


def test_a_layer_without_the_package_is_found() -> None:
    assert list(wrong_with_layer(GOOD[len(OURS) :])) == ["the package is not in it"]


@pytest.mark.parametrize("mode", [0o100600, 0o100640, 0o120777])
def test_a_file_that_the_function_may_not_read_is_found(mode: int) -> None:
    private = file("python/fast/keys.py", mode=mode)
    assert any(
        "keys.py is not for everybody to read" in one for one in wrong_with_layer([*OURS, private])
    )


def handler(name: str = "IssueFunction") -> File:
    return file(FUNCTIONS[name].path, FUNCTIONS[name].handler.read_bytes())


def shipped(name: str) -> list[File]:
    """What a function ships."""
    return [file(path, source.read_bytes()) for path, source in FUNCTIONS[name].files.items()]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_that_ships_its_handler_and_its_files_alone_is_left_alone(name: str) -> None:
    assert list(wrong_with_function(name, shipped(name))) == []


def test_files_ship_with_the_portal_and_the_contract_only() -> None:
    serving = [name for name, source in FUNCTIONS.items() if len(source.files) > 1]
    assert serving == ["DiscoveryFunction", "PortalFunction"]
    assert "discovery/static/openapi.json" in FUNCTIONS["DiscoveryFunction"].files
    assert "portal/static/index.html" in FUNCTIONS["PortalFunction"].files


@pytest.mark.parametrize(
    "files",
    [
        [handler("PortalFunction")],
        shipped("PortalFunction")[:-1],
        [*shipped("PortalFunction"), file("portal/static/zzz.js")],
        [*shipped("PortalFunction"), file("portal/static/zzz/main.js")],
        [*shipped("PortalFunction")[:-1], file("portal/static/main.js", b"another")],
    ],
)
def test_a_file_of_the_portal_that_is_missing_added_or_changed_is_found(files: list[File]) -> None:
    assert list(wrong_with_function("PortalFunction", files))


@pytest.mark.parametrize(
    "files",
    [
        [],
        [handler(), file("issue/notes.txt")],
        [handler(), handler("ValidateFunction")],
        [handler("ValidateFunction")],
        [file("issue/handler.py", b"another")],
        [file("issue/handler.py", handler().content, mode=0o100600)],
    ],
)
def test_a_function_that_ships_anything_else_is_found(files: list[File]) -> None:
    assert list(wrong_with_function("IssueFunction", files))


def test_a_function_that_nobody_wrote_is_found() -> None:
    assert list(wrong_with_function("OtherFunction", [handler()]))


@pytest.mark.parametrize(
    "other",
    [
        file("python/a.py", b"two"),
        file("python/a.py", b"one", mode=0o100755),
        file("python/a.py", b"one", changed=0),
        file("python/b.py", b"one"),
    ],
)
def test_a_build_that_comes_out_otherwise_is_found(other: File) -> None:
    one = file("python/a.py", b"one")
    assert list(differences([one], [one])) == []
    assert digest([one]) != digest([other])
    assert any("python/a.py" in found for found in differences([one], [other]))


def test_sizes_are_told_by_package() -> None:
    files = [
        file("python/fast/a.py", b"x" * 1000),
        file("python/fast-1.0.dist-info/METADATA", b"y" * 500),
        file("python/_slow.abi3.so", b"z" * 10),
    ]
    assert unzipped(files) == {"fast": 1500, "_slow": 10}
    assert 0 < zipped(files)["fast"] < 100
    lines = list(table({LAYER: files}))
    assert lines[1].split()[:2] == [LAYER, "1,510"]
    assert lines[2].split()[:2] == ["fast", "1,500"]


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the Makefiles build for this machine; nothing has run there and changed it."""
    folder = tmp_path_factory.mktemp("untouched")
    building.for_this_machine(folder)
    return folder


def test_the_command_fails_on_what_is_built_for_another_machine_or_not_at_all(
    untouched: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(untouched, tmp_path, dirs_exist_ok=True)
    (tmp_path / LAYER / "python" / "pydantic_core" / "_other.abi3.so").write_bytes(elf(X86_64))
    shutil.rmtree(tmp_path / "IssueFunction")

    assert main(str(tmp_path), str(untouched)) == 1

    told = capsys.readouterr().out
    assert "WRONG IssueFunction has not been built" in told
    assert "_other.abi3.so is made for another machine than aarch64" in told
    assert "a second build makes a difference in python/pydantic_core/_other.abi3.so" in told


def test_what_is_built_for_this_machine_is_as_fit_for_it(untouched: Path) -> None:
    machine = platform.machine()
    here = Target(sys.version_info.minor, machine, {"x86_64": X86_64}.get(machine, AARCH64), 34)
    # Native code is larger on some machines.
    assert list(wrong_with_layer(read(untouched / LAYER), here, limit=2 * LAYER_LIMIT)) == []
    for name in FUNCTIONS:
        assert list(wrong_with_function(name, read(untouched / name))) == []
