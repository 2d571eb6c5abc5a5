"""Images of runs: found by the digest of their weights, generated in batches by one thread, kept while asked for.

An image is a function of (weights, label, seed, index) alone, and is computed in blocks of 64, as `ganvas.sampling`
has it. So requests for images of one block are answered together, and the block of the last answer is there for the
next one.
"""

import hashlib
import os
import queue
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch

from ganvas import files
from ganvas.data.label_names import PartialLabel, label_in_words
from ganvas.images import Pixels
from ganvas.runs.bundle import Bundle, from_checkpoints, read_bundle
from ganvas.runs.folder import RunFolder
from ganvas.runs.sealed import MANIFEST
from ganvas.sampling import BATCH, Sampler
from ganvas.studio.places import Places
from ganvas.studio.refusals import BusyError, NotFoundError

MOST_WAITING = 64
MOST_COMBINATIONS = 200
MOST_SAMPLERS = 4
MOST_KEPT_BYTES = 128 << 20
LOWEST_PRIORITY = 10  # a training beside it comes first


class ImageBlock(NamedTuple):
    """64 images of one label and seed."""

    digest: str
    label: PartialLabel | None
    seed: int
    number: int
    truncation: float | None


class Mixture(NamedTuple):
    """One image between two labels and two seeds."""

    digest: str
    labels: tuple[PartialLabel, PartialLabel] | None
    share: float
    """0 is the first label, 1 the second."""
    seeds: tuple[int, int]
    seed_share: float


Wanted = ImageBlock | Mixture
Answer = Future[list[Pixels]]
Result = TypeVar("Result")


class Weights(NamedTuple):
    """Where the weights of a run lie, and the digest of their manifest, which holds that of every file."""

    digest: str
    path: Path
    run: RunFolder


def newest_weights(run: RunFolder) -> Weights:
    """The bundle of a run, or its newest checkpoint while it trains. NotFoundError where there is neither yet."""
    for path in (run.bundle, *reversed(run.checkpoints())):
        with suppress(OSError, files.DamagedError), files.open_regular(path / MANIFEST) as file:
            return Weights(hashlib.file_digest(file, "sha256").hexdigest()[:32], path, run)
    raise NotFoundError(f"{run.path.name} has no weights yet: they are there after its first checkpoint")


