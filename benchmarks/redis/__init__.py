"""The Redis store, measured on a real redis-server that is started for it and ended with it."""
