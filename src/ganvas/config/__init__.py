"""A run as a value: its schema, the recipes, and what `auto` becomes on given data."""
