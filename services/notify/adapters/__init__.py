"""What notify touches outside: the deliveries topic, the endpoints."""
