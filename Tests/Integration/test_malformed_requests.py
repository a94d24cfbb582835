"""Malformed requests get the answer of their class, never reach the upstream, and hurt nobody else (RFC 9112, 1.10)."""

import pytest

from mesh import definitions, free_port
from support.http1 import Answer, Client, Closed, TimedOut, fetch, request
from support.malformed import REQUESTS, Wrong


@pytest.fixture(scope="module")
def node(upstreams):
    return upstreams("blue")[0]


@pytest.fixture(scope="module")
def mesh(launch, node):
    return launch(definitions(free_port(), {"blue": node}), "--workers", "1")


def exchange(address: tuple[str, int], row: Wrong) -> tuple[Answer | None, bool]:
    """The first answer, if there is one, and whether the server ended the connection."""
    with Client(address, 5) as client:
        try:
            client.send(row.data)
            if row.outcome == "dropped":
                client.half_close()
        except ConnectionError:
            pass  # refused before it was read to the end; the answer may still be there
        try:
            answer = client.answer()
        except (Closed, ConnectionError):
            return None, True
        return answer, not answer.keeps_alive and client.is_closed_within(3)


def refused(
    row: Wrong, answer: Answer | None, closed: bool, targets: list[str], statuses: range | tuple[int, ...]
) -> None:
    assert answer is not None, "a refusal has an answer"
    assert answer.status in statuses
    assert closed, "after a request that could not be read the connection cannot go on"
    assert targets == [], "nothing of it may reach the upstream"


@pytest.mark.parametrize("row", REQUESTS, ids=lambda row: row.name)
def test_outcome(mesh, node, row):
    node.reset()
    answer, closed = exchange(mesh.front, row)
    targets = [seen.target for seen in node.seen]
    match row.outcome:
        case "refused":
            refused(row, answer, closed, targets, (400, 408, 413, 414, 426, 431, 501, 505))
        case "400" | "431" | "501" | "426":
            refused(row, answer, closed, targets, (int(row.outcome),))
        case "400 open":
            assert answer is not None and answer.status == 400 and targets == []
        case "accepted":
            assert answer is not None and answer.status == 200
            assert len(targets) == 1
        case "either":
            if answer is not None and answer.status == 200:
                # Whoever accepts it must see the same end of it as we do: what follows is a request of its own.
                assert targets[0] == "/ok" and set(targets) <= {"/ok", "/smuggled"}
            else:
                refused(row, answer, closed, targets, range(400, 600))
        case "dropped":
            assert targets == [] and (answer is None or (answer.status in (400, 408) and closed))
        case "404":
            assert answer is not None and answer.status == 404 and targets == []
        case _:
            raise AssertionError(f"unknown class {row.outcome}")
    assert fetch(mesh.front, target="/healthy").status == 200, "the server must be well afterwards"


def test_the_table_is_large_enough_to_mean_something():
    assert len(REQUESTS) >= 120
    assert len({row.name for row in REQUESTS}) == len(REQUESTS)


@pytest.mark.parametrize(
    "status, body, data",
    [
        (400, b"Bad Request", b"GET /ok HTTP/1.1\r\nbad header\r\n\r\n"),
        (431, b"Request Header Fields Too Large", request("GET", "/", {"x-a": "a" * 70_000})),
        (501, b"Not Implemented", request("POST", "/", {"transfer-encoding": "gzip"}, b"x")),
    ],
)
def test_a_refusal_says_what_it_is(mesh, status, body, data):
    with Client(mesh.front) as client:
        answer = client.ask(data, "GET")
        assert (answer.status, answer.body, answer.get("connection")) == (status, body, "close")
        assert answer.get("content-type") == "text/plain"


def test_a_request_that_turns_bad_in_its_body_is_not_completed_upstream(mesh, node):
    node.reset()
    with Client(mesh.front) as client:
        client.send(request("POST", "/chunks", {"transfer-encoding": "chunked"}, b"5\r\nhello\r\nzz\r\n"))
        assert client.answer("POST").status == 400
    assert node.seen == []


def test_a_malformed_request_behind_a_good_one_spoils_only_itself(mesh, node):
    node.reset()
    with Client(mesh.front) as client:
        client.send(request("GET", "/good") + b"BAD\r\n\r\n")
        assert client.answer().status == 200
        assert client.answer().status == 400
        assert client.is_closed_within(3)
    assert [seen.target for seen in node.seen] == ["/good"]


def test_a_hundred_thousand_empty_lines_are_not_read_for_ever(mesh):
    with Client(mesh.front, 5) as client:
        try:
            client.send(b"\r\n" * 100_000)
            client.rest()
        except (ConnectionError, TimedOut):
            pass
    assert fetch(mesh.front).status == 200


def test_slow_clients_do_not_keep_others_waiting(mesh):
    slow = [Client(mesh.front) for _ in range(100)]
    try:
        for one in slow:
            one.send(b"GET / HTTP/1.1\r\nHost: mesh.test\r\nX-Slow: ")
        assert fetch(mesh.front, seconds=2).status == 200
    finally:
        for one in slow:
            one.socket.close()
