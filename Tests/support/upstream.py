"""A scripted upstream on raw sockets: it records every request as it arrived and answers as it is told, also wrongly.

What it does for a request is a *behaviour*: a function of the connection and the request that sends what it likes and
says whether the connection lives on. Behaviours come from a queue (`then`), else from the request's `x-answer` header
(named in BEHAVIOURS), else it is `echo`. One thread per connection; all end with the upstream.
"""

import contextlib
import json
import queue
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from .http1 import Closed, Malformed, Message, Stream, TimedOut, chunked, framing_of, read_chunked, read_head

IDLE_SECONDS = 60.0


@dataclass
class Seen(Message):
    """A request as the upstream received it."""

    method: str = ""
    target: str = ""
    version: str = ""
    connection: int = 0
    at: float = 0.0


class Connection:
    """The upstream's end of one connection."""

    def __init__(self, upstream: "Upstream", accepted: socket.socket, number: int):
        self.upstream, self.socket, self.number = upstream, accepted, number
        self.stream = Stream(accepted, IDLE_SECONDS)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(
        self,
        status: int = 200,
        body: bytes = b"",
        headers: list[tuple[str, str]] | None = None,
        reason: str = "Said",
        head_only: bool = False,
    ) -> None:
        lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers or [])]
        names = {name.lower() for name, _ in headers or []}
        if not names & {"content-length", "transfer-encoding"} and status not in (204, 304):
            lines.append(f"content-length: {len(body)}")
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (b"" if head_only else body))

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def half_close(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def pause(self, seconds: float) -> None:
        """Waits, but not longer than the upstream lives."""
        self.upstream.stopping.wait(seconds)

    def gone(self, seconds: float) -> bool:
        """Whether the proxy ends the connection within the time."""
        with contextlib.suppress(TimedOut):
            try:
                return not self.stream.fill(time.monotonic() + seconds)
            except ConnectionError:
                return True
        return False


Behaviour = Callable[[Connection, Seen], bool]


def echo(connection: Connection, seen: Seen) -> bool:
    """200 with a JSON body that tells what arrived."""
    body = json.dumps(
        {
            "node": connection.upstream.name,
            "method": seen.method,
            "target": seen.target,
            "body": seen.body.decode("latin-1"),
        }
    ).encode()
    connection.answer(
        200,
        body,
        [("content-type", "application/json"), ("x-node", connection.upstream.name)],
        "OK",
        head_only=seen.method == "HEAD",
    )
    return True


def says(
    status: int = 200, body: bytes = b"", headers: list[tuple[str, str]] | None = None, reason: str = "Said"
) -> Behaviour:
    def behave(connection: Connection, seen: Seen) -> bool:
        connection.answer(status, body, headers, reason, head_only=seen.method == "HEAD")
        return True

    return behave


def raw(data: bytes, close: bool = False, after: float = 0) -> Behaviour:
    """Exactly these bytes; `close` ends the connection orderly."""

    def behave(connection: Connection, _: Seen) -> bool:
        if after:
            connection.pause(after)
        connection.send(data)
        return not close

    return behave


def late(seconds: float, behaviour: Behaviour = echo) -> Behaviour:
    def behave(connection: Connection, seen: Seen) -> bool:
        connection.pause(seconds)
        return behaviour(connection, seen)

    return behave


def hang(connection: Connection, _: Seen) -> bool:
    """No answer until the proxy gives up or the upstream stops."""
    connection.gone(IDLE_SECONDS)
    return False


def close(_connection: Connection, _seen: Seen) -> bool:
    return False


def reset(connection: Connection, _: Seen) -> bool:
    connection.reset()
    return False


def reset_mid_body(connection: Connection, _: Seen) -> bool:
    connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npartial")
    connection.pause(0.1)
    connection.reset()
    return False


def slowly(parts: list[bytes], seconds: float, close_at_end: bool = False) -> Behaviour:
    """The parts with a pause between them."""

    def behave(connection: Connection, _: Seen) -> bool:
        for number, part in enumerate(parts):
            if number:
                connection.pause(seconds)
            connection.send(part)
        return not close_at_end

    return behave


def answer_then_close(connection: Connection, seen: Seen) -> bool:
    """An answer that promises to keep the connection, which is then closed: what a pool meets on an idle one."""
    echo(connection, seen)
    return False


def half_close_after(connection: Connection, seen: Seen) -> bool:
    echo(connection, seen)
    connection.half_close()
    connection.gone(5)
    return False


BEHAVIOURS: dict[str, Behaviour] = {
    "echo": echo,
    "close": close,
    "reset": reset,
    "reset-mid-body": reset_mid_body,
    "hang": hang,
    "answer-then-close": answer_then_close,
    "half-close-after": half_close_after,
    "chunked": raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunked(b"hello ", b"world")),
    "chunked-trailers": raw(
        b"HTTP/1.1 200 OK\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n"
        + chunked(b"hello", trailers={"x-sum": "42"})
    ),
    "until-close": raw(b"HTTP/1.1 200 OK\r\n\r\nuntil the end", close=True),
    "http10": raw(b"HTTP/1.0 200 OK\r\n\r\nold", close=True),
    "http10-length": raw(b"HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nold", close=True),
    "early-hints": raw(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"),
    "continue-first": raw(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"),
    "connection-close": raw(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", close=True),
    "no-body-204": raw(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "not-modified": raw(b"HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\n\r\n"),
    "not-modified-length": raw(b"HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\netag: \"1\"\r\n\r\n"),
    "headers": raw(
        b"HTTP/1.1 200 OK\r\nServer: app\r\nX-One: 1\r\nx-one: 2\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n"
        b"Connection: x-drop\r\nX-Drop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\n"
        b"x-envoy-upstream-service-time: 99\r\nVia: 1.1 app\r\ncontent-length: 2\r\n\r\nok"
    ),
    "own-date": raw(b"HTTP/1.1 200 OK\r\ndate: Mon, 01 Jan 2024 00:00:00 GMT\r\ncontent-length: 2\r\n\r\nok"),
    "empty-reason": raw(b"HTTP/1.1 200 \r\ncontent-length: 2\r\n\r\nok"),
    "odd-reason": raw(b"HTTP/1.1 299 Quite Fine\r\ncontent-length: 2\r\n\r\nok"),
}
for _status in (200, 201, 202, 301, 302, 400, 401, 403, 404, 409, 418, 429, 451, 500, 501, 502, 503, 504, 505, 599):
    BEHAVIOURS[f"status-{_status}"] = says(_status, f"status {_status}".encode())


class Upstream:
    """Listens on 127.0.0.1, or on another IPv4 or IPv6 address; use as a context manager. `seen` grows by one for each complete request."""

    def __init__(self, name: str = "upstream", port: int = 0, address: str = "127.0.0.1"):
        self.name = name
        self.listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(512)
        self.address: tuple[str, int] = self.listener.getsockname()[:2]
        self.seen: list[Seen] = []
        self.faults: list[str] = []
        self.accepted = 0
        self.stopping = threading.Event()
        self._queue: queue.SimpleQueue[Behaviour] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, name=f"{name} accept", daemon=True).start()

    @property
    def port(self) -> int:
        return self.address[1]

    @property
    def endpoint(self) -> str:
        return f"{self.address[0]}:{self.port}"

    def __enter__(self) -> "Upstream":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def then(self, *behaviours: Behaviour) -> "Upstream":
        """What to do for the next requests, in order of arrival."""
        for behaviour in behaviours:
            self._queue.put(behaviour)
        return self

    def reset(self) -> None:
        """Forgets what was seen and what was planned."""
        with self._changed:
            self.seen.clear()
            self.faults.clear()
            while not self._queue.empty():
                self._queue.get()

    def wait(self, count: int, seconds: float = 5) -> list[Seen]:
        """The requests, once there are `count` of them; fails an assertion if they do not come."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.seen) >= count, seconds):
                raise AssertionError(f"{self.name} saw {len(self.seen)} of {count} requests; faults: {self.faults}")
            return list(self.seen)

    def only(self) -> Seen:
        """The one request that must have arrived."""
        seen = self.wait(1)
        assert len(seen) == 1, [f"{one.method} {one.target}" for one in seen]
        return seen[0]

    def open_connections(self) -> int:
        with self._changed:
            return len(self._open)

    def close_idle(self) -> None:
        """Closes every open connection, as a server does with idle ones."""
        with self._changed:
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.close_idle()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                accepted, _ = self.listener.accept()
            except OSError:
                return
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._changed:
                self.accepted += 1
                self._open.add(accepted)
            threading.Thread(target=self._serve, args=(accepted, self.accepted), daemon=True).start()

    def _serve(self, accepted: socket.socket, number: int) -> None:
        connection = Connection(self, accepted, number)
        try:
            while self._one(connection):
                pass
        except (Closed, TimedOut) as ended:
            if ended.got.strip():
                self._fault(f"connection {number}: {ended}")
        except Malformed as wrong:
            self._fault(f"connection {number}: {wrong}")
        except OSError:
            pass
        finally:
            with self._changed:
                self._open.discard(accepted)
            accepted.close()

    def _one(self, connection: Connection) -> bool:
        stream = connection.stream
        stream.taken = b""
        start, headers = read_head(stream)
        parts = start.split(b" ")
        if len(parts) != 3:
            raise Malformed(f"request line {start!r}")
        method, target, version = (part.decode("latin-1") for part in parts)
        seen = Seen(
            start,
            headers,
            method=method,
            target=target,
            version=version,
            connection=connection.number,
            at=time.monotonic(),
        )
        behaviour = self._behaviour(seen)
        if getattr(behaviour, "before_body", False):
            self._record(seen)
            return behaviour(connection, seen)
        seen.framing, length = framing_of(headers)
        if seen.framing == "chunked":
            seen.body, seen.trailers = read_chunked(stream)
        elif seen.framing == "length":
            seen.body = stream.exactly(length)
        seen.raw = stream.taken
        self._record(seen)
        return behaviour(connection, seen)

    def _behaviour(self, seen: Seen) -> Behaviour:
        with contextlib.suppress(queue.Empty):
            return self._queue.get_nowait()
        return BEHAVIOURS.get(seen.get("x-answer") or "echo", echo)

    def _record(self, seen: Seen) -> None:
        with self._changed:
            self.seen.append(seen)
            self._changed.notify_all()

    def _fault(self, text: str) -> None:
        with self._changed:
            self.faults.append(text)


def before_body(behaviour: Behaviour) -> Behaviour:
    """Marks a behaviour that acts on the head, while the request's body may still be on its way."""

    def behave(connection: Connection, seen: Seen) -> bool:
        return behaviour(connection, seen)

    behave.before_body = True
    return behave
