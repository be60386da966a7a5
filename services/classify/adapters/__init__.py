"""Loads lexicons and gazetteer from their files."""
