"""The services: Kafka workers that do the steps of a saga, each with a ledger of its own.

They know `saga` and nothing of the dashboard. The client that carries their messages is handed to them.
"""
