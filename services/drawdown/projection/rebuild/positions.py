"""How far the rows of a schema are projected."""

from collections.abc import Mapping
from typing import Final

from psycopg import sql

from drawdown.adapters.postgres import schemas
from drawdown.adapters.postgres.connections import Connection

POSITION_TABLE: Final = "position"


def positions(connection: Connection, schema: str) -> dict[int, int]:
    """The last entry projected, by partition; those begun."""
    query = sql.SQL("SELECT partition, partition_seq FROM {} WHERE partition_seq > 0")
    return {
        int(row[0]): int(row[1])
        for row in connection.execute(query.format(schemas.table(schema, POSITION_TABLE)))
    }


def left_to(connection: Connection, schema: str, targets: Mapping[int, int]) -> int:
    """How many entries a schema has yet to write to come to the targets."""
    stands = positions(connection, schema)
    return sum(max(0, seq - stands.get(partition, 0)) for partition, seq in targets.items())
