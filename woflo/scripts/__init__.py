"""Commands as tasks, the files that they read and make, and whether these are up to date."""
