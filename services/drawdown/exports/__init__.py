"""Exports: tables of the read models as files for analysts, each of one moment.

A dataset is a line of `catalogue` and a module that says its columns.
"""
