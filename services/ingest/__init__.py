"""Feeds to articles: poll, parse, identify, publish."""
