"""Chancery: streaming alerts for security incidents near diplomatic sites."""
