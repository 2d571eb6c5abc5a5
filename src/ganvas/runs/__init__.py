"""A run as a value, and its result as a folder."""
