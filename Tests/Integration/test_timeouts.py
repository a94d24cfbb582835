"""How long things may take: requests, tries, idle streams, connecting (dataplane.md 1.4)."""

import socket
import time

import pytest

from mesh import ONCE, definitions, free_port, match, ms, retry, route
from support.http1 import Client, Closed, fetch, request
from support.upstream import echo, hang, late, raw, slowly


@pytest.fixture(scope="module")
def node(upstreams):
    return upstreams("blue")[0]


@pytest.fixture(scope="module")
def unreachable():
    """An endpoint that neither accepts nor refuses: its queue of connections is full."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        for _ in range(8):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(full.getsockname())
            waiting.append(one)
        time.sleep(0.2)
        yield f"127.0.0.1:{full.getsockname()[1]}"
        for one in waiting:
            one.close()


@pytest.fixture(scope="module")
def mesh(launch, node, unreachable, tmp_path_factory):
    routes = {
        "request": route({"blue": 1}, match(prefix="/request"), timeout={"perRequest": ms(300)}, retries=ONCE),
        "try": route({"blue": 1}, match(prefix="/try"), retries=retry(2, ["server-error"], per_try_ms=200)),
        "try-once": route({"blue": 1}, match(prefix="/once"), retries=retry(0, ["server-error"], per_try_ms=200)),
        "total": route(
            {"blue": 1},
            match(prefix="/total"),
            timeout={"perRequest": ms(500)},
            retries=retry(10, ["server-error"], per_try_ms=200),
        ),
        "idle": route(
            {"blue": 1}, match(prefix="/idle"), timeout={"perRequest": ms(20_000), "idle": ms(300)}, retries=ONCE
        ),
        "none": route({"blue": 1}, match(prefix="/none"), timeout={"perRequest": ms(0), "idle": ms(0)}),
        "connect": route({"far": 1}, match(prefix="/connect"), retries=ONCE),
    }
    log = str(tmp_path_factory.mktemp("log") / "access.log")
    return launch(definitions(free_port(), {"blue": node, "far": [unreachable]}, routes, log=log), "--workers", "1")


@pytest.fixture(autouse=True)
def forget(node):
    node.reset()


def timed(mesh, identity: str, target: str):
    began = time.monotonic()
    answer = fetch(mesh.front, target=target, headers={"x-request-id": identity}, seconds=12)
    return answer, time.monotonic() - began, set(mesh.last_entry(identity)["flags"].split(",")) - {"-"}


def test_a_request_may_take_as_long_as_its_route_says(mesh, node):
    node.then(hang)
    answer, took, flags = timed(mesh, "per-request", "/request")
    assert (answer.status, answer.body, flags) == (504, b"upstream request timeout", {"UT"})
    assert 0.28 <= took < 1.5
    assert answer.keeps_alive


def test_the_time_begins_when_the_request_is_complete(mesh, node):
    with Client(mesh.front) as client:
        client.send(request("POST", "/request", {"content-length": "10"}))
        for _ in range(10):
            time.sleep(0.06)
            client.send(b"x")
        assert client.answer("POST").status == 200


def test_the_time_covers_the_whole_answer(mesh, node):
    """Once an answer has begun it can only be cut; the log keeps its status and says why."""
    node.then(slowly([b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nstart", b"never in time"], 2.0))
    with Client(mesh.front, 5) as client:
        client.send(request("GET", "/request", {"x-request-id": "cut"}))
        with pytest.raises((Closed, ConnectionError)):
            client.answer()
    entry = mesh.last_entry("cut")
    assert (entry["code"], entry["flags"]) == ("200", "UT")


@pytest.mark.needs("retry policies")
def test_every_try_has_its_own_time(mesh, node):
    node.then(hang, hang)
    answer, took, flags = timed(mesh, "third-try", "/try")
    assert (answer.status, flags) == (200, set())
    assert 0.38 <= took < 2.0 and len(node.seen) == 3


@pytest.mark.needs("retry policies")
def test_when_all_tries_took_too_long_it_is_504(mesh, node):
    node.then(hang, hang, hang)
    answer, _, flags = timed(mesh, "all-tries", "/try")
    assert (answer.status, answer.body, flags) == (504, b"upstream request timeout", {"URX", "UT"})


@pytest.mark.needs("retry policies")
def test_the_time_of_a_try_applies_without_retries(mesh, node):
    node.then(hang)
    answer, took, flags = timed(mesh, "only-try", "/once")
    assert (answer.status, flags - {"URX"}) == (504, {"UT"}) and took < 1.5
    assert len(node.seen) == 1


@pytest.mark.needs("retry policies")
def test_the_time_of_the_request_covers_all_tries(mesh, node):
    node.then(*[hang] * 11)
    answer, took, flags = timed(mesh, "total", "/total")
    assert (answer.status, flags - {"URX"}) == (504, {"UT"})
    assert 0.45 <= took < 1.5 and 2 <= len(node.seen) <= 3


def test_a_stream_on_which_nothing_moves_ends(mesh, node):
    node.then(hang)
    answer, took, flags = timed(mesh, "idle", "/idle")
    assert (answer.status, answer.body, flags) == (504, b"stream timeout", {"SI"})
    assert 0.28 <= took < 1.5


def test_a_request_that_stops_in_its_body_ends(mesh, node):
    with Client(mesh.front, 5) as client:
        client.send(request("POST", "/idle", {"content-length": "10", "x-request-id": "stalled"}) + b"half")
        assert client.answer("POST").status == 408
    assert "SI" in mesh.last_entry("stalled")["flags"]


def test_a_slow_stream_that_moves_is_not_idle(mesh, node):
    node.then(slowly([b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n", *[b"x"] * 6], 0.15))
    answer, took, flags = timed(mesh, "moving", "/idle")
    assert (answer.status, answer.body, flags) == (200, b"x" * 6, set()) and took > 0.8


def test_zero_means_no_limit(mesh, node):
    node.then(late(1.0))
    answer, _, flags = timed(mesh, "no-limit", "/none")
    assert (answer.status, flags) == (200, set())
    assert not node.only().has("x-envoy-expected-rq-timeout-ms")


def test_connecting_has_a_limit_of_its_own(mesh):
    answer, took, flags = timed(mesh, "connect", "/connect")
    assert answer.status == 503 and "UF" in flags
    assert 4 <= took < 8


def test_a_head_may_come_slowly(mesh, node):
    with Client(mesh.front) as client:
        for byte in request("GET", "/request"):
            client.send(bytes([byte]))
            time.sleep(0.03)
        assert client.answer().status == 200


def test_the_upstreams_connection_of_a_timed_out_request_is_not_used_again(mesh, node):
    """Its late answer would be taken for the answer to the next request."""
    node.then(raw(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlate", after=0.8), echo)
    assert fetch(mesh.front, target="/request").status == 504
    time.sleep(0.8)
    assert b"/request/2" in fetch(mesh.front, target="/request/2").body
