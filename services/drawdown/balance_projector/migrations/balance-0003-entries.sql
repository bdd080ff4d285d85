-- Every entry of the ledger, `$partition`'s too. `charge` and `details` are null where an entry
-- has none. They are json and not jsonb: they are written always and searched never, and parsing
-- them was a third of the database's work. A hash covers the account's facts, never its place in
-- the partition.
--
-- Each partition of the ledger has a table of its own, made with its first entry. Its index of places
-- grows at the right edge only, its other one has the customers of that partition only, and each is
-- written by one projector, vacuumed, measured and moved to another disk by itself.
CREATE TABLE entries (
    partition          integer  NOT NULL,
    partition_seq      bigint   NOT NULL,
    entry_id           text     NOT NULL,
    customer_id        text COLLATE "C" NOT NULL,
    unit               text COLLATE "C" NOT NULL,
    account_seq        bigint   NOT NULL,
    type               text     NOT NULL,
    amount             bigint   NOT NULL,
    balance            bigint   NOT NULL,
    held               bigint   NOT NULL,
    available          bigint   NOT NULL,
    overdraft          bigint   NOT NULL,
    debt               bigint   NOT NULL,
    overage_total      bigint   NOT NULL,
    residue            bigint   NOT NULL,
    allocations        json     NOT NULL,
    charge             json,
    details            json,
    cause              text     NOT NULL,
    cause_id           text     NOT NULL,
    cause_digest       bytea    NOT NULL,
    burn_order_version integer  NOT NULL,
    reason             text     NOT NULL,
    actor              text     NOT NULL,
    occurred_at        bigint   NOT NULL,
    recorded_at        bigint   NOT NULL,
    effective_at       bigint   NOT NULL,
    decision_index     integer  NOT NULL,
    decision_count     integer  NOT NULL,
    hash_version       smallint NOT NULL,
    prev_hash          bytea    NOT NULL,
    hash               bytea    NOT NULL,
    PRIMARY KEY (partition, partition_seq)
) PARTITION BY LIST (partition);
-- The one further index: a customer's statement, in order. `$partition` has one in each partition;
-- any other customer is in one only, and who names it (`accounts.partition`) reads one table.
CREATE UNIQUE INDEX entries_by_account ON entries (customer_id, unit, account_seq, partition);
