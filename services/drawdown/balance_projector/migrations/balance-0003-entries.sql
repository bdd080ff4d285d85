-- Every entry of the ledger, `$partition`'s too. `charge` and `details` are null where an entry
-- has none. They are json and not jsonb: they are written always and searched never, and parsing
-- them was a third of the database's work. A hash covers the account's facts, never its place in
-- the partition.
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
);
-- The one further index: a customer's statement, in order. `$partition` has one in each partition.
CREATE UNIQUE INDEX entries_by_account ON entries (customer_id, unit, account_seq, partition);
