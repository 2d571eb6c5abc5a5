"""Processes that prepare chunks in parallel."""

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from ganvas.errors import RunFailedError

Task = TypeVar("Task")
Result = TypeVar("Result")


def worker_count(images: int) -> int:
    """The number of processes for a set of so many images: one per core that we may use, at most eight."""
    if images < 1000:  # starting processes would cost more than they save
        return 1
    return min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def map_in_order(work: Callable[[Task], Result], tasks: Iterable[Task], processes: int) -> Iterator[Result]:
    """The results of the tasks, in their order. Only a few tasks are taken in advance, so few are in memory."""
    if processes == 1:
        yield from map(work, tasks)
        return
    from threadpoolctl import threadpool_limits

    # numpy's matrix products use a thread per core, which spin for a while afterwards: the processes would slow each
    # other down to half the speed. Forked processes inherit the limit; spawned ones run without it.
    # A fork starts in milliseconds, and is safe because the work uses no thread of ours. Other systems spawn.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with threadpool_limits(1), ProcessPoolExecutor(processes, context, initializer=start_worker) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for task in tasks:
                waiting.append(pool.submit(work, task))
                if len(waiting) >= 3 * processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise RunFailedError(
                "a process that prepared images was killed, perhaps for lack of memory; the same command starts again"
            ) from None
        finally:
            for future in waiting:
                future.cancel()


def start_worker() -> None:
    """Sets up a new process: it leaves Ctrl-C to the parent, and ends when the parent has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
