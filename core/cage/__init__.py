"""Where hostile files are read: limits and walls around a child process. Loaded in the sandbox's
processes, so nothing here imports an event loop, the database or Telegram."""
