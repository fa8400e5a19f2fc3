"""AWS's own APIs at the local service's address, so that the `aws` CLI works on the local stack.

With that address as its endpoint, a signed call gets to what answers for AWS in this process: moto,
one call at a time. Two services are answered here, since only the stack knows:
CloudFormation, which tells what the template's resources are called, and Lambda's `Invoke`. What
a call is signed with is not looked at: nobody but this machine can reach the address.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSRequest
from moto.core.models import botocore_stubber

from tests.local.events import Request, Response
from tests.local.execution import FunctionError
from tests.local.template import REGION, STACK_NAME, Template, TemplateError

_SIGNED_FOR = re.compile(r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/[^/]+/([a-z-]+)/aws4_request")
_INVOKE = re.compile(r"/2015-03-31/functions/([^/:]+)(?::[^/]*)?/invocations")
_NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"

InvokeFunction = Callable[[str, Mapping[str, Any]], Any]


class AwsEndpoint:
    """Answers what is signed as a call to AWS."""

    def __init__(self, template: Template, invoke: InvokeFunction) -> None:
        """`template` is one whose resources have been created."""
        self._template = template
        self._invoke = invoke

    def answer(self, request: Request) -> Response | None:
        """The answer to a call to AWS, or None when it is none."""
        signed = _SIGNED_FOR.match(request.header("authorization") or "")
        if signed is None:
            return None
        invoked = _INVOKE.fullmatch(unquote(request.path))
        if invoked is not None:
            return self._invoked(invoked[1], request.body)
        if signed[1] == "cloudformation":
            return self._cloudformation(request)
        return _of_moto(signed[1], request)

    def _invoked(self, function: str, payload: bytes) -> Response:
        """What Lambda answers to a call that waits for the function's result."""
        if function not in self._template.of_type("AWS::Serverless::Function"):
            fault = {"Type": "User", "Message": f"Function not found: {function}"}
            kind = ("x-amzn-errortype", "ResourceNotFoundException")
            return Response.of_json(404, fault, kind)
        try:
            return Response.of_json(200, self._invoke(function, json.loads(payload or b"{}")))
        except FunctionError as error:
            failed = ("x-amz-function-error", "Unhandled")
            return Response.of_json(200, error.payload("local"), failed)

    def _cloudformation(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        action, stack = form.get("Action", ""), form.get("StackName")
        if stack != STACK_NAME:
            return _fault("ValidationError", f"Stack with id {stack} does not exist")
        if action == "DescribeStacks":
            members = "".join(
                f"<member><OutputKey>{name}</OutputKey>"
                f"<OutputValue>{escape(value)}</OutputValue></member>"
                for name, value in self._template.outputs().items()
            )
            told = (
                f"<Stacks><member><StackName>{stack}</StackName>"
                "<CreationTime>2026-01-01T00:00:00Z</CreationTime>"
                f"<StackStatus>CREATE_COMPLETE</StackStatus><Outputs>{members}</Outputs>"
                "</member></Stacks>"
            )
        elif action == "DescribeStackResource":
            logical_id = form.get("LogicalResourceId", "")
            try:
                name = self._template.physical_id(logical_id)
            except TemplateError as error:
                return _fault("ValidationError", str(error))
            told = (
                f"<StackResourceDetail><StackName>{stack}</StackName>"
                f"<LogicalResourceId>{logical_id}</LogicalResourceId>"
                f"<PhysicalResourceId>{escape(name)}</PhysicalResourceId>"
                "<ResourceStatus>CREATE_COMPLETE</ResourceStatus></StackResourceDetail>"
            )
        else:
            return _fault("InvalidAction", f"{action} is not local")
        return _xml(
            200,
            f'<{action}Response xmlns="{_NAMESPACE}"><{action}Result>{told}</{action}Result>'
            f"</{action}Response>",
        )


def _of_moto(service: str, request: Request) -> Response:
    """What moto answers: the call is sent to where it would have gone without an endpoint."""
    target = request.header("x-amz-target") or ""
    if target.startswith("DynamoDBStreams_"):
        service = "streams.dynamodb"
    headers = {k: v for k, v in request.headers if k.lower() not in {"host", "connection"}}
    sent = AWSRequest(
        method=request.method,
        url=f"https://{service}.{REGION}.amazonaws.com{request.target}",
        headers=headers,
        data=request.body,
    ).prepare()
    answer = botocore_stubber("before-send", sent)
    if answer is None:
        return Response.message(501, f"{service} is not local")
    return Response(answer.status_code, list(answer.headers.items()), answer.content)


def _fault(code: str, message: str) -> Response:
    return _xml(
        400,
        f'<ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>Sender</Type><Code>{code}</Code>'
        f"<Message>{escape(message)}</Message></Error></ErrorResponse>",
    )


def _xml(status: int, text: str) -> Response:
    return Response(status, [("content-type", "text/xml")], text.encode())
