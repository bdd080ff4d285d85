"""Real faults on real processes, and an independent checker of what they leave behind.

`python -m tests.chaos` (`make chaos`) starts brokers, a database, ledger processors, projectors and
a steady load, breaks them at random by a seed, and compares topics and tables after each round.
"""
