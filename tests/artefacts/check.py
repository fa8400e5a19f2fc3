"""Hold what was built against what Lambda runs: `python -m tests.artefacts.check BUILT AGAIN`.

Behind it may stand what the layer was built for instead, as its Makefile is told:
`PYTHON_PLATFORM=x86_64-manylinux2014 PYTHON_VERSION=3.12`.

It prints the size and the digest of each artefact, and fails on:

* native code or a wheel of another machine or Python than the runtime's;
* what the runtime brings along, tests, and what only a build needs;
* a module of the layer without its bytecode, which each cold start would compile again, and
  bytecode that the runtime cannot use or that does not give way to its source;
* a file that not everybody may read: the function runs as somebody else;
* a function that ships anything but its own handler and the files that it serves;
* a layer that has grown past `LAYER_LIMIT`;
* an artefact that a second build, in another folder, made differently.
"""

import _imp
import io
import re
import stat
import sys
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath

from tests.artefacts.building import FUNCTIONS, LAYER, artefacts

LAYER_LIMIT = 35_000_000
"""Bytes, unpacked: a little above what is needed. What counts is that a cold start loads it."""

_AWS_LIMIT = 250_000_000  # bytes, unpacked, of a function and its layers together

_RUNTIME_BRINGS = {"awslambdaric", "boto3", "botocore", "s3transfer", "snapshot_restore_py"}
_BYTECODE = "__pycache__"
_CHECKED_HASH = b"\3\0\0\0"
"""Behind bytecode's version: it is used while its source has the hash that follows (PEP 552)."""
_VERSIONS = {11: 3495, 12: 3531, 13: 3571, 14: 3627}
"""Of bytecode, by Python 3's minor version."""

_FOLDERS = {"test": "a test", "tests": "a test", "bin": "a program"}
_FILES = {
    r"test_.*\.py|.*_test\.py|conftest\.py": "a test",
    r"Makefile|makefile|pyproject\.toml|setup\.(py|cfg)|requirements.*\.txt": "left of a build",
    r"\..*|INSTALLER|RECORD|REQUESTED|direct_url\.json|uv_cache\.json": "left of a build",
}
_OTHER_SYSTEMS = {
    b"MZ": "Windows",
    b"\xcf\xfa\xed\xfe": "macOS",
    b"\xca\xfe\xba\xbe": "macOS",
}
_ELF_64_BIT, _ELF_LITTLE_ENDIAN = 2, 1
_PURE = re.compile(r"(py2\.)?py3-none-any")
_NATIVE = re.compile(r"cp3(\d+)-(abi3|cp3\d+)-(manylinux(?:1|2010|2014|_2_\d+))_(\w+)")
_GLIBC_OF = {"manylinux1": 5, "manylinux2010": 12, "manylinux2014": 17}
_OFFENDERS = 5  # as many are named of one kind


@dataclass(frozen=True)
class Target:
    """What artefacts run on: Python 3.`minor` on a Linux machine with glibc 2.`glibc`."""

    minor: int
    machine: str
    elf: int  # the machine's number in an ELF header
    glibc: int


LAMBDA = Target(13, "aarch64", 183, 34)
"""The runtime that the template names, on Amazon Linux 2023."""

_ELF_MACHINES = {"aarch64": 183, "x86_64": 62}


def target(variables: Mapping[str, str]) -> Target:
    """What these variables of the layer's Makefile have it built for."""
    minor = int(variables.get("PYTHON_VERSION", f"3.{LAMBDA.minor}").split(".")[1])
    machine = variables.get("PYTHON_PLATFORM", LAMBDA.machine).partition("-")[0]
    return Target(minor, machine, _ELF_MACHINES[machine], LAMBDA.glibc)


@dataclass(frozen=True)
class File:
    """One file of an artefact, by its path within."""

    path: PurePosixPath
    content: bytes
    mode: int
    changed: int  # epoch seconds

    @property
    def package(self) -> str:
        """What it is counted with: the top-level name, the version aside."""
        parts = self.path.parts[1:] if self.path.parts[0] == "python" else self.path.parts
        return re.split(r"[-.]", parts[0])[0]

    @property
    def is_bytecode(self) -> bool:
        """Whether it was compiled from another file of the artefact."""
        return self.path.parent.name == _BYTECODE

    @property
    def lasting(self) -> bytes:
        """Its content; of bytecode, which another 3.13 writes otherwise, how it sees its source."""
        return lasting(self.path, self.content)


def lasting(path: PurePosixPath, content: bytes) -> bytes:
    """What two builds of the same sources have in common of a file."""
    return content[4:8] if path.parent.name == _BYTECODE else content


def read(folder: Path) -> list[File]:
    """The files of an artefact, ordered by path."""
    found = []
    for path in folder.rglob("*"):
        if not path.is_dir():
            status = path.lstat()
            relative = PurePosixPath(path.relative_to(folder).as_posix())
            found.append(File(relative, path.read_bytes(), status.st_mode, int(status.st_mtime)))
    return sorted(found, key=lambda file: file.path)


