"""One file a revision; the first makes all tables."""
