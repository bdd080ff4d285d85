"""The audit, piece by piece."""
