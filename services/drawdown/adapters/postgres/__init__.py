"""Postgres: connections, migrations, and the store that projections write to."""
