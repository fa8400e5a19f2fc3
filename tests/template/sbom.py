"""Hold a bill of materials against what ships: `python sbom.py SBOM LOCK`."""

import json
import re
import sys
from pathlib import Path
from typing import Any


def differences(document: dict[str, Any], lock: str) -> list[str]:
    """What a bill of materials has too much, too little or otherwise than a lock file."""
    pinned = set(re.findall(r"(?m)^([a-z0-9-]+)==([^ ]+)", lock))
    listed = {(one["name"], one["version"]) for one in document["components"]}
    hashes = set(re.findall(r"sha256:([0-9a-f]{64})", lock))
    told = {
        one["content"]
        for component in document["components"]
        for reference in component["externalReferences"]
        for one in reference.get("hashes", [])
    }
    return [
        *(f"{name} {version} is missing" for name, version in sorted(pinned - listed)),
        *(f"{name} {version} does not ship" for name, version in sorted(listed - pinned)),
        *(["hashes are missing"] if hashes - told else []),
        *(["hashes are none of the lock's"] if told - hashes else []),
        *(
            []
            if document["metadata"]["component"]["name"] == "licensing"
            else ["it is not about this package"]
        ),
    ]


if __name__ == "__main__":
    wrong = differences(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]).read_text())
    sys.exit("\n".join(wrong) or 0)
