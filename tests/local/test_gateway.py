"""The gateway hands over what API Gateway hands over, and lets nobody else in."""

import base64
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from joserfc import jws, jwt
from joserfc.jwk import KeySet, RSAKey

from tests.local.authorizer import TokenVerifier
from tests.local.deployment import Authorizer, Route
from tests.local.events import Request, Response
from tests.local.execution import FunctionError
from tests.local.gateway import Gateway

USERS = Authorizer("https://issuer.example", ("agents",))
KEY = RSAKey.generate_key(2048, {"kid": "one"})
ROUTES = [
    Route("POST", "/v1/licenses", "Issue", USERS),
    Route("GET", "/v1/licenses/{license_id}", "Get", USERS),
    Route("GET", "/v1/licenses/newest", "Newest", USERS),
    Route("POST", "/v1/licenses/validate", "Validate", None),
]


class Functions:
    """Functions that keep their events and return what they are told to."""

    def __init__(self, result: Any = None) -> None:
        self.result = result
        self.events: list[tuple[str, Mapping[str, Any]]] = []

    def __call__(self, name: str, event: Mapping[str, Any]) -> Any:
        self.events.append((name, event))
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    @property
    def event(self) -> Mapping[str, Any]:
        """The one event that there was."""
        ((_, event),) = self.events
        return event


def gateway(functions: Functions) -> Gateway:
    verifier = TokenVerifier(USERS, KeySet([RSAKey.import_key(KEY.as_dict(private=False))]))
    return Gateway(ROUTES, {USERS: verifier}, functions, lambda: 1_700_000_000.25)


def request(
    method: str = "POST",
    target: str = "/v1/licenses/validate",
    *headers: tuple[str, str],
    body: bytes = b"",
) -> Request:
    return Request(method, target, headers, body, "192.0.2.7")


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    good = {
        "iss": USERS.issuer,
        "aud": "agents",
        "sub": "alice-1",
        "token_use": "id",
        "iat": now,
        "exp": now + 600,
    }
    return {name: value for name, value in (good | changed).items() if value is not None}


def token(**changed: Any) -> str:
    return jwt.encode({"alg": "RS256", "kid": "one"}, claims(**changed), KEY)


def test_an_event_has_the_shape_of_api_gateways() -> None:
    functions = Functions({"statusCode": 200})
    gateway(functions).answer(
        request(
            "GET",
            "/v1/licenses/lic%20x?a=1&b=%C3%A4&a=2&empty=",
            ("Host", "api.example"),
            ("User-Agent", "agent/4.5"),
            ("X-Tag", "one"),
            ("x-tag", "two"),
            ("Cookie", "c=1"),
            ("Authorization", f"Bearer {token()}"),
        )
    )
    event = dict(functions.event)
    context = dict(event.pop("requestContext"))
    assert event.pop("headers").items() >= {
        ("host", "api.example"),
        ("user-agent", "agent/4.5"),
        ("x-tag", "one,two"),
        ("x-forwarded-for", "192.0.2.7"),
    }
    assert event == {
        "version": "2.0",
        "routeKey": "GET /v1/licenses/{license_id}",
        "rawPath": "/v1/licenses/lic x",
        "rawQueryString": "a=1&b=%C3%A4&a=2&empty=",
        "cookies": ["c=1"],
        "queryStringParameters": {"a": "1,2", "b": "ä", "empty": ""},
        "pathParameters": {"license_id": "lic x"},
        "isBase64Encoded": False,
    }
    assert context.pop("requestId")
    assert context.pop("authorizer")["jwt"]["scopes"] is None
    assert context == {
        "accountId": "123456789012",
        "apiId": "local",
        "domainName": "api.example",
        "domainPrefix": "api",
        "http": {
            "method": "GET",
            "path": "/v1/licenses/lic x",
            "protocol": "HTTP/1.1",
            "sourceIp": "192.0.2.7",
            "userAgent": "agent/4.5",
        },
        "routeKey": "GET /v1/licenses/{license_id}",
        "stage": "$default",
        "time": "14/Nov/2023:22:13:20 +0000",
        "timeEpoch": 1_700_000_000_250,
    }


def test_a_route_without_authorizer_is_told_no_claims() -> None:
    functions = Functions({"statusCode": 200})
    answer = gateway(functions).answer(
        request("POST", "/v1/licenses/validate", ("Authorization", "Bearer nonsense"))
    )
    assert answer.status == 200
    assert "authorizer" not in functions.event["requestContext"]
    assert not {"body", "cookies", "pathParameters", "queryStringParameters"} & set(functions.event)


