"""Where runs are kept: one contract, and what keeps it (memory, SQLite, a folder)."""
