"""What `live`, the alias that is called, serves of each function: compare, go back, clear up.

* :func:`differences` holds code and settings of `live` against what was built, file by file and
  variable by variable: a deployment that reports success may have published nothing. It tells no
  value of a variable that may have a secret's: pipelines keep what it says.
* :func:`go_back` moves `live` of all functions to the release before, or to one that is named.
  Which one was before is on :func:`record`, in an alias: the next lower number may have failed.
* :func:`remove_versions` removes what no alias names.
"""

import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any

from tests.artefacts.building import LAYER
from tests.artefacts.check import lasting
from tests.deployment.build import Build
from tests.deployment.stack import Stack, StackError
from tests.local.template import DYNAMIC

LIVE = "live"
BEFORE = "before"
"""The alias of the way back: what was live before the last deployment. Nobody calls it."""

RELEASE = "RELEASE"
"""The variable that has the number of the release, in each version of each function."""

_CONFIGURED = ("Architectures", "Handler", "MemorySize", "Runtime", "Timeout")
_FIRST = "1"  # Lambda counts the versions of each function from here, and uses no number twice

Fetch = Callable[[str], bytes]
"""What an address answers: Lambda gives one for the code of each version."""


class RollbackError(Exception):
    """There is no release to go back to; the message says what to do."""


def live_versions(stack: Stack, functions: Any) -> Mapping[str, str]:
    """The number of the version that is live, by the function's name.

    Raises :class:`StackError` if a function has none: it was not deployed to its end.
    """
    try:
        return {
            name: functions.get_alias(FunctionName=name, Name=LIVE)["FunctionVersion"]
            for name in stack.functions.values()
        }
    except functions.exceptions.ResourceNotFoundException as error:
        raise StackError(
            f"Not every function has a live version. Run `make deploy`. ({error})"
        ) from None


def differences(
    stack: Stack, build: Build, functions: Any, configurations: Any, fetch: Fetch
) -> Iterator[str]:
    """How what is live differs from what was built, with the stack's parameters."""
    template = stack.template(build.template)
    for logical_id in sorted(build.functions ^ stack.functions.keys()):
        where = "deployed" if logical_id in build.functions else "built"
        yield f"{logical_id} is not {where}"
    release = template.properties("Release", "Content")
    content = configurations.get_hosted_configuration_version(
        ApplicationId=stack.resources["Releases"].physical_id,
        ConfigurationProfileId=stack.resources["ReleaseProfile"].physical_id.split("|")[-1],
        VersionNumber=stack.release,
    )["Content"].read()
    yield from _lines(f"release {stack.release}", content.decode(), release["Content"])
    others: dict[str, list[str]] = {}
    for logical_id in sorted(build.functions & stack.functions.keys()):
        name = stack.functions[logical_id]
        found = functions.get_function(FunctionName=name, Qualifier=LIVE)
        live = found["Configuration"]
        where = f"{logical_id}, live at version {live['Version']},"
        deployed = dict(live["Environment"]["Variables"])
        built = template.function(logical_id, "Environment")["Environment"]["Variables"]
        # Another release may have had a secret's value in a variable that this one does not know.
        secret = template.secret_variables(logical_id) | (
            deployed.keys() - built.keys() - {RELEASE}
        )
        yield from _secrets(
            where,
            {name: deployed.pop(name, "") for name in sorted(secret)},
            {name: built.pop(name, "") for name in secret},
        )
        serves = deployed.pop(RELEASE, "none")
        if serves != built.pop(RELEASE):
            others.setdefault(serves, []).append(logical_id)
        yield from _settings(where, deployed, built)
        configured = template.function(logical_id, *_CONFIGURED)
        yield from _settings(where, {name: live.get(name) for name in _CONFIGURED}, configured)
        if [layer["Arn"] for layer in live.get("Layers", [])] != [stack.layer]:
            yield f"{where} does not have the layer {stack.layer}"
        if live.get("State") == "Failed":
            yield f"{where} cannot start: {live.get('StateReason')}"
        yield from _files(where, fetch(found["Code"]["Location"]), build.files(logical_id))
    for number, names in others.items():
        yield f"release {number} is live instead of {stack.release}: {', '.join(names)}"
    layer, _, version = stack.layer.rpartition(":")
    found = functions.get_layer_version(LayerName=layer, VersionNumber=int(version))
    yield from _files("the layer", fetch(found["Content"]["Location"]), build.files(LAYER))


def _lines(where: str, deployed: str, built: str) -> Iterator[str]:
    def settings(text: str) -> Mapping[str, str]:
        return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)

    yield from _settings(where, settings(deployed), settings(built))


