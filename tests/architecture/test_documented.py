"""Settings are documented where they stand, and the README names commands that exist."""

import ast
import re

import typer

from drawdown.cli import app
from drawdown.settings import Settings
from tests.architecture.repository import PACKAGE, ROOT, tree

README = (ROOT / "README.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")


def undocumented(class_body: list[ast.stmt]) -> list[str]:
    """Annotated attributes that no string follows."""
    followers = [*class_body[1:], ast.Pass()]
    return [
        statement.target.id
        for statement, follower in zip(class_body, followers, strict=True)
        if isinstance(statement, ast.AnnAssign)
        and isinstance(statement.target, ast.Name)
        and not (isinstance(follower, ast.Expr) and isinstance(follower.value, ast.Constant))
    ]


def commands(root: typer.Typer) -> set[str]:
    """Every command as it is typed: `grant`, `rates apply`, …"""

    def below(group: object, prefix: tuple[str, ...]) -> set[str]:
        found: dict[str, object] = getattr(group, "commands", {})
        if not found:
            return {" ".join(prefix)}
        inner = [below(each, (*prefix, name)) for name, each in found.items()]
        return set().union(*inner) | ({" ".join(prefix)} if prefix else set())

    return below(typer.main.get_command(root), ())


def named_in(text: str, program: str) -> set[str]:
    """What follows `program` where a line of a code block or a code span begins with it."""
    found = re.findall(rf"(?m)(?:^\s*|`){program} ([a-z][a-z-]*(?: [a-z]+)?)", text)
    return set(found)


def test_every_setting_is_documented() -> None:
    [settings] = [
        node
        for node in tree(PACKAGE / "settings.py").body
        if isinstance(node, ast.ClassDef) and node.name == Settings.__name__
    ]
    assert undocumented(settings.body) == []


def test_a_setting_without_words_is_found() -> None:
    [settings] = ast.parse('class S:\n    a: int = 1\n    b: int = 2\n    """B."""').body
    assert isinstance(settings, ast.ClassDef)
    assert undocumented(settings.body) == ["a"]


def test_every_target_has_a_line_of_help() -> None:
    phony = re.findall(r"(?m)^\.PHONY: (.*)$", MAKEFILE)
    helped = set(re.findall(r"(?m)^([a-z]+):.*## ", MAKEFILE))
    assert helped == set(" ".join(phony).split()) - {"setup", "checked", "uncompiled"}


def test_the_readme_names_targets_that_exist() -> None:
    targets = set(re.findall(r"(?m)^([a-z]+):", MAKEFILE))
    named = {words.split()[0] for words in named_in(README, "make")}
    assert named, "the README should show make demo and make test"
    assert named <= targets


def test_the_readme_names_commands_that_exist() -> None:
    known = commands(app)
    named = named_in(README, "drawdown")
    assert named, "the README should show the command line"
    unknown = {words for words in named if words not in known and words.split()[0] not in known}
    assert unknown == set()
