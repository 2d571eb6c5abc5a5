"""The pairs a person may choose from."""

from ganvas.networks.book import BookConv, BookMLP
from ganvas.networks.modern import Modern

PAIRS = {"book-mlp": BookMLP, "book-conv": BookConv, "modern": Modern}