def test_claims_are_handed_over_as_strings() -> None:
    functions = Functions({"statusCode": 200})
    exp = int(time.time()) + 60
    passed = token(
        exp=exp,
        email_verified=True,
        **{"cognito:groups": ["org-admin", "partner"], "none": [], "map": {"b": 1, "a": [2]}},
    )
    gateway(functions).answer(request("POST", "/v1/licenses", ("Authorization", passed)))
    handed = functions.event["requestContext"]["authorizer"]["jwt"]["claims"]
    assert handed["exp"] == str(exp)
    assert handed["email_verified"] == "true"
    assert handed["cognito:groups"] == "[org-admin partner]"
    assert handed["none"] == "[]"
    assert handed["map"] == "map[a:[2] b:1]"


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        ("application/json; charset=utf-8", b'{"a": 1}', True),
        ("text/plain", "ü".encode(), True),
        ("application/json", b"\xff", False),
        ("application/x-www-form-urlencoded", b"a=1", False),
        ("application/octet-stream", b"\x00", False),
    ],
)
def test_a_body_that_is_not_text_comes_in_base64(kind: str, body: bytes, text: bool) -> None:  # noqa: FBT001 - a table
    functions = Functions({"statusCode": 200})
    gateway(functions).answer(
        request("POST", "/v1/licenses/validate", ("Content-Type", kind), body=body)
    )
    assert functions.event["isBase64Encoded"] is not text
    handed = functions.event["body"]
    assert (handed.encode() if text else base64.b64decode(handed)) == body


def signed_by(key: Any, alg: str, **header: Any) -> str:
    return jws.serialize_compact(
        {"alg": alg, "kid": "one"} | header, json.dumps(claims()), key, algorithms=[alg]
    )


def part(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned() -> str:
    return f"{part({'alg': 'none', 'kid': 'one'})}.{part(claims())}."


def tampered() -> str:
    header, _, signature = token().split(".")
    return f"{header}.{part(claims(sub='olivia-1'))}.{signature}"


def signed_with_the_public_key() -> str:
    signed = f"{part({'alg': 'HS256', 'kid': 'one'})}.{part(claims())}"
    mac = hmac.digest(KEY.as_pem(private=False), signed.encode(), "sha256")
    return f"{signed}.{part(mac)}"


REFUSED: Mapping[str, Callable[[], str]] = {
    "empty": lambda: " ",
    "only a scheme": lambda: "Bearer ",
    "not a token": lambda: "Bearer x.y.z",
    "expired": lambda: token(exp=int(time.time()) - 1),
    "without an end": lambda: token(exp=None),
    "with an end that is no number": lambda: token(exp="tomorrow"),
    "not valid yet": lambda: token(nbf=int(time.time()) + 60),
    "of another issuer": lambda: token(iss="https://other.example"),
    "without an issuer": lambda: token(iss=None),
    "for another audience": lambda: token(aud="others"),
    "without an audience": lambda: token(aud=None),
    "for another client": lambda: token(aud=None, client_id="others"),
    "for another audience, of this client": lambda: token(aud="others", client_id="agents"),
    "for nobody, of this client": lambda: token(aud=[], client_id="agents"),
    "issued later": lambda: token(iat=int(time.time()) + 60),
    "without the name of its key": lambda: jwt.encode({"alg": "RS256"}, claims(), KEY),
    "unsigned": unsigned,
    "tampered with": tampered,
    "signed with the public key as a MAC's": signed_with_the_public_key,
    "of another algorithm": lambda: signed_by(KEY, "RS512"),
    "of another key": lambda: signed_by(RSAKey.generate_key(2048), "RS256"),
    "of an unknown key": lambda: signed_by(RSAKey.generate_key(2048), "RS256", kid="two"),
    "with a nested claim set": lambda: jws.serialize_compact(
        {"alg": "RS256", "kid": "one"}, b"[]", KEY
    ),
}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_token_is_refused_and_no_function_is_called(name: str) -> None:
    functions = Functions({"statusCode": 200})
    answer = gateway(functions).answer(
        request("POST", "/v1/licenses", ("Authorization", REFUSED[name]()))
    )
    assert answer.status == 401
    assert json.loads(answer.body) == {"message": "Unauthorized"}
    assert dict(answer.headers)["www-authenticate"].startswith("Bearer")
    assert functions.events == []


def test_no_token_is_refused_and_no_function_is_called() -> None:
    functions = Functions({"statusCode": 200})
    answer = gateway(functions).answer(request("POST", "/v1/licenses"))
    assert (answer.status, dict(answer.headers)["www-authenticate"]) == (401, "Bearer")
    assert functions.events == []


@pytest.mark.parametrize("prefix", ["Bearer ", "bearer ", ""])
def test_a_good_token_is_let_in_with_or_without_its_scheme(prefix: str) -> None:
    functions = Functions({"statusCode": 200})
    answer = gateway(functions).answer(
        request("POST", "/v1/licenses", ("Authorization", prefix + token(aud=["x", "agents"])))
    )
    assert answer.status == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": None, "client_id": "agents", "token_use": "access"},
        {"token_use": "access"},
        {"typ": "Bearer", "scope": "openid"},
    ],
    ids=str,
)
def test_as_at_api_gateway_access_tokens_pass_and_the_service_has_to_tell_them_apart(
    changed: dict[str, Any],
) -> None:
    functions = Functions({"statusCode": 200})
    sent = request("POST", "/v1/licenses", ("Authorization", token(**changed)))
    assert gateway(functions).answer(sent).status == 200
    assert functions.event["headers"]["authorization"] == sent.header("authorization")


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/"),
        ("GET", "/v1/licenses"),
        ("PUT", "/v1/licenses/validate"),
        ("POST", "/v1/licenses/"),
        ("POST", "/v1/licenses/validate/"),
        ("GET", "/v1/licenses/"),
        ("GET", "/v1/licenses/a/b"),
    ],
)
def test_an_unknown_route_or_method_is_not_found(method: str, target: str) -> None:
    functions = Functions({"statusCode": 200})
    answer = gateway(functions).answer(request(method, target))
    assert (answer.status, json.loads(answer.body)) == (404, {"message": "Not Found"})
    assert functions.events == []


