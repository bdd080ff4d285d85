"""The balance projector: accounts, lots, holds, entries and usage in Postgres, and `balances`."""
