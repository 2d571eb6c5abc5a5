"""What a person would otherwise take: published pairs as people copy them, as yardsticks for ours.

Written from the papers and from descriptions of what is commonly run, at any size from 16 to 128 px.
"""

from ganvas.networks.reference.acgan import Acgan
from ganvas.networks.reference.dcgan import Dcgan
from ganvas.networks.reference.r3gan import R3gan
from ganvas.networks.reference.sngan import Sngan
from ganvas.networks.reference.yardstick import Yardstick

__all__ = ["Acgan", "Dcgan", "R3gan", "Sngan", "Yardstick"]
