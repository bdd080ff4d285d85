"""Statements, explanations and what-if, without a broker."""
