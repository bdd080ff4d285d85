"""Scenarios: stories of grants, usage and expected balances, told in YAML and played for real.

The inputs go through the ledger's own `decide` and `evolve` and the codec of the log, on one
partition, with the story's clock. `document` says what may stand in a file.
"""
