"""The feed's client in a world of its own: virtual time, a network in memory, and everything from one seed."""
