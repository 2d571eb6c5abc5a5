"""The pairs a person may choose from."""

from ganvas.networks.book import BookConv, BookMLP
from ganvas.networks.modern import Modern
from ganvas.networks.reference import Dcgan

PAIRS = {"book-mlp": BookMLP, "book-conv": BookConv, "modern": Modern, "dcgan-concat": Dcgan}
