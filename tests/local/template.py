"""`template.yaml` with its intrinsics turned into plain values.

Parameters have their defaults unless they are overridden. A resource whose condition is false does
not exist. `Ref` and `Fn::GetAtt` of a resource have a value once `Template.created` has named it;
asking earlier, or for an intrinsic that is not known here, raises `TemplateError`: nothing is ever
resolved to a guess.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ACCOUNT = "123456789012"
REGION = "eu-central-1"
STACK_NAME = "licensing-local"
STACK_ID = (
    f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK_NAME}/"
    "0a1b2c3d-0009-4000-8000-000000000009"
)

DYNAMIC = "{{resolve:"
"""How a dynamic reference begins: CloudFormation puts a secret's value in its place."""

_ABSENT = object()  # what AWS::NoValue becomes, before it is left out
_VARIABLE = re.compile(r"\$\{(!?)([^}]+)\}")
_DYNAMIC = re.compile(r"\{\{resolve:secretsmanager:(.+):SecretString:(\w+)\}\}")


class TemplateError(Exception):
    """The template says something that the local stack cannot carry out."""


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: `!Sub x` is `{"Fn::Sub": "x"}`."""


def _short_form(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    else:
        raise TemplateError(f"!{name} holds neither a mapping, a list nor a scalar")
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in {"Ref", "Condition"} else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _short_form)


@cache
def _document(text: str) -> dict[str, Any]:
    """The document as it is written: nobody changes it, so a text is read once."""
    # The loader is a SafeLoader: it makes plain values only.
    document: dict[str, Any] = yaml.load(text, Loader=_Loader)  # noqa: S506
    return document


class Template:
    """One template and the values its parameters and resources have in this stack."""

    def __init__(
        self,
        path: Path,
        parameters: Mapping[str, str] | None = None,
        pseudo_parameters: Mapping[str, str] | None = None,
    ) -> None:
        """Read the template at `path`; `parameters` override the defaults.

        `pseudo_parameters` (`AWS::Region`) override those of the local stack.
        """
        self.folder = path.resolve().parent
        document = _document(path.read_text(encoding="utf-8"))
        self._conditions: dict[str, Any] = document.get("Conditions", {})
        self._mappings: dict[str, Any] = document.get("Mappings", {})
        self._globals: dict[str, Any] = document.get("Globals", {})
        self._rules: dict[str, Any] = document.get("Rules", {})
        self._resources: dict[str, dict[str, Any]] = document["Resources"]
        self._outputs: dict[str, dict[str, Any]] = document.get("Outputs", {})
        self._attributes: dict[tuple[str, str], str] = {}
        self._secrets: dict[tuple[str, str], str] = {}
        self._intrinsics: Mapping[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Condition": self._holds,
            "Fn::And": lambda conditions: all(map(self._holds, conditions)),
            "Fn::Equals": self._equals,
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAtt": self._get_att,
            "Fn::If": self._if,
            "Fn::Join": self._join,
            "Fn::Not": lambda conditions: not self._holds(conditions[0]),
            "Fn::Or": lambda conditions: any(map(self._holds, conditions)),
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::Sub": self._sub,
        }
        self._references: dict[str, Any] = {
            "AWS::AccountId": ACCOUNT,
            "AWS::NoValue": _ABSENT,
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::StackId": STACK_ID,
            "AWS::StackName": STACK_NAME,
            "AWS::URLSuffix": "amazonaws.com",
            **(pseudo_parameters or {}),
        }
        given = dict(parameters or {})
        known: dict[str, Any] = document.get("Parameters", {})
        self.parameters = frozenset(known)
        """The names of the parameters."""
        for name, parameter in known.items():
            if name in given or "Default" in parameter:
                value = str(given.pop(name, parameter.get("Default")))
                is_list = "List" in parameter["Type"]
                self._references[name] = value.split(",") if is_list else value
        if given:
            raise TemplateError(f"the template has no parameter {', '.join(sorted(given))}")

    def broken_rules(self) -> list[str]:
        """What CloudFormation would say against these parameters before it changes anything."""
        return [
            assertion["AssertDescription"]
            for rule in self._rules.values()
            if self._holds(rule.get("RuleCondition", True))
            for assertion in rule["Assertions"]
            if not self._holds(assertion["Assert"])
        ]

    def of_type(self, resource_type: str) -> list[str]:
        """Logical ids of the resources of a type that exist under the conditions."""
        return [
            logical_id
            for logical_id, resource in self._resources.items()
            if resource["Type"] == resource_type
            and ("Condition" not in resource or self._holds(resource["Condition"]))
        ]

    def with_deletion_policy(self, policies: Collection[str]) -> dict[str, str]:
        """The types of the resources that exist and have one of these policies, by logical id."""
        return {
            logical_id: str(resource["Type"])
            for logical_id, resource in self._resources.items()
            if resource.get("DeletionPolicy") in policies
            and logical_id in self.of_type(resource["Type"])
        }

    def properties(self, logical_id: str, *only: str) -> dict[str, Any]:
        """The properties of a resource, or `only` some of them, as plain values."""
        properties: dict[str, Any] = self._resources[logical_id].get("Properties", {})
        chosen = {k: v for k, v in properties.items() if not only or k in only}
        resolved: dict[str, Any] = self.resolve(chosen)
        return resolved

    def function(self, logical_id: str, *only: str) -> dict[str, Any]:
        """`only` these properties of a SAM function, over what `Globals` gives to all of them."""
        common = {k: v for k, v in self._globals.get("Function", {}).items() if k in only}
        merged: dict[str, Any] = _merged(self.resolve(common), self.properties(logical_id, *only))
        return merged

    def secret_variables(self, logical_id: str) -> frozenset[str]:
        """A SAM function's variables that have a secret's value, under whichever condition."""
        own = self._resources[logical_id].get("Properties", {})
        return frozenset(
            name
            for properties in (self._globals.get("Function", {}), own)
            for name in _names_of_secrets(properties.get("Environment", {}).get("Variables", {}))
        )

    def events(self, logical_id: str) -> list[tuple[str, Mapping[str, Any]]]:
        """Type and properties of a SAM function's events; the properties are not resolved yet."""
        events = self._resources[logical_id]["Properties"].get("Events", {})
        return [(event["Type"], event.get("Properties", {})) for event in events.values()]

    def physical_id(self, logical_id: str) -> str:
        """What a resource is called: what does not exist here goes by its logical id."""
        resource = self._resources.get(logical_id)
        if resource is None or logical_id not in self.of_type(resource["Type"]):
            raise TemplateError(f"Resource {logical_id} does not exist")
        return str(self._references.get(logical_id, logical_id))

    def outputs(self) -> dict[str, str]:
        """The outputs, but for those of resources that do not exist here."""
        outputs: dict[str, str] = {}
        for name, output in self._outputs.items():
            try:
                if "Condition" not in output or self._holds(output["Condition"]):
                    outputs[name] = str(self.resolve(output["Value"]))
            except TemplateError:
                continue
        return outputs

    def created(self, logical_id: str, reference: str, **attributes: str) -> None:
        """Tell what `Ref` and `Fn::GetAtt` of a resource are, now that it exists."""
        self._references[logical_id] = reference
        for name, value in attributes.items():
            self._attributes[logical_id, name] = value

    def kept(self, secret: str, values: Mapping[str, str]) -> None:
        """Tell what a secret holds, now that it exists.

        Dynamic references to it have that value from then on. Others stay as they are written: who
        reads the template of a deployed stack does not read its secrets.
        """
        self._secrets |= {(secret, name): value for name, value in values.items()}

    def resolve(self, value: Any) -> Any:
        """`value` without intrinsics; what is `AWS::NoValue` is left out of its container."""
        if isinstance(value, list):
            return [v for v in map(self.resolve, value) if v is not _ABSENT]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name in self._intrinsics:
                return self._intrinsics[name](argument)
            if name.startswith("Fn::"):
                raise TemplateError(f"{name} is not known to the local stack")
        resolved = ((k, self.resolve(v)) for k, v in value.items())
        return {k: v for k, v in resolved if v is not _ABSENT}

    def _holds(self, condition: Any) -> bool:
        if isinstance(condition, str):
            return self._holds(self._conditions[condition])
        return bool(self.resolve(condition))

    def _ref(self, name: str) -> Any:
        if name not in self._references:
            raise TemplateError(f"Ref of {name}, which has no value in the local stack")
        return self._references[name]

    def _get_att(self, argument: list[str]) -> str:
        logical_id, attribute = argument
        if (logical_id, attribute) not in self._attributes:
            raise TemplateError(f"GetAtt of {logical_id}.{attribute}, which has no value here")
        return self._attributes[logical_id, attribute]

    def _sub(self, argument: str | list[Any]) -> str:
        text, variables = (argument, {}) if isinstance(argument, str) else argument
        values = self.resolve(variables)

        def value_of(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in values:
                return str(values[name])
            if "." in name:
                return self._get_att(name.split(".", 1))
            return str(self._ref(name))

        found = _VARIABLE.sub(value_of, text)
        reference = _DYNAMIC.fullmatch(found)
        return (
            found if reference is None else self._secrets.get((reference[1], reference[2]), found)
        )

    def _if(self, argument: list[Any]) -> Any:
        condition, then, otherwise = argument
        return self.resolve(then if self._holds(condition) else otherwise)

    def _equals(self, argument: list[Any]) -> bool:
        left, right = self.resolve(argument)
        return str(left) == str(right)

    def _find_in_map(self, argument: list[Any]) -> Any:
        name, first, second = self.resolve(argument)
        return self._mappings[name][first][second]

    def _join(self, argument: list[Any]) -> str:
        separator, parts = argument
        return str(separator).join(str(part) for part in self.resolve(parts))

    def _select(self, argument: list[Any]) -> Any:
        index, values = self.resolve(argument)
        return values[int(index)]

    def _split(self, argument: list[Any]) -> list[str]:
        separator, text = self.resolve(argument)
        return str(text).split(str(separator))


def _names_of_secrets(value: Any) -> Iterator[str]:
    """The names, in mappings that are not resolved, of what holds a dynamic reference."""
    if isinstance(value, list):
        for one in value:
            yield from _names_of_secrets(one)
    elif isinstance(value, dict):
        for name, held in value.items():
            if name.startswith("Fn::"):
                yield from _names_of_secrets(held)
            elif DYNAMIC in str(held):
                yield name


def _merged(common: Any, own: Any) -> Any:
    """SAM's rule for `Globals`: mappings merge, lists add up, anything else is replaced."""
    if isinstance(common, dict) and isinstance(own, dict):
        return common | {k: _merged(common[k], v) if k in common else v for k, v in own.items()}
    if isinstance(common, list) and isinstance(own, list):
        return common + own
    return own
