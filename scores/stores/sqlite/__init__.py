"""The store in a file, on SQLite: `scores.stores.sqlite.store` opens it."""
