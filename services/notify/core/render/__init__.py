"""Alerts to bodies, one module a channel. A renderer is a pure function of an alert, total over alerts."""
