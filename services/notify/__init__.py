"""Alerts to deliveries: match, render, sign, send, try again."""
