"""The embedded broker and database: a real Kafka and a real Postgres from pip and Maven alone.

`stack.up`, `stack.down` and `stack.status` are the doors; `processes` runs Drawdown's own
services as children. Nothing here is needed in production, and nothing outside this package
may be imported at module level from the `drawdown[local]` extra.
"""
