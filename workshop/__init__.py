"""Wiring: settings, the Kafka client, the embedded broker, the supervisor, the commands. It may import every room."""
