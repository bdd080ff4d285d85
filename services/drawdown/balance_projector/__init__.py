"""The balance projector: accounts, lots, holds, entries and daily usage in Postgres."""
