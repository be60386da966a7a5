"""Measurements: each prints a table, and the command that made it; the tables are committed under `results/`."""