def _settings(where: str, deployed: Mapping[str, Any], built: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(deployed.keys() | built.keys()):
        if deployed.get(name) != built.get(name):
            yield f"{where} has {name}={deployed.get(name)!r}; {built.get(name)!r} was built"


def _secrets(where: str, deployed: Mapping[str, str], built: Mapping[str, str]) -> Iterator[str]:
    """How variables differ whose values are not to be told, and may not be known here."""
    for name, value in deployed.items():
        if DYNAMIC in built[name]:
            if not value or DYNAMIC in value:
                yield f"{where} does not have {name}, which a secret holds"
        elif value != built[name]:
            yield f"{where} has another {name} than was built, which is not shown: it may be secret"


def _files(where: str, archive: bytes, built: Mapping[str, bytes]) -> Iterator[str]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        deployed = {
            name: lasting(PurePosixPath(name), opened.read(name))
            for name in opened.namelist()
            if not name.endswith("/")
        }
    names = deployed.keys() | built.keys()
    other = sorted(name for name in names if deployed.get(name) != built.get(name))
    if other:
        yield f"{where} has different code: {other[0]} and {len(other) - 1} more files"


def restore(stack: Stack, functions: Any, before: Mapping[str, str]) -> int:
    """Let `live` serve again what it served `before`, by the function's name; of how many.

    CloudFormation, which undoes what failed, knows of no rollback: it would go back to what was
    left behind.
    """
    live = live_versions(stack, functions)
    moved = {name: number for name, number in before.items() if live.get(name) != number}
    _move(functions, moved)
    return len(moved)


def go_back(stack: Stack, functions: Any, to: int | None = None) -> tuple[int, int]:
    """Move `live` of all functions to another release; the one that was left, and this one.

    It is the one that was served before, or the one that is named. A function that came with the
    release that is left stays: nobody called it before. What was interrupted is brought to its end
    by doing it again. Raises :class:`RollbackError`, before anything is moved, if a function has no
    version to go to.
    """
    versions = {name: _versions(functions, name) for name in stack.functions.values()}
    live = live_versions(stack, functions)
    left = max(versions[name][number] for name, number in live.items())
    target = _before(functions, versions, left) if to is None else to
    kept = ", ".join(
        map(str, sorted({one for found in versions.values() for one in found.values()}))
    )
    if target is None:
        raise RollbackError(
            f"The release before {left} is not on record. Name one: TO=<release>. These are "
            f"kept: {kept}."
        )
    moves: dict[str, str] = {}
    for name, found in versions.items():
        number = next((number for number, release in found.items() if release == target), None)
        if number is not None:
            moves[name] = number
        elif live[name] != _FIRST:
            raise RollbackError(
                f"{name} has no version of release {target}. Name another one: TO=<release>. These "
                f"are kept: {kept}. Or check out the commit and run `make deploy`."
            )
    _move(functions, {name: number for name, number in moves.items() if number != live[name]})
    return left, target


def record(stack: Stack, functions: Any, before: Mapping[str, str]) -> bool:
    """Put on record what was served `before`, by the function's name; whether it was another."""
    live = live_versions(stack, functions)
    if all(before.get(name, number) == number for name, number in live.items()):
        return False
    for name in live:
        _forget(functions, name)
        if name in before:
            functions.create_alias(
                FunctionName=name,
                Name=BEFORE,
                FunctionVersion=before[name],
                Description=_before_release(stack.release),
            )
    return True


def forget(stack: Stack, functions: Any) -> None:
    """Give up the way back."""
    for name in stack.functions.values():
        _forget(functions, name)


def remove_versions(stack: Stack, functions: Any, above: int = 0) -> int:
    """Remove all versions of releases `above` one that no alias names; how many there were."""
    removed = 0
    for name in stack.functions.values():
        named = {*_named_by_aliases(functions, name)}
        for number, release in _versions(functions, name).items():
            if release > above and number not in named:
                functions.delete_function(FunctionName=name, Qualifier=number)
                removed += 1
    return removed


def _before(functions: Any, versions: Mapping[str, Mapping[str, int]], left: int) -> int | None:
    """The release that was served before this one, if it is on record."""
    for name, found in versions.items():
        try:
            alias = functions.get_alias(FunctionName=name, Name=BEFORE)
        except functions.exceptions.ResourceNotFoundException:
            continue
        if alias.get("Description") == _before_release(left):
            return found[alias["FunctionVersion"]]
    return None


def _before_release(release: int) -> str:
    return f"what was live before release {release}"


def _forget(functions: Any, name: str) -> None:
    with suppress(functions.exceptions.ResourceNotFoundException):
        functions.delete_alias(FunctionName=name, Name=BEFORE)


def _versions(functions: Any, name: str) -> Mapping[str, int]:
    """The release of each published version of a function, by the version's number."""
    pages = functions.get_paginator("list_versions_by_function").paginate(FunctionName=name)
    return {
        one["Version"]: int(one["Environment"]["Variables"].get(RELEASE, 0))
        for page in pages
        for one in page["Versions"]
        if one["Version"] != "$LATEST"
    }


def _named_by_aliases(functions: Any, name: str) -> Iterator[str]:
    # `live`, and whatever somebody made by hand.
    for page in functions.get_paginator("list_aliases").paginate(FunctionName=name):
        for alias in page["Aliases"]:
            yield alias["FunctionVersion"]
            yield from alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})


def _move(functions: Any, to: Mapping[str, str]) -> None:
    """Move `live` of functions to versions, all of which can be called."""
    for name, number in to.items():
        found = functions.get_function_configuration(FunctionName=name, Qualifier=number)
        if found.get("State") == "Failed":
            raise RollbackError(f"Version {number} of {name} cannot start: {found['StateReason']}")
        if found.get("State") == "Pending":
            waiter = functions.get_waiter("published_version_active")
            waiter.wait(FunctionName=name, Qualifier=number)
    for name, number in to.items():
        functions.update_alias(FunctionName=name, Name=LIVE, FunctionVersion=number)
