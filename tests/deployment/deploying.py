"""The calls of `sam deploy` that a deployment is made of.

What this module guarantees:

* A stack that does not exist yet is made with `DeletionProtection=off`, and set to `on` at the end.
  CloudFormation undoes a first deployment that fails by deleting what it has made, and cannot
  delete a table or a user pool that is protected: the stack would be left half undone, and both
  with it. Whoever names the parameter gets what they name, at once.
* A stack that exists is deployed once, under its stack policy unless that is to be lifted. However
  that ends, the policy is back.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.artefacts.building import ROOT
from tests.deployment import parameters, policy, stack
from tests.deployment.stack import StackError

OVERRIDES = "--parameter-overrides"
PARAMETER = "DeletionProtection"

Run = Callable[[Sequence[str]], int]
"""Runs `sam deploy` of the stack with these options; its exit status."""

Say = Callable[[str], None]


def deploy(
    name: str,
    sam: Sequence[str],
    run: Run,
    cloudformation: Any,
    say: Say,
    *,
    lifts_policy: bool = False,
) -> int:
    """Deploy the stack of this name with these options of `sam deploy`; SAM's exit status."""
    if not _exists(name, cloudformation):
        return _make(name, sam, run, cloudformation, say)
    if not lifts_policy:
        return run(sam)
    say("The stack policy is lifted for this deployment: secret, table and user pool can change.")
    with policy.lifted(name, cloudformation):
        return run(sam)


def _make(name: str, sam: Sequence[str], run: Run, cloudformation: Any, say: Say) -> int:
    options = unprotected(sam)
    if options is None:
        return run(sam)
    say(
        f"There is no stack {name} yet. It is made with {PARAMETER}=off, so that all of it goes "
        "again if that fails. Then a second deployment sets it to on."
    )
    made = run(options)
    if made != 0 or not _exists(name, cloudformation):
        return made
    say("The stack is made. Now its table and user pool are protected from deletion.")
    protects = run(protected(sam))
    if protects != 0:
        say(
            "Table and user pool are NOT protected from deletion yet. Run `make deploy "
            f'PARAMETERS="{PARAMETER}=on"`.'
        )
    return protects


def unprotected(sam: Sequence[str], root: Path = ROOT) -> list[str] | None:
    """Options that make a stack without protection, from those that are given.

    `None` if the parameter is named, there or in `samconfig.toml`, which counts if none is given.
    """
    options, given = _parts(sam)
    named = given or parameters.configured(root / "samconfig.toml")
    if any(one.startswith(f"{PARAMETER}=") for one in named):
        return None
    return [*options, OVERRIDES, *named, f"{PARAMETER}=off"]


def protected(sam: Sequence[str]) -> list[str]:
    """Options that then switch the protection on, and change nothing else: nobody is asked."""
    options, _ = _parts(sam)
    asked = [one for one in options if one != "--no-confirm-changeset"]
    return [*asked, "--no-confirm-changeset", OVERRIDES, f"{PARAMETER}=on"]


def _parts(sam: Sequence[str]) -> tuple[list[str], list[str]]:
    """The options, and the parameters among them."""
    options: list[str] = []
    given: list[str] = []
    parts = options
    for one in sam:
        if one == OVERRIDES:
            parts = given
            continue
        if one.startswith("--"):
            parts = options
        parts.append(one)
    return options, given


def _exists(name: str, cloudformation: Any) -> bool:
    try:
        stack.read(name, cloudformation)
    except StackError:
        return False
    return True
