"""Servers and processes that the tests talk to: real ones, started from packages."""
