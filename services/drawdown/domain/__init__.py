"""What a credit ledger means: no input, no output, no clock, no randomness.

`ledger.Ledger` is what one partition knows. Its doors are `decide`, which turns an input into
entries, and `evolve`, which folds an entry into the state.
"""
