"""What `live`, the alias that is called, serves of each function: compare, go back, clear up.

* :func:`differences` holds code and settings of `live` against what was built, file by file and
  variable by variable: a deployment that reports success may have published nothing.
* :func:`go_back` moves `live` of all functions to the release before, :func:`go_forward` to the
  release that the stack has.
* :func:`remove_versions` removes what is neither live nor the way back.
"""

import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.artefacts.building import LAYER
from tests.deployment.build import Build
from tests.deployment.stack import Stack, StackError

LIVE = "live"
RELEASE = "RELEASE"
"""The variable that has the number of the release, in each version of each function."""

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
        raise StackError(f"Not every function has a version that is live: {error}") from None


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
        serves = deployed.pop(RELEASE, "none")
        if serves != built.pop(RELEASE):
            others.setdefault(serves, []).append(logical_id)
        yield from _settings(where, deployed, built)
        if [layer["Arn"] for layer in live.get("Layers", [])] != [stack.layer]:
            yield f"{where} has another layer than {stack.layer}"
        if live.get("State") == "Failed":
            yield f"{where} cannot start: {live.get('StateReason')}"
        yield from _files(where, fetch(found["Code"]["Location"]), build.files(logical_id))
    for number, names in others.items():
        yield f"release {number} is live, not {stack.release}, of {', '.join(names)}"
    layer, _, version = stack.layer.rpartition(":")
    found = functions.get_layer_version(LayerName=layer, VersionNumber=int(version))
    yield from _files("the layer", fetch(found["Content"]["Location"]), build.files(LAYER))


def _lines(where: str, deployed: str, built: str) -> Iterator[str]:
    def settings(text: str) -> Mapping[str, str]:
        return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)

    yield from _settings(where, settings(deployed), settings(built))


def _settings(where: str, deployed: Mapping[str, str], built: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(deployed.keys() | built.keys()):
        if deployed.get(name) != built.get(name):
            yield f"{where} has {name}={deployed.get(name)!r}; {built.get(name)!r} was built"


def _files(where: str, archive: bytes, built: Mapping[str, bytes]) -> Iterator[str]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        deployed = {one: opened.read(one) for one in opened.namelist() if not one.endswith("/")}
    names = deployed.keys() | built.keys()
    other = sorted(name for name in names if deployed.get(name) != built.get(name))
    if other:
        yield f"{where} has other code: {other[0]} and {len(other) - 1} more files"


def go_forward(stack: Stack, functions: Any) -> int:
    """Move `live` to what the stack has, where it was moved back; of how many functions."""
    live = live_versions(stack, functions)
    moved = [name for name, number in live.items() if number != stack.versions[name]]
    for name in moved:
        _move(functions, name, stack.versions[name])
    return len(moved)


def go_back(stack: Stack, functions: Any) -> tuple[int, int]:
    """Move `live` of all functions to the release before; the release that was left, and this one.

    A function that came with the release stays: nobody called it before. What was interrupted is
    brought to its end by doing it again. Raises :class:`RollbackError`, before anything is moved,
    if a function has no version to go back to.
    """
    versions = {name: _versions(functions, name) for name in stack.functions.values()}
    live = live_versions(stack, functions)
    left = max(versions[name][number] for name, number in live.items())
    older = {release for found in versions.values() for release in found.values() if release < left}
    if not older:
        raise RollbackError(
            f"No release before {left} is kept: check out the commit before, and `make deploy`."
        )
    target = max(older)
    moves: dict[str, str] = {}
    for name, found in versions.items():
        to = next((number for number, release in found.items() if release == target), None)
        if to is not None:
            moves[name] = to
        elif live[name] != _FIRST:
            raise RollbackError(
                f"{name} has no version of release {target}: check out the commit before, and "
                "`make deploy`."
            )
    for name, to in moves.items():
        if to != live[name]:
            _move(functions, name, to)
    return left, target


def remove_versions(
    stack: Stack, functions: Any, before: Mapping[str, str], *, way_back: bool
) -> int:
    """Remove all versions that nobody needs any more; how many there were.

    What an alias names stays, and as the `way_back` what was live `before` the deployment, by the
    name of the function; where that is the same, the version before it.
    """
    removed = 0
    for name, live in live_versions(stack, functions).items():
        versions = _versions(functions, name)
        kept = set(_named_by_aliases(functions, name))
        if way_back:
            lower = [number for number in versions if int(number) < int(live)]
            last = before.get(name, live)
            kept |= {last} if last != live else {*sorted(lower, key=int)[-1:]}
        for number in versions.keys() - kept:
            functions.delete_function(FunctionName=name, Qualifier=number)
            removed += 1
    return removed


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


def _move(functions: Any, name: str, number: str) -> None:
    # A snapshot may have to be made again first.
    functions.get_waiter("published_version_active").wait(FunctionName=name, Qualifier=number)
    functions.update_alias(FunctionName=name, Name=LIVE, FunctionVersion=number)
