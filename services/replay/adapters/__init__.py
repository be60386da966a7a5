"""Recordings as files, topics as streams, rules from directories and git, pages from templates."""
