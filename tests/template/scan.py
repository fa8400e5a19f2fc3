"""Look for insecure settings of what is deployed: `python scan.py TEMPLATE`, as SAM translates it.

Runs checkov, and says what it does not: that no role allows anything by wildcard, whether SAM or
this template made it. What checkov finds and is meant to be so stands in `MEANT`, with the reason;
whatever else it finds is a failure, and so is a reason for something that it does not find.

Runs in the environment of checkov, not in the one of the tests.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

MEANT: Mapping[tuple[str, str], str] = {
    ("CKV_AWS_115", "AWS::Lambda::Function"): (
        "Concurrency that is reserved for one function is taken from the others: new accounts have "
        "ten in all. Requests are limited by the routes' throttling."
    ),
    ("CKV_AWS_116", "AWS::Lambda::Function"): (
        "Requests are answered while the caller waits. What is called without a caller has a "
        "destination for failures, which tells more than a dead-letter queue of Lambda's."
    ),
    ("CKV_AWS_117", "AWS::Lambda::Function"): (
        "Nothing that functions talk to is in a VPC. In one, they need a way out that costs more "
        "than all the rest and can fail."
    ),
    ("CKV_AWS_173", "AWS::Lambda::Function"): (
        "Variables name resources. The one secret among them seals cursors: it opens nothing that "
        "the lists would not show. Lambda encrypts them with a key of its own."
    ),
    ("CKV_AWS_119", "AWS::DynamoDB::Table"): (
        "Encrypted with AWS's managed key, whose use shows in CloudTrail. Keys of licences are not "
        "stored, components of machines as keyed hashes only. A key of one's own costs, and losing "
        "it loses the table."
    ),
    ("CKV_AWS_149", "AWS::SecretsManager::Secret"): (
        "Encrypted with AWS's managed key. One of one's own would let another account read it, "
        "which nobody shall."
    ),
    ("CKV_AWS_158", "AWS::Logs::LogGroup"): (
        "CloudWatch encrypts logs with a key of its own, and nothing secret is in them (R35)."
    ),
    ("CKV_AWS_26", "AWS::SNS::Topic"): (
        "Alarms cannot be published to a topic under AWS's managed key: they would be lost without "
        "a word. Messages name alarms and figures; that is not worth a key of one's own."
    ),
    ("CKV_AWS_27", "AWS::SQS::Queue"): (
        "Encrypted with SQS's own key (SqsManagedSseEnabled), which this check does not know."
    ),
}
"""What is meant to be so: a check and a type of resources, and the reason."""


def verdict(found: Sequence[tuple[str, str]], meant: Mapping[tuple[str, str], str]) -> list[str]:
    """What is wrong: each is a check and a resource, `type.name`; or a reason for nothing."""
    kinds = {(check, resource.rpartition(".")[0]) for check, resource in found}
    return [
        *(
            f"{check}: {resource}"
            for check, resource in sorted(set(found))
            if (check, resource.rpartition(".")[0]) not in meant
        ),
        *(
            f"{check} finds no {kind}: strike its reason"
            for check, kind in sorted({*meant} - kinds)
        ),
    ]


def wildcards(template: Mapping[str, Any]) -> Iterator[str]:
    """What roles and policies allow by wildcard."""
    for name, resource in template["Resources"].items():
        if resource["Type"] not in {"AWS::IAM::Role", "AWS::IAM::ManagedPolicy"}:
            continue
        properties = resource["Properties"]
        for policy in properties.get("ManagedPolicyArns", []):
            if isinstance(policy, str):
                yield f"{name} has {policy}, which is not ours to narrow"
        documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        documents += [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
        for statement in (one for document in documents for one in document["Statement"]):
            actions = statement["Action"]
            for action in [actions] if isinstance(actions, str) else actions:
                if "*" in action or statement["Resource"] == "*":
                    yield f"{name} allows {action} on {statement['Resource']}"


def checked(template: str) -> list[tuple[str, str]]:
    """What checkov finds in a template."""
    ran = subprocess.run(
        [
            str(Path(sys.executable).with_name("checkov")),
            *("--file", template, "--framework", "cloudformation", "--output", "json"),
            *("--skip-download", "--compact", "--quiet", "--soft-fail"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    report = json.loads(ran.stdout)
    if report["summary"]["parsing_errors"] or not report["summary"]["resource_count"]:
        raise SystemExit(f"checkov cannot read {template}")
    return [(one["check_id"], one["resource"]) for one in report["results"]["failed_checks"]]


def main(template: str) -> int:
    """Look at a template; 1 if something is wrong."""
    found = checked(template)
    wrong = [*verdict(found, MEANT), *wildcards(json.loads(Path(template).read_text()))]
    for line in wrong or [f"nothing insecure; {len(MEANT)} settings are meant, with a reason each"]:
        sys.stdout.write(f"{line}\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
