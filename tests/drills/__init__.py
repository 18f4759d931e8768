"""Processes are killed and connections cut, on purpose."""
