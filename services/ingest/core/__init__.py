"""Pure decisions of ingest: what a feed says, when to poll again, what is new."""