def digest(files: Iterable[File]) -> str:
    """One for all that goes into a deployment: paths, bytes, permissions and times.

    It is the same for bytecode that follows from the same source.
    """
    whole = sha256()
    for file in files:
        about = f"{file.path}\0{file.mode:o}\0{file.changed}\0{sha256(file.lasting).hexdigest()}\n"
        whole.update(about.encode())
    return whole.hexdigest()


def zipped(files: Iterable[File]) -> Mapping[str, int]:
    """The bytes of each package in a zip archive."""
    sizes: defaultdict[str, int] = defaultdict(int)
    with zipfile.ZipFile(io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            information = zipfile.ZipInfo(str(file.path))
            archive.writestr(information, file.content, zipfile.ZIP_DEFLATED)
            sizes[file.package] += information.compress_size
    return sizes


def unzipped(files: Iterable[File]) -> Mapping[str, int]:
    """The bytes of each package, unpacked."""
    sizes: defaultdict[str, int] = defaultdict(int)
    for file in files:
        sizes[file.package] += len(file.content)
    return sizes


# -- what is wrong -----------------------------------------------------------------------------


def wrong_with_function(name: str, files: Iterable[File]) -> Iterator[str]:
    """What is wrong with a function."""
    files = list(files)
    expected = FUNCTIONS.get(name)
    shipped = [str(file.path) for file in files]
    if expected is None:
        yield "it is no function of this repository"
    elif shipped != [*expected.files]:
        yield f"it ships {_some(shipped)} instead of {_some([*expected.files])} alone"
    else:
        for file in files:
            if file.content != expected.files[str(file.path)].read_bytes():
                yield f"{file.path} is not the repository's"
    yield from _unreadable(files)


def wrong_with_layer(
    files: Iterable[File], target: Target = LAMBDA, limit: int = LAYER_LIMIT
) -> Iterator[str]:
    """What is wrong with the layer."""
    files = list(files)
    for file in files:
        if file.path.parts[0] != "python":
            yield f"{file.path} is where no runtime looks for it"
        is_ours = file.path.parts[:2] == ("python", "licensing")
        if is_ours and not file.is_bytecode and file.path.suffix != ".py":
            yield f"{file.path} is no code of the package"
        if file.path.name == "WHEEL":
            yield from wrong_with_tags(str(file.path.parent.name), file.content.decode(), target)
        yield from wrong_with_binary(file, target)
    if not any(file.path.parts[:2] == ("python", "licensing") for file in files):
        yield "the package is not in it"
    for package in sorted(_RUNTIME_BRINGS & {file.package for file in files}):
        yield f"{package} comes with the runtime"
    yield from wrong_with_bytecode(files, target)
    yield from _not_needed(files)
    yield from _unreadable(files)
    size = sum(len(file.content) for file in files)
    if size > limit:
        yield f"{size:,} bytes are more than the limit of {limit:,}"


def wrong_with_tags(name: str, wheel: str, target: Target) -> Iterator[str]:
    """What is wrong with a wheel, by its tags: one that fits is enough."""
    tags = re.findall(r"(?m)^Tag: *(\S+)", wheel)
    if not any(_fits(tag, target) for tag in tags):
        yield f"{name} is a wheel for {_some(tags) or 'nothing at all'}"


def _fits(tag: str, target: Target) -> bool:
    if _PURE.fullmatch(tag):
        return True
    parsed = _NATIVE.fullmatch(tag)
    if parsed is None or parsed[4] != target.machine:
        return False
    minor, abi, system, _ = parsed.groups()
    python = int(minor) <= target.minor if abi == "abi3" else abi == f"cp3{target.minor}"
    glibc = _GLIBC_OF.get(system) or int(system.removeprefix("manylinux_2_"))
    return python and glibc <= target.glibc


def wrong_with_binary(file: File, target: Target) -> Iterator[str]:
    """What is wrong with a file that the machine runs, by its first bytes and its name."""
    head = file.content[:20]
    for magic, system in _OTHER_SYSTEMS.items():
        if head.startswith(magic):
            yield f"{file.path} is made for {system}"
    if head.startswith(b"\x7fELF"):
        machine = int.from_bytes(head[18:20], "little")
        if (head[4], head[5], machine) != (_ELF_64_BIT, _ELF_LITTLE_ENDIAN, target.elf):
            yield f"{file.path} is made for another machine than {target.machine}"
    elif file.path.suffix == ".so":
        yield f"{file.path} is no program of Linux"
    ours = (f".cpython-3{target.minor}-{target.machine}-linux-gnu.so", ".abi3.so")
    is_native = head.startswith(b"\x7fELF") or file.path.suffix in {".so", ".pyd", ".dylib"}
    if is_native and not file.path.name.endswith(ours):
        yield f"{file.path} is not named for Python 3.{target.minor} on {target.machine}"


def wrong_with_bytecode(files: Iterable[File], target: Target) -> Iterator[str]:
    """What modules lack bytecode, and what bytecode is of no use."""
    files = list(files)
    modules = {
        file.path.parent / _BYTECODE / f"{file.path.stem}.cpython-3{target.minor}.pyc": file
        for file in files
        if file.path.suffix == ".py"
    }
    compiled = {file.path: file for file in files if file.is_bytecode or file.path.suffix == ".pyc"}
    if bare := [str(modules[path].path) for path in sorted(modules.keys() - compiled.keys())]:
        yield f"not compiled: {_some(bare)}"
    if stray := [str(path) for path in sorted(compiled.keys() - modules.keys())]:
        yield f"bytecode of no module for Python 3.{target.minor}: {_some(stray)}"
    if rigid := [
        str(path)
        for path in sorted(compiled.keys() & modules.keys())
        if compiled[path].content[4:8] != _CHECKED_HASH
    ]:
        yield f"bytecode that does not look at its source: {_some(rigid)}"
    if unused := [
        str(path)
        for path in sorted(compiled.keys() & modules.keys())
        if not _is_compiled_from(compiled[path].content, modules[path].content, target)
    ]:
        yield f"bytecode of another source or Python: {_some(unused)}"


def _is_compiled_from(bytecode: bytes, source: bytes, target: Target) -> bool:
    version = _VERSIONS[target.minor].to_bytes(2, "little") + b"\r\n"
    # Its public name, in importlib, knows the version of the Python that runs this alone.
    digest = _imp.source_hash(int.from_bytes(version, "little"), source)
    return (bytecode[:4], bytecode[8:16]) == (version, digest) and len(bytecode) > 16


def _not_needed(files: Iterable[File]) -> Iterator[str]:
    offenders: defaultdict[str, list[str]] = defaultdict(list)
    for file in files:
        kinds = [_FOLDERS[folder] for folder in file.path.parent.parts if folder in _FOLDERS]
        kinds += [kind for name, kind in _FILES.items() if re.fullmatch(name, file.path.name)]
        for kind in kinds[:1]:
            offenders[kind].append(str(file.path))
    for kind, paths in offenders.items():
        yield f"{kind}: {_some(paths)}"


def _unreadable(files: Iterable[File]) -> Iterator[str]:
    for file in files:
        if not (stat.S_ISREG(file.mode) and file.mode & stat.S_IROTH):
            yield f"{file.path} is not for everybody to read ({stat.filemode(file.mode)})"


def differences(files: Iterable[File], again: Iterable[File]) -> Iterator[str]:
    """What two builds of one artefact differ in."""
    once, twice = ({str(file.path): file for file in build} for build in (files, again))
    differing = sorted(path for path in once | twice if once.get(path) != twice.get(path))
    if differing:
        yield f"a second build makes a difference in {_some(differing)}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _OFFENDERS} more" if len(names) > _OFFENDERS else ""
    return ", ".join(names[:_OFFENDERS]) + more


# -- the command -------------------------------------------------------------------------------


def table(built: Mapping[str, list[File]]) -> Iterator[str]:
    """The sizes of all artefacts, the layer's by package, and their digests."""
    yield f"{'':28}{'unzipped':>12}{'zipped':>12}  digest"
    for name, files in sorted(built.items()):
        loose, packed = unzipped(files), zipped(files)
        sizes = f"{sum(loose.values()):12,}{sum(packed.values()):12,}"
        yield f"{name:28}{sizes}  {digest(files)[:16]}"
        if name == LAYER:
            for package in sorted(loose, key=lambda one: -loose[one]):
                yield f"  {package:26}{loose[package]:12,}{packed[package]:12,}"


def main(built: str, again: str, *variables: str) -> int:
    """Print what was built, and what is wrong with it; 1 if anything is."""
    machine = target(dict(variable.split("=", 1) for variable in variables))
    limit = LAYER_LIMIT if machine == LAMBDA else _AWS_LIMIT
    first, second = ({one.name: read(one) for one in artefacts(Path(p))} for p in (built, again))
    sys.stdout.write("".join(f"{line}\n" for line in table(first)))
    wrong = [f"{name} has not been built" for name in sorted({LAYER, *FUNCTIONS} - first.keys())]
    for name, files in first.items():
        is_layer = name == LAYER
        found = (
            wrong_with_layer(files, machine, limit)
            if is_layer
            else wrong_with_function(name, files)
        )
        wrong += [f"{name}: {what}" for what in found]
        wrong += [f"{name}: {what}" for what in differences(files, second.get(name, []))]
    for line in wrong:
        sys.stdout.write(f"WRONG {line}\n")
    if not wrong:
        where = "Lambda" if machine == LAMBDA else f"Python 3.{machine.minor} on {machine.machine}"
        sys.stdout.write(f"{len(first)} artefacts are fit for {where}; built twice, the same\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
