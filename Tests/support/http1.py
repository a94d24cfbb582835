"""HTTP/1 as raw bytes for tests: a client that can send anything, and a reader of heads, bodies and trailers.

The reader is strict about what a proxy must send (RFC 9112): a proxy's malformed output fails the test that sees it.
Header names keep their case in `raw`; `headers` has them in lower case, in order, repeated ones repeated.
"""

import re
import select
import socket
import struct
import time
from dataclasses import dataclass, field

DEADLINE = 10.0
STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2}) ([^\r\n]*)")


class Malformed(Exception):
    """The peer sent bytes that are not HTTP/1."""


class Closed(Exception):
    """The peer ended the connection where more had to come; `got` is what had arrived."""

    def __init__(self, got: bytes):
        super().__init__(f"closed after {got!r}")
        self.got = got


class TimedOut(Exception):
    """Nothing more came before the deadline; `got` is what had arrived."""

    def __init__(self, got: bytes):
        super().__init__(f"deadline passed after {got!r}")
        self.got = got


@dataclass
class Message:
    """A request or an answer: `start` is the first line without its end."""

    start: bytes
    headers: list[tuple[str, str]]
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    framing: str = "none"
    raw: bytes = b""

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name.lower()]

    def get(self, name: str, default: str | None = None) -> str | None:
        values = self.all(name)
        return values[0] if values else default

    def has(self, name: str) -> bool:
        return bool(self.all(name))


@dataclass
class Answer(Message):
    status: int = 0
    reason: str = ""
    minor: int = 1
    informational: list[int] = field(default_factory=list)

    @property
    def keeps_alive(self) -> bool:
        if self.framing == "close":
            return False
        options = [option.strip().lower() for value in self.all("connection") for option in value.split(",")]
        return "close" not in options and (self.minor == 1 or "keep-alive" in options)


class Stream:
    """Buffered bytes of one socket with a deadline for every read."""

    def __init__(self, connection: socket.socket, seconds: float = DEADLINE):
        self.socket, self.seconds, self.buffer, self.taken = connection, seconds, b"", b""
        self.ended = False

    def fill(self, deadline: float) -> bool:
        """Takes more bytes; False at the end of the stream. A reset raises ConnectionError."""
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self.socket], [], [], left)[0]:
            raise TimedOut(self.buffer)
        part = self.socket.recv(65536)
        self.ended = not part
        self.buffer += part
        return bool(part)

    def until(self, mark: bytes, limit: int = 1 << 20) -> bytes:
        deadline = time.monotonic() + self.seconds
        while mark not in self.buffer:
            if len(self.buffer) > limit:
                raise Malformed(f"no {mark!r} in {limit} bytes")
            if not self.fill(deadline):
                raise Closed(self.buffer)
        end = self.buffer.index(mark) + len(mark)
        return self.take(end)

    def exactly(self, count: int) -> bytes:
        deadline = time.monotonic() + self.seconds
        while len(self.buffer) < count:
            if not self.fill(deadline):
                raise Closed(self.buffer)
        return self.take(count)

    def to_end(self) -> bytes:
        deadline = time.monotonic() + self.seconds
        while self.fill(deadline):
            pass
        return self.take(len(self.buffer))

    def take(self, count: int) -> bytes:
        part, self.buffer = self.buffer[:count], self.buffer[count:]
        self.taken += part
        return part


def read_head(stream: Stream) -> tuple[bytes, list[tuple[str, str]]]:
    lines = stream.until(b"\r\n\r\n")[:-4].split(b"\r\n")
    return lines[0], parse_headers(lines[1:])


