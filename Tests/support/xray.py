"""A stand-in for the AWS X-Ray daemon: it takes datagrams on UDP and keeps the segment documents in them."""

import contextlib
import json
import re
import socket
import threading
import time

HEADER = b'{"format":"json","version":1}\n'


class Daemon:
    """`segments` are the documents in the order of their arrival; a datagram that is none ends the test that waits."""

    def __init__(self):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.segments: list[dict] = []
        self.broken: list[bytes] = []
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._stopping = False
        self._thread.start()

    def _receive(self) -> None:
        while not self._stopping:
            data = self._socket.recv(65_536)
            if not data:
                continue
            header, newline, document = data.partition(b"\n")
            try:
                if header + newline != HEADER:
                    raise ValueError
                self.segments.append(json.loads(document.decode("utf-8")))
            except ValueError:
                self.broken.append(data)

    def wait(self, count: int, seconds: float = 10) -> list[dict]:
        """The segments, once there are so many; more at that time are a failure too."""
        deadline = time.monotonic() + seconds
        while len(self.segments) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not self.broken, f"datagrams that are no segment documents: {self.broken}"
        assert len(self.segments) == count, f"{len(self.segments)} segments, expected {count}: {self.segments}"
        return list(self.segments)

    def forget(self) -> None:
        self.segments.clear()
        self.broken.clear()

    def stop(self) -> None:
        self._stopping = True
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(5)
        self._socket.close()


def fields(header: str) -> dict[str, str]:
    """The fields of an x-amzn-trace-id."""
    return dict(part.split("=", 1) for part in header.split(";"))


ROOT = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[01]")
