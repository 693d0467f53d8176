"""What people see: the read model, how trace events become rows, and how rows reach browsers and programs.

It knows the services only by what they say on `trace`, `heartbeat` and `dead-letter`.
"""
