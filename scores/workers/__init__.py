"""Several server processes on one listening socket: the supervisor, and what it supervises."""
