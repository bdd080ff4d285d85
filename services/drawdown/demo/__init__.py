"""The demo: a trace of LLM requests played through a real ledger, and checked by recalculation.

`trace` and `generation` say what is asked of the models and when, `plan` by whom and with which
credits, `player` sends it, `watching` and `screen` show what comes of it, `recalculation` works
out every balance anew from the files that were written.
"""
