"""The services: Kafka workers that do the steps of a saga, each with a ledger of its own.

They know `saga` and nothing of the dashboard. The client that carries their messages is handed to them.

`workshop.service_process` runs, for each service, a `Loop` (which opens anew what has failed) around a `Worker`: poll,
do, say, commit. The worker works as a `Role`: as a `Performer`, with a ledger, which calls its participant's `perform`
and `undo`; or as the `Coordinator`, with its log. A `Pulse` beside them tells how they are, and hears what they
shall be.
"""
