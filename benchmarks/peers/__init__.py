"""The same job by others: what a server on each framework does of it, next to ours."""
