"""Statements: what can be told, proved and explained from the ledger's entries alone.

`checking` needs no client, no settings and no connection; `reading` is the only door to the log.
"""
