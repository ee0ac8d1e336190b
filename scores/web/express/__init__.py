"""The express lane: a request whose head is known is answered in the moment in which its bytes arrive."""
