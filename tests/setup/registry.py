"""The registry of all that the tests need beside Python's packages."""

from argparse import ArgumentTypeError

from tests.setup import chromium, clients, dynamodb_local, go, java, node, peer
from tests.setup.needs import Need

PORTAL_CHECKS = "portal"
"""The npm packages that judge the portal: by its code, and by its accessibility in the browser."""


def _browser_found() -> str:
    node.modules(PORTAL_CHECKS)
    return chromium.found()


def _bring_browser() -> None:
    chromium.bring()
    node.install(PORTAL_CHECKS)


DYNAMODB_LOCAL = Need(
    "dynamodb-local",
    "DynamoDB Local",
    frozenset({"engine", "fresh_portal", "crowded"}),
    dynamodb_local.found,
    dynamodb_local.bring,
    "Install Java 17 or newer and Node 20 or newer, or go on without: WITHOUT=dynamodb-local",
)
BROWSER = Need(
    "browser",
    "Chromium, and the npm packages that judge the portal in it",
    frozenset({"browser"}),
    _browser_found,
    _bring_browser,
    "Install Chromium or Chrome, or name one by CHROMIUM=, or go on without: WITHOUT=browser",
)
NODE = Need(
    "node",
    "Node",
    frozenset(),
    lambda: str(node.found().node),
    node.bring,
    "Install Node 20 or newer, or go on without: WITHOUT=node",
)
GO = Need(
    "go",
    "Go",
    frozenset(),
    go.found,
    go.bring,
    "Install Go 1.21 or newer, or go on without: WITHOUT=go",
)
JDK = Need(
    "jdk",
    "A JDK",
    frozenset(),
    java.compiler,
    lambda: None,
    "Install a JDK 17 or newer, or name one by JAVA_HOME=",
    is_optional=True,
)
CLIENTS = Need(
    "clients",
    "What makes clients out of the API's document, for Python and TypeScript",
    frozenset(),
    clients.found,
    clients.bring,
    "Install Node 20 or newer with npm, or go on without: WITHOUT=clients",
)
PEER = Need(
    "peer",
    "What the peer of the benchmarks is built of: FastAPI, uvicorn and asyncpg",
    frozenset({"peer"}),
    peer.found,
    peer.bring,
    "See to a network, or go on without: WITHOUT=peer",
)
POSTGRESQL = Need(
    "postgresql",
    "PostgreSQL, which the peer of the benchmarks keeps its data in",
    frozenset({"peer"}),
    lambda: str(peer.postgresql()),
    lambda: None,
    "Install PostgreSQL's server: apt-get install postgresql",
    is_optional=True,
)
NEEDS = (DYNAMODB_LOCAL, BROWSER, NODE, GO, JDK, CLIENTS, PEER, POSTGRESQL)


def names(text: str) -> frozenset[str]:
    """Needs, as they are named on a command line: separated by commas or blanks."""
    named = frozenset(text.replace(",", " ").split())
    known = {need.name for need in NEEDS}
    if unknown := sorted(named - known):
        raise ArgumentTypeError(f"{', '.join(unknown)} is none of {', '.join(sorted(known))}")
    return named
