"""A whole workshop in one thread, on a broker in memory: a seed decides who acts next, who dies, and when.

All parts and their databases are the real ones; only the broker, the clock and the hand that pulls the strings are not.
The same seed plays the same piece again, so what goes wrong once can be looked at.
"""
