"""Proofs, statements, explanations and what-if, without a broker."""
