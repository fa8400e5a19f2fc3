"""The portal's types: what an operator's client sends and gets, all of it, and nothing else."""

import re

from licensing_build.openapi import document
from licensing_build.portal_types import declarations

TEXT = declarations()
DECLARED = set(re.findall(r"^export (?:interface|type) (\w+)", TEXT, re.MULTILINE))
CODE = re.sub(r'/\*\*.*?\*/|"[^"]*"', "", TEXT)


def test_every_type_that_is_named_is_declared() -> None:
    named = set(re.findall(r"\b[A-Z]\w+", re.sub(r"^//.*$", "", CODE, flags=re.MULTILINE)))
    assert named - {"Array", "Record"} == DECLARED


def test_what_people_call_is_declared_and_what_agents_alone_call_is_not() -> None:
    schemas = set(document()["components"]["schemas"])
    assert DECLARED - {"Queries"} < schemas
    assert {"AdministeredLicense", "Problem", "OrganizationSort", "TransitionRequest"} <= DECLARED
    assert not DECLARED & {"LoginRequest", "ValidateReply", "Lease", "JwksReply"}


def test_what_may_be_left_out_or_null_is_declared_so() -> None:
    members = dict(re.findall(r"^  (\w+\??): (.*);$", TEXT, re.MULTILINE))
    assert members["pending_device_key"] == "PendingDeviceKey | null"
    assert members["errors?"] == "Array<ProblemError> | null"
    assert members["actions"] == 'Array<"detach" | "attach" | "dissociate" | "revoke">'
    assert members["listLicenses"].startswith('"status" | "environment" | "search"')
