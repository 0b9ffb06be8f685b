"""The rules: tasks, runs, states, limits, events. Opens no file, no socket of its own, no database."""
