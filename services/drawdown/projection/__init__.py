"""The one loop of every projector: rows and position in one transaction.

A projection is a folder with SQL and a `Projection`; `service.run` does the rest.
"""
