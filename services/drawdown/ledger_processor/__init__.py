"""The ledger processor: the one writer of each partition of the ledger."""
