"""The template for `sam local`, which runs what was built in containers, on this machine's data.

`sam local` knows of no resource's name and sets no variable that the template does not declare. So
the built template is written once more beside itself, with each function's settings as they are in
the service that is up, and with that service as the endpoint of all of AWS.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

NAME = "local.yaml"


def write(build: Path, environments: Mapping[str, Mapping[str, str]], url: str) -> Path | None:
    """Write the template for functions with these environments; None if nothing is built."""
    template = build / "template.yaml"
    if not template.is_file():
        return None
    document: dict[str, Any] = yaml.safe_load(template.read_text(encoding="utf-8"))
    del document["Globals"]["Function"]["Environment"]
    for function, environment in environments.items():
        variables = {**environment, "AWS_ENDPOINT_URL": url}
        document["Resources"][function]["Properties"]["Environment"] = {"Variables": variables}
    path = build / NAME
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path
