"""A plugin for the drills: made for another host."""

manifest = {"id": "wrong_api", "version": "1.0", "summary": "Too new", "api": ">=99"}
