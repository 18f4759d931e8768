"""Index tables, in SQL for each dialect."""
