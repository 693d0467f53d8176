"""Start processes, keep them alive, say what they say, and end all of them together.

It knows nothing about sagas: it is given a list of `ProcessSpec`.
"""
