"""Measurements: every claim of speed has its module here."""
