from hypothesis import settings

# No deadline: how long something takes is never a failure. No database: a run leaves nothing in the work tree.
settings.register_profile("workshop", deadline=None, database=None)
settings.load_profile("workshop")
