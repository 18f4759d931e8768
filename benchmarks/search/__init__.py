"""What is claimed of search: how good it is on a judged collection, and how fast on a large one."""
