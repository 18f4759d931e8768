"""The minimal async host. It knows no plugin by name; outside `core`, import `plugram` instead."""
