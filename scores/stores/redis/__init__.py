"""Scores in Redis: one server, one behind Sentinels, or a cluster. Opened by `open_redis`, in `store`."""
