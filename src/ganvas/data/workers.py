"""A few processes that prepare chunks side by side."""

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

# Below this the start of the processes costs more than they save.
MIN_IMAGES = 1000


def worker_count(images: int) -> int:
    """How many processes a set of so many images is worth: one a core that we may use, eight at most."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 1 if images < MIN_IMAGES else max(1, min(usable, 8))


def map_in_order(work: Callable[[Task], Result], tasks: Iterable[Task], processes: int) -> Iterator[Result]:
    """The results of the tasks, in their order; only a few tasks are under way at any time."""
    if processes == 1:
        yield from map(work, tasks)
        return
    from threadpoolctl import threadpool_limits

    # numpy's matrix products wake a thread a core, which then spin for a while: each process would take from the
    # others, and all of it would take twice as long. Forked processes inherit the limit; spawned ones do without.
    # Fork starts in milliseconds and the work touches no thread of ours; elsewhere the system's own way.
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
                "a process that prepared images was killed, perhaps for want of memory; the same command starts anew"
            ) from None
        finally:
            for future in waiting:
                future.cancel()


def start_worker() -> None:
    """In a fresh process: leaves Ctrl-C to the parent, and ends when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
