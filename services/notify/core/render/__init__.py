"""One module a channel: an alert as that channel writes it."""
