"""Version 1 of the REST API: one module a noun, each with a ``router``."""
