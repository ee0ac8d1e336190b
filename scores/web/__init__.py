"""The web side: what the HTTP contract says, over any store."""
