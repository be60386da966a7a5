"""Building what is large and stays: rules, the names of places, the rows of a topic."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def building() -> Iterator[None]:
    """While hundreds of thousands of small objects are made that stay: looking for garbage among them would double the
    time, now and at every later collection. Changes nothing but when memory is freed."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
        gc.freeze()
