"""CloudFormation's intrinsic functions, as far as a template of functions needs them.

The YAML reader turns a tag (`!Ref`) into the long form (`{"Ref": ...}`): both spellings are one.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, cast

import yaml

from stopward.errors import InvalidInput

Resolved = str | list[object] | dict[str, object] | int | float | bool | None
"""A template value with no intrinsic function left in it."""

NOTHING = object()
"""What `AWS::NoValue` resolves to; the key that holds it disappears."""

_REFERENCE = re.compile(r"\$\{(!?)([^}]+)\}")
_DOTTED = frozenset({"Fn::GetAtt"})


class _TemplateLoader(yaml.SafeLoader):
    """A safe loader that also knows CloudFormation's tags."""


def _construct_tag(loader: _TemplateLoader, suffix: str, node: yaml.Node) -> object:
    key = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    match node:
        case yaml.ScalarNode():
            value: object = loader.construct_scalar(node)
        case yaml.SequenceNode():
            value = loader.construct_sequence(node, deep=True)
        case _:
            value = loader.construct_mapping(cast("yaml.MappingNode", node), deep=True)
    if key in _DOTTED and isinstance(value, str):
        value = value.split(".", 1)
    return {key: value}


_TemplateLoader.add_multi_constructor("!", _construct_tag)


def load_yaml(text: str, *, name: str) -> dict[str, Any]:
    """Return a template as plain values. Raises InvalidInput with the line when it is not YAML."""
    try:
        document = yaml.load(text, Loader=_TemplateLoader)  # noqa: S506 - a subclass of the safe loader
    except yaml.YAMLError as error:
        raise InvalidInput(f"{name} is no YAML: {error}") from error
    if not isinstance(document, dict):
        raise InvalidInput(f"{name} was {type(document).__name__}; a template is a mapping")
    return document


class Scope:
    """What `Ref`, `GetAtt` and conditions mean: parameters, pseudo parameters, resources."""

    def __init__(
        self,
        template: Mapping[str, Any],
        *,
        parameters: Mapping[str, str],
        attribute: Callable[[str, str], str],
    ) -> None:
        """Take the template's parameters, their defaults overridden by `parameters`.

        `attribute(resource, name)` answers GetAtt, and Ref of a resource with an empty name.
        Raises InvalidInput for a parameter that the template does not declare.
        """
        declared = template.get("Parameters", {})
        unknown = sorted(set(parameters) - set(declared))
        if unknown:
            raise InvalidInput(
                f"the template has no parameter {unknown}; it has {sorted(declared)}"
            )
        self._parameters = {
            name: str(parameters.get(name, row.get("Default", "")))
            for name, row in declared.items()
        }
        self._conditions: Mapping[str, Any] = template.get("Conditions", {})
        self._resources = frozenset(template.get("Resources", {}))
        self._attribute = attribute

    def resolve(self, value: Any) -> Resolved:
        """Return `value` without intrinsic functions; raises InvalidInput for an unknown one."""
        resolved = self._resolve(value)
        return None if resolved is NOTHING else cast("Resolved", resolved)

    def text(self, value: Any) -> str:
        """Return a resolved scalar as Lambda would put it into the environment."""
        resolved = self.resolve(value)
        if isinstance(resolved, bool):
            return "true" if resolved else "false"
        return "" if resolved is None else str(resolved)

    def holds(self, condition: str) -> bool:
        """Return whether a named condition is true. Raises InvalidInput when it is not declared."""
        if condition not in self._conditions:
            raise InvalidInput(f"the template has no condition {condition!r}")
        return self._truth(self._conditions[condition])

    def _resolve(self, value: Any) -> object:
        if isinstance(value, list):
            return [item for item in map(self._resolve, value) if item is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            key, argument = next(iter(value.items()))
            if key == "Ref" or str(key).startswith("Fn::"):
                return self._call(str(key), argument)
        members = {key: self._resolve(member) for key, member in value.items()}
        return {key: member for key, member in members.items() if member is not NOTHING}

    def _call(self, key: str, argument: Any) -> object:
        match key, argument:
            case "Ref", "AWS::NoValue":
                return NOTHING
            case "Ref", str(name):
                return self._reference(name)
            case "Fn::GetAtt", [str(resource), str(name)]:
                return self._attribute(resource, name)
            case "Fn::Sub", str(text):
                return self._substitute(text, {})
            case "Fn::Sub", [str(text), dict(names)]:
                return self._substitute(
                    text, {name: self.text(item) for name, item in names.items()}
                )
            case "Fn::Join", [str(glue), list(parts)]:
                return glue.join(self.text(part) for part in parts)
            case "Fn::Split", [str(glue), text]:
                return list(self.text(text).split(glue))
            case "Fn::Select", [index, parts]:
                return self._select(int(self.text(index)), self._resolve(parts))
            case "Fn::If", [str(condition), true, false]:
                return self._resolve(true if self.holds(condition) else false)
            case (("Fn::Equals" | "Fn::Not" | "Fn::And" | "Fn::Or"), _):
                return self._truth({key: argument})
        raise InvalidInput(f"the local host does not know {key} of {argument!r}")

    def _select(self, index: int, parts: object) -> object:
        if not isinstance(parts, list) or not 0 <= index < len(parts):
            raise InvalidInput(f"Fn::Select asks for item {index} of {parts!r}")
        return parts[index]

    def _truth(self, condition: Any) -> bool:
        match condition:
            case {"Fn::Equals": [left, right]}:
                return self.text(left) == self.text(right)
            case {"Fn::Not": [inner]}:
                return not self._truth(inner)
            case {"Fn::And": list(parts)}:
                return all(self._truth(part) for part in parts)
            case {"Fn::Or": list(parts)}:
                return any(self._truth(part) for part in parts)
            case {"Condition": str(name)}:
                return self.holds(name)
        raise InvalidInput(f"the local host does not know the condition {condition!r}")

    def _reference(self, name: str) -> str:
        if name in self._parameters:
            return self._parameters[name]
        if name in self._resources:
            return self._attribute(name, "")
        if name in PSEUDO:
            return PSEUDO[name]
        raise InvalidInput(f"the template refers to {name!r}, which it does not declare")

    def _substitute(self, text: str, names: Mapping[str, str]) -> str:
        def replacement(found: re.Match[str]) -> str:
            literal, name = found.groups()
            if literal:
                return f"${{{name}}}"
            if name in names:
                return names[name]
            resource, dot, attribute = name.partition(".")
            return self._attribute(resource, attribute) if dot else self._reference(name)

        return _REFERENCE.sub(replacement, text)


PSEUDO: Mapping[str, str] = {
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "000000000000",
    "AWS::Partition": "aws",
    "AWS::StackName": "stopward-local",
    "AWS::StackId": "arn:aws:cloudformation:us-east-1:000000000000:stack/stopward-local/local",
    "AWS::URLSuffix": "amazonaws.com",
}
"""Pseudo parameters of the local stack; the account number is nobody's."""
