-- How far a projection has come, by partition of the ledger. It moves in the transaction that
-- writes the rows, under a lock on its row; `epoch` counts the processes that took the partition
-- over, so that one that lost it can't write any more. `published` is the last entry whose rows the
-- broker has acknowledged; it follows `partition_seq`, and what lies between is published again.
-- `replaced` counts the rebuilds that put other rows here than stood here: their writers claim again.
CREATE TABLE position (
    partition     integer PRIMARY KEY,
    partition_seq bigint  NOT NULL,
    next_offset   bigint  NOT NULL,
    recorded_at   bigint  NOT NULL,
    epoch         bigint  NOT NULL,
    published     bigint  NOT NULL DEFAULT 0,
    replaced      bigint  NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
