"""The alert rules, and the metric names in their expressions."""

import re
from pathlib import Path
from typing import Any, Final

import yaml

DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy"
RULES: Final = DEPLOY / "prometheus" / "rules.yaml"
_STRING: Final = re.compile(r'"[^"]*"')
_LABELS: Final = re.compile(r"\{[^}]*\}")
_GROUPING: Final = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_DURATION: Final = re.compile(r"\[[^\]]*\]")
_WORD: Final = re.compile(r"\b[a-zA-Z_:][a-zA-Z0-9_:]*\b(?!\s*\()")
_OPERATORS: Final = {"and", "or", "unless", "bool", "offset", "group_left", "group_right"}


def alerts() -> list[dict[str, Any]]:
    """Every alert of every group."""
    document = yaml.safe_load(RULES.read_text("utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def metric_names(expression: str) -> set[str]:
    """The metrics that a PromQL expression reads: words that are no function, label or operator."""
    for pattern in (_STRING, _LABELS, _GROUPING, _DURATION):
        expression = pattern.sub(" ", expression)
    return set(_WORD.findall(expression)) - _OPERATORS


def balanced(expression: str) -> bool:
    """Whether brackets of all kinds close in the order they were opened."""
    closing, expected = {"(": ")", "[": "]", "{": "}"}, []
    for character in _STRING.sub("", expression):
        if character in closing:
            expected.append(closing[character])
        elif character in closing.values() and (not expected or expected.pop() != character):
            return False
    return not expected
