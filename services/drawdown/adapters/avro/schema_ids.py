"""Which schema an id in a record stands for: by files, or by a registry.

Both resolvers pass `tests/contracts/test_codec_schema_ids.py`.
"""

import json
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final, Protocol

import httpx
import yaml

from drawdown.adapters.avro import schema_files
from drawdown.adapters.avro.schema_files import SchemaFile
from drawdown.errors import FatalError, InvalidSetting, SchemaUnknown, Unavailable
from drawdown.settings import Settings

TIMEOUT_S: Final = 10.0
MEDIA_TYPE: Final = "application/vnd.schemaregistry.v1+json"
_CONFLICT, _MISSING = 409, 404

Definition = dict[str, Any]


class SchemaIds(Protocol):
    """Gives each schema of a topic its id, and each id its schema."""

    def id_of(self, topic: str, schema: SchemaFile) -> int:
        """The id under which records of this schema are written to the topic."""

    def definition_of(self, schema_id: int) -> Definition:
        """The Avro schema that was written. Raises `SchemaUnknown` where the id is unknown."""


@cache
def _ids_of_files() -> Mapping[str, int]:
    ids: dict[str, int] = yaml.safe_load((schema_files.folder() / "ids.yaml").read_text("utf-8"))
    return MappingProxyType(ids)


class FileSchemaIds:
    """Ids from `schemas/ids.yaml`, the same for every topic."""

    def __init__(self) -> None:
        ids = self._ids = _ids_of_files()
        self._definitions = {
            ids[each.label]: each.definition
            for each in schema_files.versions()
            if each.label in ids
        }

    def id_of(self, topic: str, schema: SchemaFile) -> int:
        """The id of `ids.yaml`. Raises `FatalError` where the file has none."""
        if schema.label not in self._ids:
            raise FatalError(f"{schema.label} has no id in schemas/ids.yaml: add one")
        return self._ids[schema.label]

    def definition_of(self, schema_id: int) -> Definition:
        """The definition in the file that has this id."""
        if schema_id not in self._definitions:
            raise SchemaUnknown(f"schema id {schema_id} is not in schemas/ids.yaml")
        return self._definitions[schema_id]


class RegistrySchemaIds:
    """Ids from a Confluent-compatible registry; the subject is `<topic>-value`.

    What a registry answered once holds for ever, and is remembered.
    """

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._ids: dict[tuple[str, str], int] = {}
        self._definitions: dict[int, Definition] = {}

    def id_of(self, topic: str, schema: SchemaFile) -> int:
        """Register the schema, or find it registered."""
        key = (topic, schema.label)
        if key not in self._ids:
            body = {"schema": json.dumps(schema.definition), "schemaType": "AVRO"}
            answer = self._ask("POST", f"/subjects/{topic}-value/versions", body)
            if answer.status_code == _CONFLICT:
                raise FatalError(f"the registry finds {schema.label} incompatible: {answer.text}")
            self._ids[key] = int(_accepted(answer)["id"])
        return self._ids[key]

    def definition_of(self, schema_id: int) -> Definition:
        """The registered schema. Raises `Unavailable` where the registry doesn't answer."""
        if schema_id not in self._definitions:
            answer = self._ask("GET", f"/schemas/ids/{schema_id}", None)
            if answer.status_code == _MISSING:
                raise SchemaUnknown(f"schema id {schema_id} is not in the registry")
            self._definitions[schema_id] = _definition(_accepted(answer), schema_id)
        return self._definitions[schema_id]

    def _ask(self, method: str, path: str, body: object) -> httpx.Response:
        try:
            return self._client.request(
                method, path, json=body, headers={"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE}
            )
        except httpx.HTTPError as error:
            raise Unavailable(
                f"the schema registry at {self._client.base_url} doesn't answer: {error}"
            ) from error


def resolver(settings: Settings) -> SchemaIds:
    """The registry where one is configured, else the files."""
    if not settings.schema_registry_url:
        return FileSchemaIds()
    try:
        url = httpx.URL(settings.schema_registry_url)
    except httpx.InvalidURL as error:
        raise InvalidSetting(f"SCHEMA_REGISTRY_URL: {error}") from error
    return RegistrySchemaIds(httpx.Client(base_url=url, timeout=TIMEOUT_S))


def _accepted(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_server_error:
        raise Unavailable(f"the schema registry answered {answer.status_code}: {answer.text}")
    if not answer.is_success:
        raise FatalError(f"the schema registry refused with {answer.status_code}: {answer.text}")
    found: dict[str, Any] = answer.json()
    return found


def _definition(found: dict[str, Any], schema_id: int) -> Definition:
    if found.get("schemaType", "AVRO") != "AVRO":
        raise SchemaUnknown(f"schema id {schema_id} is {found['schemaType']}, not Avro")
    definition = json.loads(found["schema"])
    if not isinstance(definition, dict):
        raise SchemaUnknown(f"schema id {schema_id} is no record")
    return definition
