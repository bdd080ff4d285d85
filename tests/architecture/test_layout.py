"""What stands at the top of the repository, and what stands nowhere in it."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.architecture.repository import PACKAGE, ROOT, files, shown

TOP = {
    *(".ci", ".github", ".gitignore", "LICENSE", "Makefile", "README.md", "pyproject.toml"),
    *("deploy", "schemas", "services", "tests"),
}
ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]*://(?:[^\s/@\"'`]*@)?([A-Za-z0-9.-]+)", re.ASCII)
OWN_HOSTS = re.compile(
    r"^(localhost|127(\.\d+){3}|0\.0\.0\.0|[a-z_-]+|.*\.(test|invalid|example|localhost))\.?$"
)
"""This machine, names inside a deployment, and names that are reserved for examples."""
SERVICES = sorted({path.parent.name for path in PACKAGE.glob("*/__main__.py")} - {"cli"})
WEB = "https://"
"""In two parts, or the examples below would be found."""
LICENSE_ADDRESS = "www.apache.org"


def foreign_hosts(text: str) -> list[str]:
    """Hosts of addresses in `text` that anybody could be asked to connect to."""
    return [host for host in ADDRESS.findall(text) if not OWN_HOSTS.match(host.lower())]


def test_only_these_stand_at_the_top() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in files()} <= TOP


def test_no_file_names_a_host_to_fetch_from() -> None:
    found = {shown(path): foreign_hosts(path.read_text("utf-8")) for path in files()}
    found["LICENSE"] = [host for host in found.get("LICENSE", []) if host != LICENSE_ADDRESS]
    assert {path: hosts for path, hosts in found.items() if hosts} == {}


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        (f"index-url = {WEB}pypi.mirror.corp/simple", ["pypi.mirror.corp"]),
        (f"{WEB}user:secret@registry.company.net/x", ["registry.company.net"]),
        ("http://127.0.0.1:9090, http://prometheus:9090, http://registry.test/x", []),
        ("postgresql://drawdown:secret@database:5432/drawdown", []),
    ],
)
def test_a_foreign_host_is_found(text: str, hosts: list[str]) -> None:
    assert foreign_hosts(text) == hosts


def test_no_package_pins_an_address() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    wanted = [
        *project["project"]["dependencies"],
        *(each for extra in project["project"]["optional-dependencies"].values() for each in extra),
        *project["dependency-groups"]["dev"],
    ]
    assert [each for each in wanted if "@" in each or "==" not in each] == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_one_name_everywhere(service: str) -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        scripts: dict[str, str] = tomllib.load(file)["project"]["scripts"]
    script = f"drawdown-{service.replace('_', '-')}"
    assert scripts.get(script) == f"drawdown.{service}.__main__:main"
    assert (PACKAGE / service / "README.md").exists(), (
        "a service's README says what it consumes and produces, promises, how to run, watch and "
        "repair it"
    )


def test_nothing_is_larger_than_a_screenful_of_screens() -> None:
    large = [shown(path) for path in files() if path.stat().st_size > 400_000]
    assert large == []


def test_the_repository_is_found() -> None:
    assert Path(__file__) in files()
