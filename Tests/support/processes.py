"""Starts programs, knows what they use, and ends every one of them by its id, also when the caller fails.

Every program runs in a process group of its own, so that ending it ends what it started, and nothing else. Processor
time and memory are read from /proc for the process and all its descendants (nginx and HAProxy work in children).
"""

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Failed(Exception):
    """A program did not do what it had to in time; the text holds the end of its output."""


class Program:
    """One running program. `output` is the file that takes its standard output and standard error."""

    def __init__(
        self,
        name: str,
        command: list[str],
        output: pathlib.Path,
        core: int | None = None,
        environment: dict[str, str] | None = None,
        stdout: pathlib.Path | None = None,
        directory: pathlib.Path | None = None,
    ):
        self.name = name
        self.command = (["taskset", "-c", str(core)] if core is not None else []) + command
        self.output = output
        with open(output, "ab") as errors, open(stdout or output, "ab") as out:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
                start_new_session=True,
                env=environment,
                cwd=directory,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def tail(self, lines: int = 15) -> str:
        text = self.output.read_text(errors="replace") if self.output.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def wait_until(self, ready: Callable[[], bool], seconds: float = 15, what: str = "ready") -> None:
        """Returns when `ready()` holds; raises Failed if the program ends first or the deadline passes."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if ready():
                return
            if not self.running:
                raise Failed(f"{self.name} ended with {self.process.returncode} before it was {what}:\n{self.tail()}")
            time.sleep(0.02)
        raise Failed(f"{self.name} was not {what} after {seconds} s:\n{self.tail()}")

    def signal(self, number: int) -> None:
        """Signals the program itself, not its children."""
        self.process.send_signal(number)

    def wait(self, seconds: float = 15) -> int:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} did not end within {seconds} s:\n{self.tail()}") from None

    def stop(self, seconds: float = 5) -> None:
        """Asks the group to end, then makes it. Harmless when it has ended."""
        for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(patience)
                if not _group_exists(self.pid):
                    return

    def cpu_seconds(self) -> float:
        """User and system time of the process and its living descendants, in seconds (/proc/PID/stat 14 and 15)."""
        return sum(sum(int(field) for field in _stat(pid)[11:13]) for pid in self.tree()) / TICK

    def memory_bytes(self) -> int:
        """Resident memory of the process and its living descendants, a page that several map shared out among them
        (Pss, /proc/PID/smaps_rollup): adding resident sets would count what a parent and its workers share twice."""
        total = 0
        for pid in self.tree():
            with contextlib.suppress(OSError):
                rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
                total += int(re.search(r"^Pss:\s*(\d+) kB", rollup, re.MULTILINE)[1]) * 1024
        return total

    def tree(self) -> list[int]:
        found, waiting = [], [self.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            with contextlib.suppress(OSError):
                for task in os.listdir(f"/proc/{pid}/task"):
                    with contextlib.suppress(OSError):
                        waiting += map(int, pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split())
        return found


@contextlib.contextmanager
def programs() -> Iterator[list[Program]]:
    """A list to put programs in; all of them have ended when the block is left, however it is left."""
    started: list[Program] = []

    def interrupted(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, interrupted)
    try:
        yield started
    finally:
        for program in reversed(started):
            program.stop()
        signal.signal(signal.SIGTERM, before)


def free_ports(count: int, address: str = "127.0.0.1") -> list[int]:
    """Ports that were free on `address` a moment ago, all different."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind((address, 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


def accepts(port: int, address: str = "127.0.0.1") -> bool:
    try:
        with socket.create_connection((address, port), 0.5):
            return True
    except OSError:
        return False


def _stat(pid: int) -> list[str]:
    """Fields 3 and on of /proc/PID/stat; zeros for a process that has just ended."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ["0"] * 50
    return text[text.rindex(")") + 2 :].split()


def _group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
        return True
    except ProcessLookupError:
        return False
