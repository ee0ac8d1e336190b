"""What a benchmark raises on purpose."""

__all__ = ["BenchmarkError"]


class BenchmarkError(Exception):
    """A measurement could not be made, or what was measured did not do its work."""
