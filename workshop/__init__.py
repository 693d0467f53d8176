"""Wiring: settings, the Kafka client, the embedded broker, the supervisor and the commands. It may import every room."""
