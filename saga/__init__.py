"""What a saga is and what comes next in it: pure decisions, no input or output.

Nothing in this package opens a file, a socket or a clock. Time, ids and randomness come in as arguments,
so every rule here can be tested by calling it.
"""
