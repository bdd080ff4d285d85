"""The compose file and the image, as far as that goes without an engine."""

import re
import tomllib
from typing import Any

import pytest
import yaml

from drawdown.settings import Settings
from tests.deploy.rules import DEPLOY

ROOT = DEPLOY.parent
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")
OURS = {name: each for name, each in SERVICES.items() if each["image"] == "drawdown"}

SERVICE_KEYS = {
    *("build", "command", "depends_on", "environment", "healthcheck", "image", "ports"),
    *("restart", "stop_grace_period", "volumes"),
}
"""What the compose specification allows for a service, as far as it is used here."""
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}


def variables() -> set[str]:
    """The environment variables that the settings read, but for what is passed to librdkafka."""
    found = set()
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        found.add(str(getattr(alias, "choices", [f"DRAWDOWN_{name.upper()}"])[0]))
    return found


def scripts() -> set[str]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return set(tomllib.load(file)["project"]["scripts"])


def dockerfile_variables() -> set[str]:
    [block] = re.findall(r"(?m)^ENV ((?:.*\\\n)*.*)$", DOCKERFILE)
    return set(re.findall(r"([A-Z_]+)=", block))


def test_the_file_has_the_shape_of_the_specification() -> None:
    extensions = {key for key in COMPOSE if key.startswith("x-")}
    assert COMPOSE.keys() - extensions == {"name", "services", "volumes"}
    unknown = {name: each.keys() - SERVICE_KEYS for name, each in SERVICES.items()}
    assert {name: keys for name, keys in unknown.items() if keys} == {}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_for_services_that_exist(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        assert how["condition"] in CONDITIONS
        if how["condition"] == "service_healthy":
            assert "test" in SERVICES[other]["healthcheck"]
        if how["condition"] == "service_completed_successfully":
            assert SERVICES[other]["restart"] == "no", f"{other} would never have ended"


@pytest.mark.parametrize("name", SERVICES)
def test_a_volume_is_declared_or_stands_in_the_repository(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        source = volume.partition(":")[0]
        if source.startswith("."):
            assert (DEPLOY / source).exists()
        else:
            assert source in COMPOSE["volumes"]


def test_every_service_that_is_a_folder_is_deployed() -> None:
    folders = {path.parent.name for path in (ROOT / "services/drawdown").glob("*/__main__.py")}
    assert folders - {"cli"} <= OURS.keys()


@pytest.mark.parametrize("name", OURS)
def test_our_command_is_a_console_script(name: str) -> None:
    program = OURS[name]["command"][0]
    assert program in scripts()
    if name in {path.name for path in (ROOT / "services/drawdown").iterdir()}:
        assert program == f"drawdown-{name.replace('_', '-')}"


@pytest.mark.parametrize("name", OURS)
def test_our_environment_is_read_by_the_settings(name: str) -> None:
    assert OURS[name]["environment"].keys() <= variables()


def test_the_environment_of_the_image_is_read_by_the_settings() -> None:
    ours = {name for name in dockerfile_variables() if not name.startswith("PYTHON")}
    assert ours
    assert ours <= variables()


def test_addresses_name_services_of_this_file() -> None:
    environment = COMPOSE["x-service"]["environment"]
    assert environment["KAFKA_BOOTSTRAP_SERVERS"].partition(":")[0] in SERVICES
    [host] = re.findall(r"@([a-z_]+):", environment["DATABASE_URL"])
    assert host in SERVICES


def test_what_holds_money_is_reachable_from_this_machine_only() -> None:
    published = [port for each in SERVICES.values() for port in each.get("ports", [])]
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_an_image_is_pinned() -> None:
    foreign = [each["image"] for name, each in SERVICES.items() if name not in OURS]
    stages = re.findall(r"(?m)^FROM (\S+)", DOCKERFILE)
    unpinned = [name for name in [*foreign, *stages] if not re.search(r":v?\d", name)]
    assert unpinned == []


def test_the_image_runs_without_privileges() -> None:
    last = DOCKERFILE.rsplit("\nFROM ", 1)[1]
    assert re.search(r"(?m)^USER (?!root)\w+$", last)


def test_what_the_image_copies_exists() -> None:
    for sources in re.findall(r"(?m)^COPY (?!--from)(.*) \S+$", DOCKERFILE):
        for source in sources.split():
            assert (ROOT / source).exists(), f"COPY {source}"
