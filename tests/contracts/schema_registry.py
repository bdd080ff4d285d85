"""A schema registry in this process: what of Confluent's HTTP interface we use.

Responses as its documentation has them: `POST /subjects/<subject>/versions`, 409 with code 409
for an incompatible schema; `GET /schemas/ids/<id>`, 404 with code 40403 for an unknown one.
"""

import json
from typing import Any
from urllib.parse import unquote

import httpx


class FakeRegistry:
    """Schemas by id, one id for equal schemas, whatever their subject."""

    def __init__(self) -> None:
        self.schemas: dict[int, str] = {}
        self.subjects: dict[str, list[int]] = {}
        self.refusing: set[str] = set()
        self.kinds: dict[int, str] = {}
        self.down = False

    def client(self) -> httpx.Client:
        """A client that asks this registry."""
        return httpx.Client(
            base_url="http://registry.test", transport=httpx.MockTransport(self._answer)
        )

    def add(self, text: str, kind: str = "AVRO") -> int:
        """The id of a schema, new or known."""
        for known, schema in self.schemas.items():
            if schema == text:
                return known
        schema_id = 100 + len(self.schemas)
        self.schemas[schema_id] = text
        self.kinds[schema_id] = kind
        return schema_id

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            return httpx.Response(503, text="starting")
        match request.method, unquote(request.url.path).strip("/").split("/"):
            case "POST", ["subjects", subject, "versions"]:
                return self._register(subject, json.loads(request.content))
            case "GET", ["schemas", "ids", number]:
                return self._schema(int(number))
            case _:
                return httpx.Response(404, json={"error_code": 404, "message": "HTTP 404"})

    def _register(self, subject: str, body: dict[str, Any]) -> httpx.Response:
        if subject in self.refusing:
            return httpx.Response(409, json={"error_code": 409, "message": "incompatible"})
        schema_id = self.add(body["schema"])
        self.subjects.setdefault(subject, []).append(schema_id)
        return httpx.Response(200, json={"id": schema_id})

    def _schema(self, schema_id: int) -> httpx.Response:
        if schema_id not in self.schemas:
            return httpx.Response(404, json={"error_code": 40403, "message": "Schema not found"})
        found = {"schema": self.schemas[schema_id]}
        if self.kinds[schema_id] != "AVRO":
            found["schemaType"] = self.kinds[schema_id]
        return httpx.Response(200, json=found)
