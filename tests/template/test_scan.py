"""What `make check` says of settings: none passes without a reason, and no reason is old."""

import pytest

from tests.template.scan import MEANT, verdict, wildcards

TABLE, QUEUE = "AWS::DynamoDB::Table", "AWS::SQS::Queue"
REASONS = {("CKV_AWS_119", TABLE): "a reason"}


def test_each_setting_that_is_meant_has_a_reason() -> None:
    for reason in MEANT.values():
        assert len(reason.split()) > 8
        assert reason.endswith((".", ")."))


def test_what_is_found_and_not_meant_is_named() -> None:
    found = [("CKV_AWS_119", f"{TABLE}.Licenses"), ("CKV_AWS_28", f"{TABLE}.Licenses")]
    assert verdict(found, REASONS) == [f"CKV_AWS_28: {TABLE}.Licenses"]
    other = [*found[:1], ("CKV_AWS_119", f"{QUEUE}.Letters")]
    assert verdict(other, REASONS) == [f"CKV_AWS_119: {QUEUE}.Letters"]


def test_a_reason_for_what_is_not_found_any_more_is_named() -> None:
    assert verdict([], REASONS) == [f"CKV_AWS_119 finds no {TABLE}: strike its reason"]


@pytest.mark.parametrize(
    ("properties", "wrong"),
    [
        ({"Policies": [("dynamodb:*", "arn:table")]}, ["Role allows dynamodb:* on arn:table"]),
        ({"Policies": [("sqs:SendMessage", "*")]}, ["Role allows sqs:SendMessage on *"]),
        ({"Policies": [("sqs:SendMessage", "arn:queue")]}, []),
        (
            {"ManagedPolicyArns": [{"Ref": "Ours"}, "arn:aws:iam::aws:policy/Broad"]},
            ["Role has arn:aws:iam::aws:policy/Broad, which is not ours to narrow"],
        ),
    ],
)
def test_a_role_that_allows_anything_by_wildcard_is_named(
    properties: dict[str, list[tuple[str, str]]], wrong: list[str]
) -> None:
    policies = [
        {"PolicyDocument": {"Statement": [{"Action": action, "Resource": resource}]}}
        for action, resource in properties.get("Policies", [])
    ]
    role = {"Type": "AWS::IAM::Role", "Properties": {**properties, "Policies": policies}}
    assert list(wildcards({"Resources": {"Role": role}})) == wrong
