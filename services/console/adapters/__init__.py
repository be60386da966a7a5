"""The console's side of Kafka."""
