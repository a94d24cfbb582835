"""Long bodies on raw sockets: sent and received in bursts, with a content that shows a lost or doubled byte at once.

The body is one block of random bytes again and again. Its length is a prime, so that no buffer size divides it and a
piece that is missing, repeated or out of place differs from what belongs there.
"""

import contextlib
import random
import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .http1 import Malformed

BLOCK = random.Random(2053).randbytes(1_048_573)
TWICE = BLOCK * 2
PIECE = 1 << 18
# Small socket buffers on the test's side, so that what waits between the ends waits in the proxy's own.
SOCKET_BUFFER = 1 << 18


class Broken(Exception):
    """The bytes that arrived are not the ones that were sent, or they ended early."""


@dataclass
class Pace:
    """A pause after every so many bytes; no pause by default."""

    burst_bytes: int = 0
    pause: float = 0.0


@dataclass
class Progress:
    """How far one end is. `at_pauses` are called before each pause ends."""

    count: int = 0
    at_pauses: Callable[[], None] | None = None
    _next: int = field(default=0, repr=False)

    def moved(self, count: int, pace: Pace) -> None:
        self.count += count
        if pace.burst_bytes and self.count >= self._next + pace.burst_bytes:
            self._next = self.count - self.count % pace.burst_bytes
            time.sleep(pace.pause)
            if self.at_pauses:
                self.at_pauses()


def expected(position: int, count: int) -> bytes:
    start = position % len(BLOCK)
    return TWICE[start : start + count]


def send_body(to: socket.socket, size: int, chunked: bool, pace: Pace, progress: Progress) -> None:
    while progress.count < size:
        piece = min(PIECE, size - progress.count, pace.burst_bytes or PIECE)
        data = expected(progress.count, piece)
        to.sendall(b"%x\r\n%b\r\n" % (piece, data) if chunked else data)
        progress.moved(piece, pace)
    if chunked:
        to.sendall(b"0\r\n\r\n")


class Reader:
    """Takes heads and long bodies from a socket and compares the bodies with what was sent."""

    def __init__(self, source: socket.socket):
        self.socket, self.buffer = source, bytearray()

    def more(self, count: int = PIECE) -> None:
        part = self.socket.recv(count)
        if not part:
            raise Broken("the connection ended")
        self.buffer += part

    def line_end(self, mark: bytes) -> bytes:
        while (end := self.buffer.find(mark)) < 0:
            if len(self.buffer) > 65_536:
                raise Malformed(f"no {mark!r}")
            self.more()
        line = bytes(self.buffer[:end])
        del self.buffer[: end + len(mark)]
        return line

    def head(self) -> bytes:
        return self.line_end(b"\r\n\r\n")

    def body(self, head: bytes, pace: Pace, progress: Progress) -> int:
        """The body's length, once all of it has come."""
        if re.search(rb"(?i)^transfer-encoding: *chunked\r?$", head, re.MULTILINE):
            while size := int(self.line_end(b"\r\n").split(b";")[0], 16):
                self._take(size, pace, progress)
                if self.line_end(b"\r\n"):
                    raise Malformed("chunk without its CRLF")
            if self.line_end(b"\r\n"):
                raise Malformed("unexpected trailer")
        elif found := re.search(rb"(?i)^content-length: *(\d+)\r?$", head, re.MULTILINE):
            self._take(int(found[1]), pace, progress)
        return progress.count

    def _take(self, count: int, pace: Pace, progress: Progress) -> None:
        while count:
            if not self.buffer:
                self.more(min(PIECE, pace.burst_bytes or PIECE))
            part = bytes(self.buffer[: min(count, PIECE)])
            del self.buffer[: len(part)]
            if part != expected(progress.count, len(part)):
                raise Broken(f"wrong bytes after {progress.count}")
            count -= len(part)
            progress.moved(len(part), pace)


@dataclass
class Job:
    """What the upstream does with requests for one path, and what it saw."""

    size: int = 16
    chunked: bool = False
    sends: Pace = field(default_factory=Pace)
    receives: Pace = field(default_factory=Pace)
    sent: Progress = field(default_factory=Progress)
    received: Progress = field(default_factory=Progress)
    hangs: bool = False
    ended_at: float = 0.0
    error: str = ""


class Upstream:
    """An HTTP/1.1 server on raw sockets for long bodies. `jobs` maps a path to its job; other paths answer 16 bytes."""

    def __init__(self, address: str = "127.0.0.1"):
        self.jobs: dict[str, Job] = {}
        self.listener = socket.create_server((address, 0), backlog=256)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.port}"

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self.listener.accept()
            except OSError:
                return
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)
            threading.Thread(target=self._serve, args=(accepted,), daemon=True).start()

    def _serve(self, accepted: socket.socket) -> None:
        reader, job = Reader(accepted), Job()
        try:
            while True:
                head = reader.head()
                job = self.jobs.get(head.split(b" ", 2)[1].decode("latin-1"), Job())
                reader.body(head, job.receives, job.received)
                if job.hangs:
                    reader.more()
                framing = "transfer-encoding: chunked" if job.chunked else f"content-length: {job.size}"
                accepted.sendall(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode())
                send_body(accepted, job.size, job.chunked, job.sends, job.sent)
        except (Broken, Malformed, OSError) as error:
            job.error, job.ended_at = str(error), time.monotonic()
        finally:
            accepted.close()
