"""AWS for processes of their own: an endpoint that hands their calls to this process's moto."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.awsrequest import AWSRequest
from moto.core.models import botocore_stubber

from tests.artefacts.runtime_api import Replying, serving_http
from tests.local.template import REGION

_SERVICE = re.compile(r"Credential=\w+/\d+/[\w-]+/(\w+)/aws4_request")


class _Handler(Replying):
    def do_POST(self) -> None:  # noqa: N802 - the name that http.server looks for
        # A signature names the service that a request is for.
        service = _SERVICE.findall(self.headers["Authorization"])[0]
        host = f"{service}.{REGION}.amazonaws.com"
        headers = {**self.headers, "Host": host}
        request = AWSRequest("POST", f"https://{host}/", headers, self.body())
        answer = botocore_stubber("before-send", request.prepare())
        if answer is None:
            raise LookupError(f"{service} is not mocked")
        kind = {"Content-Type": "application/x-amz-json-1.1"}
        self.reply((answer.status_code, kind, answer.content))


@contextmanager
def answering() -> Iterator[str]:
    """Serve what `tests.local.aws.mocked` mocks; the endpoint's URL."""
    with serving_http(_Handler) as address:
        yield f"http://{address}"
