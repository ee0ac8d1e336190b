"""What the server counts of itself: numbers in rows that all workers share, as text for Prometheus."""
