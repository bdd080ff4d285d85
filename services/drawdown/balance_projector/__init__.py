"""The balance projector: accounts, lots, entries and daily usage in Postgres."""
