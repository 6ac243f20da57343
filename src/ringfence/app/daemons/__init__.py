"""Processes of the running platform: the children that the server starts, and how they are watched."""
