"""What ingest touches outside: HTTP, feed state, the articles topic."""
