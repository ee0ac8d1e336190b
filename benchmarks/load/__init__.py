"""Load on an HTTP server: many connections at once, by wrk or by a client of our own."""