@pytest.mark.parametrize(
    ("method", "target"),
    [("DELETE", "/v1/licenses"), ("OPTIONS", "/v1/licenses/validate"), ("GET", "//v1/licenses/1")],
)
def test_what_fits_no_route_goes_to_the_default_route_without_its_token_being_looked_at(
    method: str, target: str
) -> None:
    functions = Functions({"statusCode": 405})
    default = Route("ANY", "$default", "Elsewhere", None)
    answer = Gateway([default, *ROUTES], {}, functions).answer(
        request(method, target, ("Authorization", "Bearer nonsense"))
    )
    assert answer.status == 405
    assert [name for name, _ in functions.events] == ["Elsewhere"]
    assert functions.event["routeKey"] == "$default"
    assert functions.event["rawPath"] == target
    assert "pathParameters" not in functions.event
    assert "authorizer" not in functions.event["requestContext"]


def test_the_most_specific_route_wins() -> None:
    functions = Functions({"statusCode": 200})
    gateway(functions).answer(request("GET", "/v1/licenses/newest", ("Authorization", token())))
    assert [name for name, _ in functions.events] == ["Newest"]


def answered(result: Any) -> Response:
    return gateway(Functions(result)).answer(request())


def test_a_result_becomes_the_answer() -> None:
    answer = answered(
        {
            "statusCode": 201,
            "headers": {"Content-Type": "application/json", "X-Count": 3, "X-Yes": True},
            "cookies": ["a=1", "b=2"],
            "body": '{"ä": 1}',
            "isBase64Encoded": False,
        }
    )
    assert (answer.status, answer.body) == (201, '{"ä": 1}'.encode())
    assert [pair for pair in answer.headers if pair[0] != "apigw-requestid"] == [
        ("content-type", "application/json"),
        ("x-count", "3"),
        ("x-yes", "true"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
    ]


def test_a_result_in_base64_becomes_bytes() -> None:
    assert answered({"statusCode": 200, "body": "AP8=", "isBase64Encoded": True}).body == b"\0\xff"


def test_a_result_without_a_status_is_a_json_body() -> None:
    answer = answered({"a": 1})
    assert (answer.status, json.loads(answer.body)) == (200, {"a": 1})


@pytest.mark.parametrize(
    "result",
    [
        FunctionError("it raised"),
        {"statusCode": "good"},
        {"statusCode": 200, "headers": {"x": ["a", "b"]}},
        {"statusCode": 200, "headers": {"x": "a\r\nset-cookie: b"}},
        {"statusCode": 200, "headers": "x: a"},
        {"statusCode": 200, "body": "?", "isBase64Encoded": True},
    ],
)
def test_a_failed_function_or_a_bad_result_is_an_internal_error(result: Any) -> None:
    answer = answered(result)
    assert (answer.status, json.loads(answer.body)) == (500, {"message": "Internal Server Error"})
