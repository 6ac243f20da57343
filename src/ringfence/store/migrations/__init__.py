"""The steps by which tables came to be what ``store/schema`` says; ``store/migrate.py`` applies them."""
