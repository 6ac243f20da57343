"""Projections: reads that span rooms, for the API and the screens. Nothing here writes."""