def parse_headers(lines: list[bytes]) -> list[tuple[str, str]]:
    headers = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not re.fullmatch(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
            raise Malformed(f"header line {line!r}")
        if re.search(rb"[\r\n\0]", value):
            raise Malformed(f"header value {value!r}")
        headers.append((name.decode().lower(), value.strip(b" \t").decode("latin-1")))
    return headers


def read_chunked(stream: Stream) -> tuple[bytes, list[tuple[str, str]]]:
    body = b""
    while True:
        line = stream.until(b"\r\n")[:-2]
        if not re.fullmatch(rb"[0-9A-Fa-f]+( *;.*)?", line):
            raise Malformed(f"chunk size {line!r}")
        size = int(line.split(b";")[0], 16)
        if size == 0:
            break
        body += stream.exactly(size)
        if stream.exactly(2) != b"\r\n":
            raise Malformed("chunk without its CRLF")
    lines = []
    while (line := stream.until(b"\r\n")[:-2]) != b"":
        lines.append(line)
    return body, parse_headers(lines)


def framing_of(headers: list[tuple[str, str]]) -> tuple[str, int]:
    """("chunked", 0), ("length", n) or ("none", 0). Both at once is never right for a proxy's output."""
    lengths = [value for name, value in headers if name == "content-length"]
    codings = [value for name, value in headers if name == "transfer-encoding"]
    if codings:
        if lengths or codings != ["chunked"]:
            raise Malformed(f"content-length {lengths} with transfer-encoding {codings}")
        return "chunked", 0
    if lengths:
        if len(lengths) > 1 or not re.fullmatch(r"[0-9]+", lengths[0]):
            raise Malformed(f"content-length {lengths}")
        return "length", int(lengths[0])
    return "none", 0


class Client:
    """One client connection that sends raw bytes. Use as a context manager."""

    def __init__(self, address: tuple[str, int], seconds: float = DEADLINE):
        self.socket = socket.create_connection(address, seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = Stream(self.socket, seconds)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> "Client":
        self.socket.sendall(data)
        return self

    def half_close(self) -> "Client":
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def reset(self) -> None:
        """Closes so that the peer sees a reset, not an orderly end."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def answer(self, method: str = "GET") -> Answer:
        """The next final answer; informational ones are collected in it."""
        informational, began = [], len(self.stream.taken)
        while True:
            start, headers = read_head(self.stream)
            matched = STATUS_LINE.fullmatch(start)
            if not matched:
                raise Malformed(f"status line {start!r}")
            status = int(matched[2])
            if status >= 200 or status == 101:
                break
            informational.append(status)
        answer = Answer(
            start,
            headers,
            status=status,
            reason=matched[3].decode("latin-1"),
            minor=int(matched[1]),
            informational=informational,
        )
        answer.framing, length = framing_of(headers)
        if method == "HEAD" or status in (101, 204, 304) or (method == "CONNECT" and status < 300):
            answer.framing = "none"
        elif answer.framing == "chunked":
            answer.body, answer.trailers = read_chunked(self.stream)
        elif answer.framing == "length":
            answer.body = self.stream.exactly(length)
        else:
            answer.framing, answer.body = "close", self.stream.to_end()
        answer.raw = self.stream.taken[began:]
        return answer

    def ask(self, data: bytes | str, method: str | None = None) -> Answer:
        data = data.encode("latin-1") if isinstance(data, str) else data
        self.send(data)
        return self.answer(method or data.split(b" ", 1)[0].decode("latin-1"))

    def rest(self) -> bytes:
        """Everything until the peer closes; empty if it resets. TimedOut if it keeps the connection open."""
        try:
            return self.stream.to_end()
        except ConnectionError:
            return self.stream.take(len(self.stream.buffer))

    def is_closed_within(self, seconds: float) -> bool:
        """Whether the peer ends the connection, without sending anything more."""
        deadline = time.monotonic() + seconds
        try:
            return not self.stream.fill(deadline)
        except TimedOut:
            return False
        except ConnectionError:
            return True


def request(
    method: str,
    target: str,
    headers: dict[str, str] | list[tuple[str, str]] | None = None,
    body: bytes | None = None,
    host: str | None = "mesh.test",
    version: str = "HTTP/1.1",
) -> bytes:
    """The bytes of one request; `content-length` is added for a body unless the headers frame it."""
    pairs = list(headers.items()) if isinstance(headers, dict) else list(headers or [])
    names = {name.lower() for name, _ in pairs}
    if host is not None and "host" not in names:
        pairs.insert(0, ("host", host))
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        pairs.append(("content-length", str(len(body))))
    head = f"{method} {target} {version}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in pairs) + "\r\n"
    return head.encode("latin-1") + (body or b"")


def chunked(*parts: bytes, trailers: dict[str, str] | None = None) -> bytes:
    text = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts if part) + b"0\r\n"
    return text + "".join(f"{name}: {value}\r\n" for name, value in (trailers or {}).items()).encode() + b"\r\n"


def fetch(
    address: tuple[str, int],
    method: str = "GET",
    target: str = "/",
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
    host: str | None = "mesh.test",
    seconds: float = DEADLINE,
) -> Answer:
    """One request on a connection of its own."""
    with Client(address, seconds) as client:
        return client.ask(request(method, target, headers, body, host), method)
