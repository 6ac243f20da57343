"""Notices: rules look at observations and conversations and make findings."""
