"""What is told, proved and explained of an account.

A *statement* is one month of an account, from the read model: opening balance, movements, closing
balance. A *proof* is a file of all its entries, from the log, which can be checked anywhere.

`checking` needs no client, no settings and no connection; `reading` is the only door to the log,
`movements` and `closing_lots` those to the read model.
"""
