"""Bots as their libraries' users write them; tests run them as programs."""
