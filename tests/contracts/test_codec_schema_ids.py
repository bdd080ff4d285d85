"""Both resolvers of schema ids keep one contract; then what is the registry's alone."""

import json

import httpx
import pytest
from tests.contracts.schema_registry import FakeRegistry

from drawdown.adapters.avro import schema_files
from drawdown.adapters.avro.schema_ids import (
    FileSchemaIds,
    RegistrySchemaIds,
    SchemaIds,
    resolver,
)
from drawdown.errors import FatalError, SchemaUnknown, Unavailable
from drawdown.settings import load

USAGE = schema_files.newest("usage-event")
REPLY = schema_files.newest("reply")


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture(params=["files", "registry"])
def ids(request: pytest.FixtureRequest, registry: FakeRegistry) -> SchemaIds:
    return FileSchemaIds() if request.param == "files" else RegistrySchemaIds(registry.client())


def test_an_id_leads_back_to_its_schema(ids: SchemaIds) -> None:
    schema_id = ids.id_of("live.usage-events", USAGE)
    assert ids.definition_of(schema_id) == USAGE.definition


def test_an_id_stays(ids: SchemaIds) -> None:
    first = ids.id_of("live.usage-events", USAGE)
    assert ids.id_of("live.usage-events", USAGE) == first
    assert 0 < first < 2**32


def test_two_schemas_have_two_ids(ids: SchemaIds) -> None:
    assert ids.id_of("live.usage-events", USAGE) != ids.id_of("live.ledger-replies", REPLY)


def test_an_unknown_id_is_refused_by_its_number(ids: SchemaIds) -> None:
    with pytest.raises(SchemaUnknown, match="987654"):
        ids.definition_of(987_654)


def test_the_subject_is_the_topics_value(registry: FakeRegistry) -> None:
    schema_id = RegistrySchemaIds(registry.client()).id_of("live.usage-events", USAGE)
    assert registry.subjects == {"live.usage-events-value": [schema_id]}
    assert json.loads(registry.schemas[schema_id]) == USAGE.definition


def test_answers_are_remembered_when_the_registry_goes_down(registry: FakeRegistry) -> None:
    ids = RegistrySchemaIds(registry.client())
    schema_id = ids.id_of("live.usage-events", USAGE)
    ids.definition_of(schema_id)
    registry.down = True
    assert ids.id_of("live.usage-events", USAGE) == schema_id
    assert ids.definition_of(schema_id) == USAGE.definition


def test_a_registry_that_is_down_is_worth_another_try(registry: FakeRegistry) -> None:
    registry.down = True
    ids = RegistrySchemaIds(registry.client())
    with pytest.raises(Unavailable, match="503"):
        ids.definition_of(1)
    with pytest.raises(Unavailable, match="503"):
        ids.id_of("live.usage-events", USAGE)


def test_a_registry_that_is_not_there_is_worth_another_try() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused", request=request)

    client = httpx.Client(base_url="http://registry.test", transport=httpx.MockTransport(refuse))
    with pytest.raises(Unavailable, match="doesn't answer"):
        RegistrySchemaIds(client).definition_of(1)


def test_an_incompatible_schema_is_refused(registry: FakeRegistry) -> None:
    registry.refusing.add("live.usage-events-value")
    with pytest.raises(FatalError, match="incompatible"):
        RegistrySchemaIds(registry.client()).id_of("live.usage-events", USAGE)


def test_a_schema_of_another_kind_is_refused(registry: FakeRegistry) -> None:
    ids = RegistrySchemaIds(registry.client())
    with pytest.raises(SchemaUnknown, match="PROTOBUF"):
        ids.definition_of(registry.add('syntax = "proto3";', "PROTOBUF"))
    with pytest.raises(SchemaUnknown, match="no record"):
        ids.definition_of(registry.add('"bytes"'))


def test_the_registry_is_used_where_one_is_configured() -> None:
    assert isinstance(resolver(load(schema_registry_url="")), FileSchemaIds)
    configured = load(schema_registry_url="http://127.0.0.1:8081")
    assert isinstance(resolver(configured), RegistrySchemaIds)
