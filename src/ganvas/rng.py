"""Named random streams: what a draw is depends on (seed, purpose, step) alone.

No generator has a state that lasts from one step to the next. So a checkpoint needs none to resume a run exactly,
previews and served images repeat, and a draw for the global batch can be sliced among any number of processes. This is
the only file that sets a global generator.
"""

import hashlib

import torch


def stream(seed: int, purpose: str, step: int = 0) -> torch.Generator:
    """A fresh CPU generator for one purpose at one step: the same triple always gives the same draws."""
    # A hash, so that no two triples share a seed and neighbouring steps get unrelated ones. The shift leaves the 63
    # bits that a signed integer holds.
    digest = hashlib.blake2b(f"{seed}/{purpose}/{step}".encode(), digest_size=8).digest()
    generator = torch.Generator()
    generator.manual_seed(int.from_bytes(digest, "little") >> 1)
    return generator


def seed_weights(seed: int, purpose: str) -> None:
    """Sets torch's global generator, from which `nn.Module` constructors draw their first weights."""
    torch.manual_seed(stream(seed, f"weights/{purpose}").initial_seed())


def seed_step(seed: int, step: int, rank: int) -> None:
    """Sets torch's global generator, from which dropout draws, for one step of one process."""
    torch.manual_seed(stream(seed, f"step/{rank}", step).initial_seed())
