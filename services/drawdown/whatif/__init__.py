"""What if: the recorded inputs decided again in memory, with other rates, burn order or expiry.

Nothing is written anywhere. `deciding` is the core, of one partition and without a client; `run`
reads the log.
"""
