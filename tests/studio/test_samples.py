import threading

import numpy as np
import pytest

from ganvas.sampling import Sampler, load
from ganvas.studio import samples as room
from ganvas.studio.places import Places
from ganvas.studio.refusals import BusyError, NotFoundError
from ganvas.studio.samples import ImageBlock, SampleQueue, blocks_for, newest_weights, taken


@pytest.fixture
def samples(home) -> SampleQueue:
    return SampleQueue(Places(home))


def test_a_digest_is_of_the_weights_and_not_of_the_place(home, tiny):
    digest = newest_weights(tiny).digest
    moved = tiny.path.rename(tiny.path.with_name("moved"))
    assert newest_weights(type(tiny)(moved)).digest == digest


def test_an_unfinished_run_is_drawn_from_its_newest_checkpoint(home, tiny, samples):
    import shutil

    finished = newest_weights(tiny)
    shutil.rmtree(tiny.bundle)
    weights = newest_weights(tiny)
    assert weights.path == tiny.checkpoints()[-1]
    assert weights.digest != finished.digest
    assert samples.sampler(weights.digest).info.images == 160
    shutil.rmtree(tiny.checkpoint_folder)
    with pytest.raises(NotFoundError, match="no weights yet"):
        newest_weights(tiny)


def test_blocks_are_the_images_of_the_sampler(tiny, samples):
    digest = newest_weights(tiny).digest
    for first, count in ((0, 1), (63, 2), (64, 64), (100, 130)):
        blocks = samples.ask(blocks_for(digest, (2,), 9, first, count, 1.0)).result(30)
        expected = load(tiny.path).sample(["spot"] * (first + count), seed=9, truncation=1.0)[first:]
        assert np.array_equal(taken(blocks, first, count), expected)


def test_requests_that_wait_together_compute_a_block_once(tiny, samples, monkeypatch):
    digest = newest_weights(tiny).digest
    samples.sampler(digest)
    computed, go = [], threading.Event()
    block = Sampler.block

    def counted(self, *wanted):
        go.wait(30)
        computed.append(wanted)
        return block(self, *wanted)

    monkeypatch.setattr(Sampler, "block", counted)
    promises = [samples.ask([ImageBlock(digest, (label % 3,), 0, 0, None)]) for label in range(30)]
    go.set()
    for promise in promises:
        assert promise.result(30)[0].shape == (64, 1, 16, 16)
    assert len(computed) == 3


def test_more_requests_than_may_wait_are_refused_and_the_others_answered(tiny, samples, monkeypatch):
    digest = newest_weights(tiny).digest
    samples.sampler(digest)
    begun, go = threading.Event(), threading.Event()
    block = Sampler.block

    def held(self, *wanted):
        begun.set()
        go.wait(30)
        return block(self, *wanted)

    monkeypatch.setattr(Sampler, "block", held)
    first = samples.ask([ImageBlock(digest, (0,), 0, 0, None)])
    begun.wait(30)
    waiting = [samples.ask([ImageBlock(digest, (0,), seed, 0, None)]) for seed in range(room.MOST_WAITING)]
    with pytest.raises(BusyError):
        samples.ask([ImageBlock(digest, (1,), 0, 0, None)])
    cancelled = waiting.pop()
    assert cancelled.cancel()
    go.set()
    assert all(promise.result(30) for promise in [first, *waiting])
    assert samples.ask([ImageBlock(digest, (1,), 0, 0, None)]).result(30)


def test_a_failure_reaches_who_asked_and_the_next_request_is_answered(tiny, samples):
    digest = newest_weights(tiny).digest
    with pytest.raises(NotFoundError):
        samples.ask([ImageBlock("0" * 32, (0,), 0, 0, None)]).result(30)
    with pytest.raises(IndexError):
        samples.ask([ImageBlock(digest, (10**6,), 0, 0, None)]).result(30)
    assert samples.ask([ImageBlock(digest, (0,), 0, 0, None)]).result(30)


def test_what_is_kept_is_bounded(tiny, samples, monkeypatch):
    monkeypatch.setattr(room, "MOST_KEPT_BYTES", 3 * 64 * 16 * 16)
    digest = newest_weights(tiny).digest
    for seed in range(10):
        samples.ask([ImageBlock(digest, (0,), seed, 0, None)]).result(30)
    assert len(samples._kept) == 3
    assert samples._kept_bytes == 3 * 64 * 16 * 16


def test_samplers_are_kept_up_to_a_number(home, tiny, samples, monkeypatch):
    import shutil

    monkeypatch.setattr(room, "MOST_SAMPLERS", 1)
    digest = newest_weights(tiny).digest
    samples.sampler(digest)
    shutil.rmtree(tiny.bundle)
    samples.sampler(newest_weights(tiny).digest)
    assert len(samples._samplers) == 1
    with pytest.raises(NotFoundError):
        samples.sampler(digest)  # its weights are nowhere any more