class SampleQueue:
    """Generates what is asked for, on a thread of its own. At most 64 requests wait; more are refused."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self._waiting: queue.Queue[tuple[Callable[[], Any], Future[Any]]] = queue.Queue(MOST_WAITING)
        self._found: dict[str, Weights] = {}
        self._samplers: OrderedDict[str, Sampler] = OrderedDict()
        self._kept: OrderedDict[Wanted, Pixels] = OrderedDict()
        self._kept_bytes = 0
        self._lock = threading.Lock()
        threading.Thread(target=self._work, name="samples", daemon=True).start()

    def ask(self, wanted: list[Wanted]) -> Answer:
        """A promise of one array a block, (64, C, H, W) uint8, or a mixture, (1, C, H, W). BusyError if too many wait.

        A promise that is cancelled is not computed.
        """
        return self.work_out(lambda: [self._computed(each) for each in wanted])

    def work_out(self, function: Callable[[], Result]) -> Future[Result]:
        """A promise of what a function returns, called on this thread. BusyError if too many requests wait."""
        promise: Future[Result] = Future()
        try:
            self._waiting.put_nowait((function, promise))
        except queue.Full:
            raise BusyError("too many images are asked for at once: try again in a moment") from None
        return promise

    def sampler(self, digest: str) -> Sampler:
        """The sampler of these weights. NotFoundError if no run has them, or no longer."""
        with self._lock:
            if digest in self._samplers:
                self._samplers.move_to_end(digest)
                return self._samplers[digest]
            sampler = load_sampler(self.find(digest))
            self._samplers[digest] = sampler
            while len(self._samplers) > MOST_SAMPLERS:
                self._samplers.popitem(last=False)
            return sampler

    def find(self, digest: str) -> Weights:
        """Where the weights of a digest lie."""
        known = self._found.get(digest)
        if known is None or not known.path.is_dir() or newest_weights(known.run).digest != digest:
            self._found = {}
            for run in self.places.run_folders():
                with suppress(NotFoundError):
                    weights = newest_weights(run)
                    self._found[weights.digest] = weights
        if digest not in self._found:
            raise NotFoundError("no run has these weights, or no longer: ask for those that it has now")
        return self._found[digest]

    def _work(self) -> None:
        if sys.platform == "linux":
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST_PRIORITY)
        torch.set_num_threads(1)
        while True:
            requests = [self._waiting.get()]
            with suppress(queue.Empty):
                while True:
                    requests.append(self._waiting.get_nowait())
            for function, promise in requests:
                if not promise.set_running_or_notify_cancel():
                    continue
                try:
                    promise.set_result(function())
                except BaseException as error:
                    promise.set_exception(error)

    def _computed(self, wanted: Wanted) -> Pixels:
        if wanted in self._kept:
            self._kept.move_to_end(wanted)
            return self._kept[wanted]
        sampler = self.sampler(wanted.digest)
        if isinstance(wanted, ImageBlock):
            pixels = sampler.block(wanted.label, wanted.seed, wanted.number, wanted.truncation)
        else:
            pixels = sampler.mixture(wanted.labels, wanted.share, wanted.seeds, wanted.seed_share)
        self._kept[wanted] = pixels
        self._kept_bytes += pixels.nbytes
        while self._kept_bytes > MOST_KEPT_BYTES and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._kept_bytes -= oldest.nbytes
        return pixels


def load_sampler(weights: Weights) -> Sampler:
    """The sampler of a bundle or a checkpoint, verified. NotFoundError if it is damaged or just being replaced."""
    return Sampler(bundle_of_weights(weights), weights.run.path.name)


def bundle_of_weights(weights: Weights) -> Bundle:
    """The networks of a bundle or a checkpoint, verified, as `load_sampler` reads them."""
    if weights.path == weights.run.bundle:
        return read_bundle(weights.path)
    bundle = next(from_checkpoints(weights.run, [weights.path]), None)
    if bundle is None:
        raise NotFoundError(f"the newest checkpoint of {weights.run.path.name} cannot be used: ask again")
    return bundle


def listed_labels(sampler: Sampler) -> list[PartialLabel]:
    """The labels with a position: the classes, or where labels have several parts the commonest combinations."""
    if not sampler.classes:
        return []
    space = sampler.space
    most = len(space.combinations) if space.is_single else MOST_COMBINATIONS
    return [space.combinations[row] for row in space.commonest(most)]


def label_names(sampler: Sampler) -> tuple[str, ...]:
    """The listed labels in words, in the order of their positions."""
    return tuple(label_in_words(label, sampler.space) for label in listed_labels(sampler))


def label_at(sampler: Sampler, position: int | None) -> PartialLabel | None:
    """The label of a position among `listed_labels`; None of a run without labels. NotFoundError for another one."""
    listed = listed_labels(sampler)
    count = len(listed)
    if (position is None) != (not count) or (position is not None and position not in range(count)):
        allowed = f"0..{count - 1}" if count else "none, as it was trained without labels"
        raise NotFoundError(f"{sampler.name} has no class of that position; allowed: {allowed}")
    return None if position is None else listed[position]


def taken(block_images: list[Pixels], first: int, count: int) -> Pixels:
    """Images `first` to `first + count` of one label, out of the blocks from that of `first` on."""
    together = np.concatenate(block_images)
    return together[first % BATCH : first % BATCH + count]


def blocks_for(
    digest: str, label: PartialLabel | None, seed: int, first: int, count: int, truncation: float | None
) -> list[Wanted]:
    """The blocks that hold images `first` to `first + count` of one label."""
    numbers = range(first // BATCH, (first + count - 1) // BATCH + 1)
    return [ImageBlock(digest, label, seed, number, truncation) for number in numbers]
