"""A body that ends while its receiver is full: the end is noticed all the same.

A proxy stops reading when its receiver is full. If the last byte of a body has been read by then, nothing more
comes from the socket that could call it back: it must remember that the end is still to be told.
"""

import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from mesh import ONCE, definitions, free_port, match, ms, route
from support.bulk import Job, Pace, Progress, Reader, Upstream
from support.http1 import Client, request
from support.upstream import hang, raw

PIECE = 65_536


@pytest.fixture(scope="module")
def node(upstreams):
    return upstreams("blue")[0]


@pytest.fixture(scope="module")
def long_bodies():
    upstream = Upstream()
    yield upstream
    upstream.stop()


@pytest.fixture(scope="module")
def mesh(launch, node, long_bodies):
    routes = {
        "all": route({"blue": 1}, match(prefix="/"), retries=ONCE),
        "limited": route({"blue": 1}, match(prefix="/limited"), timeout={"perRequest": ms(300)}, retries=ONCE),
        "long": route({"long": 1}, match(prefix="/long"), retries=ONCE),
    }
    return launch(definitions(free_port(), {"blue": node, "long": [long_bodies.endpoint]}, routes), "--workers", "1")


def test_a_request_that_fills_a_connection_still_being_made_leaves_the_clients_connection_open(mesh, node):
    """Head and body come in one read; the upstream's connection takes nothing yet, so the last byte fills the queue."""
    head = len(request("POST", "/one", body=b"x" * 60_000)) - 60_000
    body = b"x" * (PIECE - head)
    for _ in range(20):
        node.reset()
        node.then(raw(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", close=True))
        with Client(mesh.front) as client:
            assert client.ask(request("POST", "/one", body=body), "POST").status == 200
            assert len(node.only().body) == len(body)
            assert client.ask(request("GET", "/next")).status == 200


def test_the_time_of_such_a_request_is_limited(mesh, node):
    head = len(request("POST", "/limited", body=b"x" * 60_000)) - 60_000
    for _ in range(10):
        node.reset()
        node.close_idle()
        node.then(hang)
        with Client(mesh.front, 3) as client:
            assert client.ask(request("POST", "/limited", body=b"x" * (PIECE - head)), "POST").status == 504


def test_an_answer_may_end_while_the_client_reads_nothing(mesh, long_bodies):
    """Whatever the kernel's buffers hold, some of these sizes end when they and the proxy's queue are full."""
    sizes = [PIECE // 2 * number for number in range(1, 161)]
    for size in sizes:
        long_bodies.jobs[f"/long/{size}"] = Job(size=size)

    def ask(size: int) -> str:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            client.settimeout(10)
            client.connect(mesh.front)
            reader = Reader(client)
            client.sendall(f"GET /long/{size} HTTP/1.1\r\nhost: app.test\r\n\r\n".encode())
            time.sleep(1)
            reader.body(reader.head(), Pace(), Progress())
            client.sendall(b"GET /long/small HTTP/1.1\r\nhost: app.test\r\n\r\n")
            try:
                return reader.head().split(b" ")[1].decode()
            except (OSError, EOFError) as error:
                return f"{size} bytes: {error}"

    with ThreadPoolExecutor(len(sizes)) as pool:
        assert set(pool.map(ask, sizes)) == {"200"}
