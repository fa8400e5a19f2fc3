"""A site of a test's own: a few files of it beside the portal's, under the portal's policy."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.local.events import Request, Response
from tests.local.server import Server

STATIC = Path(__file__).parents[2] / "functions/portal/static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}


@contextmanager
def site(files: Mapping[str, str]) -> Iterator[str]:
    """Serve `files` by their names, index.html among them, and the portal's static files."""

    def answer(request: Request) -> Response:
        name = request.path.removeprefix("/") or "index.html"
        path = STATIC / name
        if name == "favicon.ico":  # which a browser asks for of its own accord
            return Response(204, [], b"")
        if name in files:
            content = files[name]
        elif path.parent == STATIC and path.is_file():
            content = path.read_text(encoding="utf-8")
        else:
            return Response.message(404, "Not Found")
        kind = f"{_TYPES[path.suffix]}; charset=utf-8"
        headers = [("content-type", kind), ("content-security-policy", POLICY)]
        return Response(200, headers, content.encode())

    server = Server(answer)
    try:
        yield server.url
    finally:
        server.stop()
