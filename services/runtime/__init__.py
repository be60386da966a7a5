"""The shell that every service shares: settings, logs, Kafka clients, guarded HTTP, health, metrics."""
