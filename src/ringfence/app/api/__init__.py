"""The REST API under ``/api/v1``: routers, problems, cursors, events. ``assemble`` puts them onto a server."""
