"""The machine: CPU, cores, device, memory."""

import ctypes
import os
import platform
import sys


def cores() -> int:
    """CPU cores that this process may use, shared fairly with the run's other processes on this machine."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, usable // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def threads() -> int:
    """Threads for arithmetic: the cores, or fewer where OMP_NUM_THREADS is set."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores(), max(1, int(given))) if given.isascii() and given.isdigit() else cores()


def is_rank_zero() -> bool:
    """Whether this process prints for all the processes of a run."""
    return os.environ.get("RANK", "0") == "0"


def device() -> str:
    """The fastest device: cuda, mps or cpu."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def computes_bfloat16() -> bool:
    """Whether the device multiplies bfloat16 faster than float32; elsewhere it only saves memory."""
    import torch

    return device() == "cuda" or bool(torch.cpu._is_avx512_bf16_supported())


def emulates_bfloat16() -> bool:
    """Whether bfloat16 is emulated with float32 here, which is many times slower than float32."""
    return device() == "cpu" and platform.machine().lower() in ("x86_64", "amd64") and not computes_bfloat16()


def keep_freed_memory() -> bool:
    """Keeps freed memory in this process; returns whether it could: the C library has to be glibc.

    A training step frees and asks for the same megabytes again. By default glibc gives them back to the system in
    between, which then has to clear them page by page: up to a quarter of a step's time (docs/notebook.md).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library; Windows has no process to open
        return False
    trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD: mallopt(3)
    return all(mallopt(option, size) for option, size in ((mmap_threshold, 32 << 20), (trim_threshold, 1 << 30)))


def peak_memory_bytes() -> int | None:
    """The most memory that this process ever used; None where the system does not give it."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) * (1 if sys.platform == "darwin" else 1024)


def cpu_name() -> str:
    """The name of the CPU, where the system gives it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123
            return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    except OSError:
        return platform.processor() or platform.machine()
