"""`drawdown`, the command line. It only asks and shows: what it does is done by the rooms below."""

from drawdown.cli.application import app, main

__all__ = ("app", "main")
