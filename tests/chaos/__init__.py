"""The guarantee, put to the test: real processes, random faults and kills from a printed seed, thousands of sagas."""
