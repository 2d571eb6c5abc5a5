"""The pairs a person may choose from."""

from ganvas.networks.book import BookConv, BookMLP
from ganvas.networks.modern import Modern
from ganvas.networks.reference import Acgan, Dcgan, R3gan, Sngan, Yardstick

PAIRS = {
    "book-mlp": BookMLP,
    "book-conv": BookConv,
    "modern": Modern,
    "yardstick": Yardstick,
    "dcgan-concat": Dcgan,
    "acgan": Acgan,
    "sngan-projection": Sngan,
    "r3gan-small": R3gan,
}
