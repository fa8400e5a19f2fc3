"""The client of the story reaches whatever is on this machine, by any name that it has."""

from contextlib import closing
from urllib.parse import urlsplit

from tests.local.client import Client
from tests.local.events import Response
from tests.local.server import Server


def test_each_name_below_localhost_is_this_machine_and_is_said_to_whom_it_asks() -> None:
    server = Server()
    server.serve(lambda request: Response.of_json(200, {"host": request.header("host")}))
    port = urlsplit(server.url).port
    try:
        with closing(Client(f"http://a1b2.execute-api.localhost:{port}")) as client:
            answer = client.call("GET", "/").expect(200)
    finally:
        server.stop()
    assert answer["host"] == f"a1b2.execute-api.localhost:{port}"
