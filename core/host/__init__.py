"""What hosts plugins: found, checked, ordered, loaded, called."""
