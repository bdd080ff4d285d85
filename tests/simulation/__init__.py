"""A simulator of faults: the real loops over a log in memory, driven by a seed.

A seed makes a plan of steps (`plan`), a world carries them out (`world`), and an auditor that
shares no code with the ledger reads what was committed after each (`auditor`).
"""
