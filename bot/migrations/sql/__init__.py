"""SQL by its meaning: the one room of libpg_query, which runs in a process of its own, and squawk beside it."""
