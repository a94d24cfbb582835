"""What a running Trellis uses and says about itself: memory, descriptors, processor time, statistics.

Memory is sampled often enough to see a peak of a tenth of a second, and the kernel's own high-water mark, where it may
be reset, sees the rest.
"""

import contextlib
import os
import pathlib
import re
import threading
from types import TracebackType

from .processes import PAGE, Program
from .trellis import Trellis

MB = 1e6
STAT = re.compile(r'(?P<name>\S+?)(?:\{proxy="(?P<proxy>(?:[^"\\]|\\.)*)"\})?: (?P<value>-?\d+)')


def rss_bytes(pid: int) -> int:
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


class Watch:
    """A context in which the memory and the descriptors of one process are sampled; `peak_…` are the highest seen."""

    def __init__(self, program: Program, interval: float = 0.02):
        self.pid, self.interval = program.pid, interval
        self.peak_rss_bytes = self.peak_descriptors = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._resets = False

    def __enter__(self) -> "Watch":
        with contextlib.suppress(OSError):
            # proc(5): "5" makes the high-water mark of resident memory start again from now.
            pathlib.Path(f"/proc/{self.pid}/clear_refs").write_text("5")
            self._resets = True
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        with contextlib.suppress(OSError):
            self._sample()
            if self._resets:
                status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
                if mark := re.search(r"VmHWM:\s*(\d+) kB", status):
                    self.peak_rss_bytes = max(self.peak_rss_bytes, int(mark[1]) * 1024)

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            self._sample()
            while not self._stop.wait(self.interval):
                self._sample()

    def _sample(self) -> None:
        self.peak_rss_bytes = max(self.peak_rss_bytes, rss_bytes(self.pid))
        self.peak_descriptors = max(self.peak_descriptors, descriptors(self.pid))


class Stats:
    """The counters and gauges of one moment, by (proxy, name); histograms are left out."""

    def __init__(self, trellis: Trellis):
        status, text = trellis.get("/stats")
        if status != 200:
            raise OSError(f"/stats gave {status}")
        self.values = {
            (found["proxy"] or "", found["name"]): int(found["value"])
            for line in text.splitlines()
            if (found := STAT.fullmatch(line))
        }

    def total(self, suffix: str, prefix: str = "", proxy: str = "", without_admin: bool = True) -> int:
        """The sum over the proxies (all, or those whose name begins so) of the names that begin and end so."""
        return sum(
            value
            for (owner, name), value in self.values.items()
            if name.endswith("." + suffix)
            and name.startswith(prefix)
            and owner.startswith(proxy)
            and not (without_admin and owner.startswith("admin"))
        )

    def active(self) -> dict[str, int]:
        """Every gauge of something under way that is not 0, except the admin listeners' (asking is under way there)."""
        return {
            f"{owner} {name}": value
            for (owner, name), value in sorted(self.values.items())
            if value and not owner.startswith("admin") and re.search(r"stream_(cx|rq|rq_pending)_active$", name)
        }


def table(headings: list[str], rows: list[list[object]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)
