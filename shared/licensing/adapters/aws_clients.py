"""The clients of AWS's services: botocore's own, made and used with as little work as it allows.

What this module guarantees:

* Clients give up early (1 s to connect, 2 s to read), so that a retry fits into the request.
* Credentials, regions, endpoints, signatures, retries and errors are botocore's. What is left out
  is what it does beside: going through the files of 400 services, reading every endpoint of every
  region, finding the table's anew for each request, looking for ten types in each value that
  DynamoDB sends, half of signing, and most of urllib3.
"""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.config import Config
from botocore.httpsession import URLLib3Session
from botocore.loaders import Loader
from botocore.parsers import JSONParser, ResponseParserFactory
from botocore.regions import EndpointRulesetResolver
from botocore.session import Session
from botocore.utils import get_environ_proxies

from licensing.adapters.aws_connections import Authorities, Connections
from licensing.adapters.aws_signatures import sign_once

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.endpoint_provider import RuleSetEndpoint
    from botocore.model import OperationModel
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_events import EventBridgeClient
    from types_boto3_secretsmanager import SecretsManagerClient

_CONNECT_SECONDS: Final = 1
_READ_SECONDS: Final = 2
_CONFIG: Final = Config(
    connect_timeout=_CONNECT_SECONDS,
    read_timeout=_READ_SECONDS,
    retries={"mode": "standard", "total_max_attempts": 3},
    tcp_keepalive=True,
    max_pool_connections=16,
    # A sixth of a request's CPU went into checking what our own builders make, and into a header.
    parameter_validation=False,
    user_agent="licensing",
    # No endpoint of an account of its own: one more look at what is asked, for each request.
    account_id_endpoint_mode="disabled",
)
_READS: Final = frozenset({"BatchGetItemOutput", "GetItemOutput", "QueryOutput"})


class Clients:
    """Makes clients by what botocore reads of the environment: region, credentials, endpoints.

    ``authorities`` is a file or a folder of certificates to trust, unless ``AWS_CA_BUNDLE`` names
    one: what botocore calls ``REQUESTS_CA_BUNDLE``.
    """

    def __init__(self, authorities: str | None = None) -> None:
        self._session = Session()
        self._session.register_component("data_loader", _Loader())
        self._session.register_component("response_parser_factory", _Parsers())
        named = self._session.get_config_variable("ca_bundle")
        self._authorities = Authorities(named or authorities)

    def dynamodb(self, endpoint: str | None) -> DynamoDBClient:
        """The table's client, at ``endpoint`` where that is given."""
        return cast("DynamoDBClient", self._made("dynamodb", endpoint))

    def secrets(self) -> SecretsManagerClient:
        """The secret's client."""
        return cast("SecretsManagerClient", self._made("secretsmanager"))

    def events(self) -> EventBridgeClient:
        """The bus's client."""
        return cast("EventBridgeClient", self._made("events"))

    def prepare(self) -> None:
        """Read whom to trust, so that the first connection finds it there."""
        self._authorities.read()

    def _made(self, service: str, endpoint: str | None = None) -> Any:
        """A client that spares its requests what is the same for each, or not needed."""
        client: Any = self._session.create_client(service, config=_CONFIG, endpoint_url=endpoint)
        sign_once(client)
        # botocore has no public way to either. Lambda brings it along, and may bring another one
        # any day: what is not as it is known here goes on as it does there.
        resolver = getattr(client, "_ruleset_resolver", None)
        if type(resolver) is EndpointRulesetResolver:
            client._ruleset_resolver = _OneEndpoint(resolver)  # noqa: SLF001
        sender = getattr(getattr(client, "_endpoint", None), "http_session", None)
        if type(sender) is URLLib3Session and not get_environ_proxies(client.meta.endpoint_url):
            client._endpoint.http_session = Connections(  # noqa: SLF001
                _CONNECT_SECONDS, _READ_SECONDS, self._authorities
            )
        return client


class _OneEndpoint:
    """Where a service is, found once by its rules: no call of ours is answered elsewhere."""

    def __init__(self, resolver: EndpointRulesetResolver) -> None:
        self._resolver = resolver
        self._found: RuleSetEndpoint | None = None

    def construct_endpoint(
        self,
        operation_model: OperationModel,
        call_args: Mapping[str, Any],
        request_context: Mapping[str, Any],
    ) -> RuleSetEndpoint:
        """As botocore's, whose rules look at accounts' own endpoints, too: those are disabled."""
        if self._found is None:
            self._found = self._resolver.construct_endpoint(
                operation_model, call_args, request_context
            )
        return self._found

    def auth_schemes_to_signing_ctx(self, auth_schemes: Any) -> Any:
        """As botocore's."""
        return self._resolver.auth_schemes_to_signing_ctx(auth_schemes)


class _Loader(Loader):
    """What botocore knows of services, without what no client of one region needs."""

    def list_available_services(self, type_name: str) -> list[str]:  # noqa: ARG002 - as its base
        # All that have a folder: botocore's own opens each to see whether such a file is in it.
        folders = (Path(path) for path in self.search_paths)
        return [one.name for folder in folders if folder.is_dir() for one in folder.iterdir()]

    def load_data_with_path(self, name: str) -> tuple[Any, str]:
        # Endpoints follow from each service's rules. These are of clients from before the rules.
        if name == "endpoints":
            return {"version": 3, "partitions": []}, self.BUILTIN_DATA_PATH
        return cast("tuple[Any, str]", super().load_data_with_path(name))


class _Parsers(ResponseParserFactory):
    """Parsers of answers, by protocol."""

    def create_parser(self, protocol_name: str) -> Any:
        made = super().create_parser(protocol_name)
        return _Parser() if type(made) is JSONParser else made


class _Parser(JSONParser):
    """Reads DynamoDB's values as they stand in its JSON, where all but bytes are as boto3 has them.

    botocore's own asks each value whether it is one of ten types.
    """

    def parse(self, response: Mapping[str, Any], shape: Any) -> dict[str, Any]:
        if response["status_code"] != 200 or shape is None or shape.name not in _READS:
            return cast("dict[str, Any]", super().parse(response, shape))
        parsed: dict[str, Any] = _WITH_BYTES.decode(response["body"].decode())
        headers = {name.lower(): value for name, value in response["headers"].items()}
        parsed["ResponseMetadata"] = {
            "RequestId": headers.get("x-amzn-requestid", ""),
            "HTTPStatusCode": response["status_code"],
            "HTTPHeaders": headers,
        }
        return parsed


def _with_bytes(found: dict[str, Any]) -> dict[str, Any]:
    """An object of DynamoDB's JSON, with bytes for base64 if it is a binary value, or a set."""
    # An attribute may be called "B", too; its value is an object again.
    if "B" in found and isinstance(found["B"], str):
        return {"B": b64decode(found["B"])}
    if "BS" in found and isinstance(found["BS"], list):
        return {"BS": [b64decode(one) for one in found["BS"]]}
    return found


_WITH_BYTES: Final = json.JSONDecoder(object_hook=_with_bytes)
