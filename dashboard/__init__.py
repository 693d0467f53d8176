"""What people see: the read model, how trace events become rows, and how rows reach browsers and programs.

It knows the services by what they say on `trace`, `heartbeat` and `dead-letter`, by how far their groups have read, by
the supervisor's table of processes, and, for the auditor alone, by the ledgers that are handed to it.
"""
