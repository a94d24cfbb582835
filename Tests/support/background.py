"""Work beside a test, in threads that end with it, however the test ends.

A thread that outlived a failed test would keep the interpreter, and whoever waits for it, alive for ever.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def background(job: Callable[[Callable[[], bool]], None], threads: int = 1, patience: float = 60) -> Iterator[None]:
    """Runs `job(running)` in each of `threads` threads while the block runs; a job ends when `running()` is false.

    The first error of a job is raised when the block is left, unless the block failed itself. A job that does not end
    within `patience` seconds is an error too.
    """
    stop = threading.Event()
    errors: list[BaseException] = []

    def run() -> None:
        try:
            job(lambda: not stop.is_set())
        except BaseException as error:
            errors.append(error)

    crew = [threading.Thread(target=run, name=f"background {number}", daemon=True) for number in range(threads)]
    for thread in crew:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in crew:
            thread.join(patience)
    if any(thread.is_alive() for thread in crew):
        raise TimeoutError(f"background work did not end within {patience} s")
    if errors:
        raise errors[0]
