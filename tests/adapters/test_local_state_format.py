"""The format of local state: what changes a row's meaning must change its number."""

import hashlib
import json

from drawdown.adapters.avro import schema_files
from drawdown.adapters.local_state.rows import FORMAT

SCHEMAS_OF_FORMATS = {
    2: "df76d53050d92c2e9382ba4f5ef67b1e69c5dd330d0e9ba91f8307c1efb36141",
    3: "7e7e3771bebaa84016e735a4023d81839f078ce468c37fe3fa23addda02d20e4",
    4: "7e7e3771bebaa84016e735a4023d81839f078ce468c37fe3fa23addda02d20e4",
}
"""Of each format, the SHA-256 of the schema of the entries that rows are made of."""


def test_a_new_schema_of_entries_takes_a_new_format() -> None:
    newest = schema_files.newest("ledger-entry")
    digest = hashlib.sha256(json.dumps(newest.definition, sort_keys=True).encode()).hexdigest()
    assert SCHEMAS_OF_FORMATS[FORMAT] == digest, (
        "folding may make more of entries now: raise FORMAT in local_state/rows.py, so that "
        "directories that hold less are rebuilt, and note the schema here"
    )
