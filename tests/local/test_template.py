"""`template.yaml` becomes plain values, or the stack does not start."""

from pathlib import Path

import pytest

from tests.local import deployment
from tests.local.stack import TEMPLATE
from tests.local.template import Template, TemplateError

SMALL = """
Parameters:
  Name: {Type: String, Default: ""}
  Hosts: {Type: CommaDelimitedList, Default: "a,b"}
  Secret: {Type: String}
Conditions:
  Named: !Not [!Equals [!Ref Name, ""]]
  Both: !And [!Condition Named, !Not [!Condition Never]]
  Never: !Or [!Equals [a, b], !Equals [1, "2"]]
Globals:
  Function: {Timeout: 10, Environment: {Variables: {TABLE: !Ref Table, LEVEL: INFO}}}
Resources:
  Table: {Type: Table}
  Absent: {Type: Table, Condition: Named}
  Thing:
    Type: Thing
    Properties:
      Join: !Join ["-", [a, !Ref AWS::Region]]
      Sub: !Sub "${AWS::StackName}/${Table}/${Table.Arn}/${!literal}"
      SubWith: !Sub ["${Mine}", {Mine: !Ref Hosts}]
      Select: !Select [1, !Split ["-", !Ref AWS::Region]]
      If: !If [Named, yes, !Ref AWS::NoValue]
      List: [!If [Named, yes, !Ref AWS::NoValue], 1]
      Long: {"Fn::GetAtt": [Table, Arn]}
  Puzzle: {Type: Thing, Properties: {A: !ImportValue elsewhere}}
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: code/
      Handler: work.handler
      Environment: {Variables: {LEVEL: DEBUG}}
      Events:
        Call: {Type: HttpApi, Properties: {Method: get, Path: "/work"}}
  Other: {Type: AWS::Serverless::Function, Properties: {CodeUri: code/, Handler: other.handler}}
"""


def small(tmp_path: Path, text: str = SMALL, **parameters: str) -> Template:
    path = tmp_path / "template.yaml"
    path.write_text(text, encoding="utf-8")
    template = Template(path, parameters)
    template.created("Table", "table-1", Arn="arn:table-1")
    return template


def test_intrinsics_become_plain_values(tmp_path: Path) -> None:
    assert small(tmp_path).properties("Thing") == {
        "Join": "a-eu-central-1",
        "Sub": "licensing-local/table-1/arn:table-1/${literal}",
        "SubWith": "['a', 'b']",
        "Select": "central",
        "List": [1],
        "Long": "arn:table-1",
    }


def test_a_parameter_decides_a_condition(tmp_path: Path) -> None:
    assert small(tmp_path).of_type("Table") == ["Table"]
    named = small(tmp_path, Name="x")
    assert named.of_type("Table") == ["Table", "Absent"]
    assert named.properties("Thing", "If", "List") == {"If": True, "List": [True, 1]}
    assert named.resolve({"Condition": "Both"}) is True


@pytest.mark.parametrize(
    "value",
    [
        {"Ref": "Secret"},
        {"Ref": "Nothing"},
        {"Fn::GetAtt": ["Table", "StreamArn"]},
        {"Fn::Sub": "${Absent}"},
        {"Fn::ImportValue": "elsewhere"},
    ],
)
def test_what_has_no_value_is_an_error_and_never_a_guess(tmp_path: Path, value: object) -> None:
    with pytest.raises(TemplateError):
        small(tmp_path).resolve(value)


def test_an_unknown_parameter_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="Nmae"):
        small(tmp_path, Nmae="x")


def test_a_function_has_its_own_properties_over_the_global_ones(tmp_path: Path) -> None:
    function = small(tmp_path).function("Worker", "Timeout", "Environment")
    assert function["Timeout"] == 10
    assert function["Environment"]["Variables"] == {"TABLE": "table-1", "LEVEL": "DEBUG"}


def test_functions_that_disagree_about_a_variable_cannot_share_a_process(tmp_path: Path) -> None:
    deployed = deployment.read(small(tmp_path))
    with pytest.raises(TemplateError, match="LEVEL"):
        _ = deployed.environment


def test_an_event_that_does_not_run_here_is_an_error(tmp_path: Path) -> None:
    text = SMALL.replace("Type: HttpApi, Properties: {", "Type: SQS, Properties: {Queue: q, ")
    with pytest.raises(TemplateError, match="SQS"):
        deployment.read(small(tmp_path, text))


@pytest.mark.parametrize(
    ("expression", "seconds"),
    [("rate(1 minute)", 60), ("rate(5 minutes)", 300), ("rate(2 hours)", 7200)],
)
def test_a_rate_is_a_number_of_seconds(expression: str, seconds: int) -> None:
    assert deployment.rate_seconds(expression) == seconds


def test_a_cron_expression_is_an_error() -> None:
    with pytest.raises(TemplateError, match="cron"):
        deployment.rate_seconds("cron(0 12 * * ? *)")


