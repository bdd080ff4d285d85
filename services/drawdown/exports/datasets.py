"""What can be exported: a table of a projection, its columns, and what they mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["text", "integer", "flag", "day", "hour", "moment", "bytes", "json"]
"""`moment` is microseconds since 1970 in the table, `hour` a timestamp in UTC; both are instants
in a file. `integer` fits 64 bits; `json` is a document as text."""

_SELECTED: Final = {
    "json": "{}::text AS {}",
    "hour": "(extract(epoch FROM {}) * 1000000)::bigint AS {}",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a dataset, by the name that it has in the table."""

    name: str
    kind: Kind
    meaning: str
    """For the reader of the file; amounts name their unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A table of a projection, exported whole, in the order of its key."""

    name: str
    projection: str
    table: str
    rows_are: str
    key: Sequence[str]
    columns: Sequence[Column]
    counted: str = ""
    """A query for the number of rows, where there is a cheaper one than to count them."""

    @property
    def query(self) -> str:
        """Every row, by key."""
        names = ", ".join(
            _SELECTED.get(each.kind, "{}").format(*[each.name] * 2) for each in self.columns
        )
        return f"SELECT {names} FROM {self.table} ORDER BY {', '.join(self.key)}"

    @property
    def count(self) -> str:
        """The number of rows."""
        return self.counted or f"SELECT count(*) FROM {self.table}"


def micro(name: str, meaning: str) -> Column:
    """An amount of credits."""
    return Column(name, "integer", f"{meaning}, micro-credits")


def minor(name: str, meaning: str) -> Column:
    """An amount of money."""
    return Column(name, "integer", f"{meaning}, minor units of currency")


CUSTOMER: Final = Column("customer_id", "text", "the customer")
UNIT: Final = Column("unit", "text", "what the account counts, usually credit")
PARTITION: Final = Column("partition", "integer", "the ledger's partition")
CHANGED: Final = Column(
    "partition_seq", "integer", "the partition's last entry that changed the row"
)
