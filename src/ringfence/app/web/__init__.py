"""The screens: server-rendered pages under ``/`` that ask the same projections as the API."""
