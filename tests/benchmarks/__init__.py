"""Ratios of the shipped ledger to what a user would pick instead: `make bench`."""
