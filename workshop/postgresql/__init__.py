"""A database backend of Django's: its own one for PostgreSQL, except for statements with many rows."""
