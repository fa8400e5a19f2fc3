"""Serve the emulator, and do what it leaves out of a template: `python tests/emulator/serve.py`.

* A document that an API is defined by (`Body`, as SAM makes it) becomes routes, integrations and
  authorizers of their own.
* Alarms over several metrics are left out, and so is what names them.

It is done behind SAM's transform, which the emulator runs as CloudFormation does: what is deployed
there is what is deployed to AWS. Runs in the environment of the emulator.
"""

from collections.abc import Mapping
from typing import Any

from ministack import app
from samtranslator.translator import transform


def with_what_is_known(template: Mapping[str, Any]) -> dict[str, Any]:
    """The template in resources that the emulator knows."""
    resources: dict[str, Any] = {}
    for logical_id, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in properties:
            continue
        if resource["Type"] == "AWS::ApiGatewayV2::Api" and "Body" in properties:
            body = properties.pop("Body")
            properties |= {"ProtocolType": "HTTP", "Name": logical_id}
            resources |= _routes(logical_id, body)
        resources[logical_id] = resource
    return {**template, "Resources": resources}


def _routes(api: str, body: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    schemes = body["components"]["securitySchemes"]
    for name, scheme in schemes.items():
        authorizer = scheme["x-amazon-apigateway-authorizer"]
        configuration = authorizer["jwtConfiguration"]
        made[api + name] = _resource(
            "Authorizer",
            api,
            Name=name,
            AuthorizerType="JWT",
            IdentitySource=[authorizer["identitySource"]],
            JwtConfiguration={
                "Issuer": configuration["issuer"],
                "Audience": configuration["audience"],
            },
        )
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            integration = operation["x-amazon-apigateway-integration"]
            route = f"{method.upper()} {path}"
            logical_id = api + "".join(filter(str.isalnum, route.title()))
            made[f"{logical_id}Integration"] = _resource(
                "Integration",
                api,
                IntegrationType="AWS_PROXY",
                IntegrationUri=integration["uri"],
                PayloadFormatVersion=integration["payloadFormatVersion"],
            )
            security = [
                name for one in operation.get("security", []) for name in one if name in schemes
            ]
            made[logical_id] = _resource(
                "Route",
                api,
                RouteKey=route,
                Target={"Fn::Sub": f"integrations/${{{logical_id}Integration}}"},
                AuthorizationType="JWT" if security else "NONE",
                **({"AuthorizerId": {"Ref": api + security[0]}} if security else {}),
            )
    return made


def _resource(kind: str, api: str, **properties: Any) -> dict[str, Any]:
    return {
        "Type": f"AWS::ApiGatewayV2::{kind}",
        "Properties": {"ApiId": {"Ref": api}, **properties},
    }


def main() -> None:
    """Serve until this is stopped."""
    as_it_was = transform.transform

    def transformed(template: Any, parameters: Any, policies: Any) -> Any:
        return with_what_is_known(as_it_was(template, parameters, policies))

    transform.transform = transformed
    app.main()


if __name__ == "__main__":
    main()
