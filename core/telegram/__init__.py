"""Updates in, messages out: the durable way between Telegram and the handlers."""
