"""What the test for copies notices: `python benchmarks/copies.py SOURCE [SOURCE ...] [--seeds 20]`.

Half of a set's held-out images stand for generated ones, and copies of training images are planted among them: exact
ones, shifted by a pixel, brightened, mirrored. Prints, for each kind, the share of the copies that are recognised as
near-copies, and how often the test flags the images where 1, 5 and 10 % of them are copies; and how often it flags
images among which there are none (false alarms), each over random halves and plants.
"""

import argparse
from pathlib import Path

import numpy as np
from pairs import machine

from ganvas.config.recipes import configure
from ganvas.data import open_source
from ganvas.evaluation.copies import PLANTED, SHARES, assess, is_near_copy, nearest_training
from ganvas.evaluation.evaluator import evaluator_for


def main() -> None:
    """Prints a table with a row for each set and kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="+")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--size", type=int, help="side of the images, where it is not the source's own")
    choices = parser.parse_args()
    print(machine(), flush=True)
    names = ["set", "held-out images", "planted", "recognised", *(f"flagged at {share:.0%}" for share in SHARES)]
    print(f"\n| {' | '.join(names)} |\n|{'---|' * len(names)}")
    for source in choices.sources:
        for row in rows(source, choices.seeds, choices.size):
            print(f"| {' | '.join(row)} |", flush=True)


def rows(source: str, seeds: int, size: int | None) -> list[list[str]]:
    """A row for each kind of copy, and one for none."""
    data = {"data": {"size": size}} if size else {}
    prepared = open_source(source, configure(source, "modern", data).data)
    evaluator = evaluator_for(prepared)
    train = np.asarray(prepared.train)
    training, held_out = (
        evaluator.embed(prepared.pixels[each]).features for each in (train, np.asarray(prepared.held_out))
    )

    def near_copies(features: np.ndarray) -> np.ndarray:
        return is_near_copy(*nearest_training(features, training), training)

    near, count, found = near_copies(held_out), len(held_out) // 2, []
    set_name, held = Path(source).name, f"{len(held_out):,}"
    random = [np.random.default_rng(seed) for seed in range(seeds)]
    halves = [np.split(near[each.permutation(len(near))[: 2 * count]], 2) for each in random]
    alarms = [is_flagged(fresh, other) for fresh, other in halves]
    found.append([set_name, held, "nothing", f"{near.mean():.1%}", f"{np.mean(alarms):.0%} of {seeds}", "", ""])
    for kind, change in PLANTED.items():
        caught, flagged = [], {share: [] for share in SHARES}
        for each, (fresh, other) in zip(random, halves, strict=True):
            chosen = train[each.permutation(len(train))[: -(-count // 10)]]
            copies = near_copies(evaluator.embed(change(np.asarray(prepared.pixels[chosen]))).features)
            caught.append(copies.mean())
            for share in SHARES:
                planted = fresh.copy()
                planted[: round(share * count)] = copies[: round(share * count)]
                flagged[share].append(is_flagged(planted, other))
        shares = [f"{np.mean(each):.0%}" for each in flagged.values()]
        found.append([set_name, held, kind, f"{np.mean(caught):.0%}", *shares])
    return found


def is_flagged(near: np.ndarray, real_near: np.ndarray) -> bool:
    """Whether images, of which these (N,) are near-copies, are flagged beside held-out ones."""
    return assess(int(near.sum()), len(near), int(real_near.sum()), len(real_near)).flagged


if __name__ == "__main__":
    main()
