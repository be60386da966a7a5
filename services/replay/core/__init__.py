"""The format of a recording, the order of its records, and what two sets of rules make of them. Pure."""
