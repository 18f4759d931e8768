"""The commands of `plugram`."""
