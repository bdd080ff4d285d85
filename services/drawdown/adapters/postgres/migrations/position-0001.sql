-- How far a projection has come, by partition of the ledger. It moves in the transaction that
-- writes the rows, under a lock on its row; `epoch` counts the processes that took the partition
-- over, so that one that lost it can't write any more.
CREATE TABLE position (
    partition     integer PRIMARY KEY,
    partition_seq bigint  NOT NULL,
    next_offset   bigint  NOT NULL,
    recorded_at   bigint  NOT NULL,
    epoch         bigint  NOT NULL
) WITH (fillfactor = 50);
