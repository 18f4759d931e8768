"""One room per feature. Each is an ordinary plugin that imports `plugram` alone."""
