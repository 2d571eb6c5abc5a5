"""SIGTERM and Ctrl-C: finish the step, save, end. A second Ctrl-C ends at once."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self


class StopSignal:
    """While entered, notes the first signal instead of dying of it."""

    def __init__(self) -> None:
        self.signal_number: int = signal.SIGTERM
        self.asked = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal_number, self.asked = number, True
        signal.signal(signal.SIGINT, signal.SIG_DFL)