STREAM = """
        Changes:
          Type: DynamoDB
          Properties:
            Stream: arn:stream
            StartingPosition: TRIM_HORIZON
            MaximumRetryAttempts: 3
            DestinationConfig: {OnFailure: {Type: SQS, Destination: arn:queue}}
"""
RULE = """
        Event: {Type: EventBridgeRule, Properties: {EventBusName: bus, Pattern: {source: [a]}}}
"""
CALL = "        Call: {Type: HttpApi"


def test_a_stream_is_read_with_lambdas_own_defaults(tmp_path: Path) -> None:
    text = SMALL.replace(CALL, STREAM + CALL)
    (stream,) = deployment.read(small(tmp_path, text)).streams
    assert stream == deployment.Stream(
        "Worker",
        "arn:stream",
        batch_size=100,
        patterns=[],
        retries=3,
        bisects=False,
        reports=False,
        dead_letters="arn:queue",
    )


def test_a_rule_is_read(tmp_path: Path) -> None:
    (rule,) = deployment.read(small(tmp_path, SMALL.replace(CALL, RULE + CALL))).rules
    assert (rule.function, rule.bus) == ("Worker", "bus")
    assert rule.pattern.matches({"source": "a"})


@pytest.mark.parametrize(
    ("event", "of", "to"),
    [
        (STREAM, "TRIM_HORIZON", "LATEST"),
        (STREAM, "MaximumRetryAttempts: 3", "BatchSize: 10"),
        (
            STREAM,
            "Stream: arn:stream",
            "Stream: arn:stream\n            TumblingWindowInSeconds: 5",
        ),
        (STREAM, "Type: SQS", "Type: SNS"),
        (RULE, "source: [a]", "source: [{suffix: a}]"),
        (RULE, "EventBusName: bus", "EventBusName: bus, InputPath: $.detail"),
    ],
)
def test_a_setting_that_is_not_carried_out_here_is_an_error(
    tmp_path: Path, event: str, of: str, to: str
) -> None:
    assert of in event
    text = SMALL.replace(CALL, event.replace(of, to) + CALL)
    with pytest.raises(TemplateError):
        deployment.read(small(tmp_path, text))


def test_a_function_says_what_becomes_of_an_event_that_it_fails_on(tmp_path: Path) -> None:
    destination = "{OnFailure: {Type: SQS, Destination: arn:queue}}"
    config = f"{{MaximumRetryAttempts: 1, DestinationConfig: {destination}}}"
    handler = "      Handler: work.handler\n"
    text = SMALL.replace(handler, f"{handler}      EventInvokeConfig: {config}\n")
    deployed = deployment.read(small(tmp_path, text))
    assert deployed.asynchronous == {
        "Worker": deployment.Asynchronous(1, "arn:queue"),
        "Other": deployment.Asynchronous(2, None),
    }
    text = text.replace("OnFailure", "OnSuccess")
    with pytest.raises(TemplateError, match="Worker"):
        deployment.read(small(tmp_path, text))


def test_the_template_of_the_service_is_read_whole() -> None:
    template = Template(TEMPLATE)
    for name in (
        "CursorSecret",
        "EventBus",
        "LicenseTable",
        "SigningSecret",
        "UserPool",
        "AgentClient",
        "CommandLineClient",
    ):
        template.created(name, f"{name}-1", StreamArn=f"arn:{name}/stream")
    for name in ("SweepDeadLetters", "BillingDeadLetters", "OutboxDeadLetters"):
        template.created(name, f"{name}-1", Arn=f"arn:{name}")
    template.created("Release", "1", VersionNumber="1")
    deployed = deployment.read(template)
    assert deployed.environment["TABLE_NAME"] == "LicenseTable-1"
    assert deployed.environment["SECRET_ID"] == "SigningSecret-1"
    assert {schedule.function: schedule.seconds for schedule in deployed.schedules} == {
        "ExpirySweepFunction": 300,
    }
    assert [(rule.function, rule.bus) for rule in deployed.rules] == [
        ("BillingFunction", "EventBus-1")
    ]
    assert [(s.function, s.arn, s.dead_letters) for s in deployed.streams] == [
        ("PublishFunction", "arn:LicenseTable/stream", "arn:OutboxDeadLetters")
    ]
    assert deployed.asynchronous["BillingFunction"].dead_letters == "arn:BillingDeadLetters"
    assert deployed.asynchronous["ExpirySweepFunction"].dead_letters == "arn:SweepDeadLetters"
    guarded = {route.key: route.authorizer for route in deployed.routes}
    assert guarded["POST /v1/licenses/validate"] is None
    issue = guarded["POST /v1/licenses"]
    assert issue is not None
    assert list(issue.audience) == ["AgentClient-1"]
    assert issue.issuer.endswith("/UserPool-1")
    others = {one for key, one in guarded.items() if one and key != "POST /v1/licenses"}
    assert [list(one.audience) for one in others] == [["CommandLineClient-1"]]
