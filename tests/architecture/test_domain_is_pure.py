"""The domain has no clock, no chance, no float, and does no I/O."""

import ast

import pytest

from tests.architecture.purity import impurities
from tests.architecture.repository import PACKAGE, modules, shown, tree

DOMAIN = modules("services/drawdown/domain")


def test_there_is_a_domain() -> None:
    assert len(DOMAIN) > 10, f"{PACKAGE / 'domain'} isn't where these tests look"


def test_no_module_of_the_domain_is_impure() -> None:
    found = {shown(path): impurities(tree(path)) for path in DOMAIN}
    assert {path: what for path, what in found.items() if what} == {}


@pytest.mark.parametrize(
    ("source", "offence"),
    [
        ("import time", "the import of time"),
        ("from random import choice", "the import of random"),
        ("import uuid as identity", "the import of uuid"),
        ("from time import time", "the import of time"),
        ("import confluent_kafka.admin", "the import of confluent_kafka.admin"),
        ("from drawdown.settings import Settings", "the import of drawdown.settings"),
        ("from . import entries", "the import of a relative module"),
        ("rate = 0.1", "the float 0.1"),
        ("share = price / granted", "a true division"),
        ("share /= granted", "a true division"),
        ("amount: float", "the name float"),
        ("print(entry)", "a call of print"),
        ("clock.now()", "the attribute now"),
    ],
)
def test_each_impurity_is_found(source: str, offence: str) -> None:
    assert impurities(ast.parse(source)) == [f"line 1: {offence}"]


def test_what_the_domain_does_is_allowed() -> None:
    source = "from typing import Final\nfrom drawdown.domain.numbers import MICRO\nx = MICRO // 3"
    assert impurities(ast.parse(source)) == []
