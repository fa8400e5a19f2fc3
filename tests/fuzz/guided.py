"""One target under atheris, which steers its bytes by the code that they reach.

`python -m tests.fuzz.guided TARGET RUNS SEED FOLDER` starts from the target's seeds and examples,
keeps in FOLDER what reached further, and ends with a traceback and another status than 0 as soon
as the target raises what it must not. A process of its own: the fuzzer ends the one that it is in.
"""

import sys
from pathlib import Path

import atheris  # type: ignore[import-untyped]

# Everything that runs has to be imported here: what is imported earlier is not seen.
with atheris.instrument_imports(include=["licensing", "billing", "tests.fuzz.targets"]):
    from tests.fuzz import targets
    from tests.fuzz.targets import Fuzzed


def main(name: str, runs: str, seed: str, folder: str) -> None:
    """Run one target; does not return."""
    planted = Fuzzed(targets.planted, [b"java"])
    target = planted if name == "planted" else targets.TARGETS[name]
    corpus = Path(folder)
    for number, data in enumerate([*target.seeds, *target.examples]):
        (corpus / f"seed-{number}").write_bytes(data)
    arguments = [f"-runs={runs}", f"-seed={seed}", "-max_len=2048", "-artifact_prefix=" + folder]
    atheris.Setup([sys.argv[0], *arguments, folder], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
