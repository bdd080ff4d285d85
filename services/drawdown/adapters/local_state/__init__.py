"""Local state: what a ledger processor has folded, on its own disk. Derived, and may be deleted."""
