"""Waiting for a condition: no test sleeps for a time that someone guessed."""

import time
from collections.abc import Callable
from typing import Any


def eventually(condition: Callable[[], Any], seconds: float = 5.0) -> Any:
    """Wait until a condition holds; return its last value."""
    end = time.monotonic() + seconds
    while not (held := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return held
