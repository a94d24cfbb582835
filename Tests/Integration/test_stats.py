"""What `/stats` counts of requests and connections."""

import contextlib

import pytest

from mesh import definitions, free_port, wait_for
from support.http1 import Client, Closed, TimedOut, fetch, request
from support.processes import free_ports
from support.upstream import hang, raw, reset, reset_mid_body, says
from support.watch import Stats, rss_bytes


@pytest.fixture(scope="module")
def node(upstreams):
    return upstreams("blue")[0]


@pytest.fixture
def mesh(launch, node):
    node.reset()
    return launch(definitions(free_port(), {"blue": node}))


def test_a_request_is_completed_once(mesh, node):
    node.then(says(200), says(404), reset)
    with Client(mesh.front) as client:
        assert [client.ask(request("POST", "/", body=b"")).status for _ in range(3)] == [200, 404, 503]
    stats = Stats(mesh.trellis)
    for name, count in {
        "downstream_rq_total": 3,
        "downstream_rq_completed": 3,
        "downstream_rq_2xx": 1,
        "downstream_rq_4xx": 1,
        "downstream_rq_5xx": 1,
        "upstream_rq_total": 3,
        "upstream_rq_completed": 3,
    }.items():
        assert stats.total(name, proxy="test/front") == count, name
    wait_for(lambda: not Stats(mesh.trellis).active(), "idle gauges")


def test_a_refused_connection_is_counted_as_failed(launch):
    mesh = launch(definitions(free_port(), {"gone": [f"127.0.0.1:{free_ports(1)[0]}"]}))
    assert fetch(mesh.front).status == 503
    stats = Stats(mesh.trellis)
    assert stats.total("upstream_cx_total", proxy="test/front") == 1
    assert stats.total("upstream_cx_connect_fail", proxy="test/front") == 1
    wait_for(lambda: not Stats(mesh.trellis).active(), "idle gauges")


def leave(client, node):
    client.send(request("GET", "/"))
    node.wait(1)
    client.reset()


def cut(client, _):
    with contextlib.suppress(Closed, TimedOut, ConnectionError):
        client.ask(request("GET", "/"))


def ask(client, _):
    client.ask(request("GET", "/"))


# What real Envoy 1.40 counts for one request that meets each of these on a new connection.
EVENTS = {
    "answer": (
        says(200),
        ask,
        {
            "downstream_cx_http1_total": 1,
            "downstream_rq_http1_total": 1,
            "rq_total": 1,
            "upstream_cx_http1_total": 1,
            "upstream_rq_pending_total": 1,
            "upstream_rq_total": 1,
            "upstream_rq_completed": 1,
            "downstream_rq_completed": 1,
        },
    ),
    "client leaves": (
        hang,
        leave,
        {
            "downstream_rq_total": 1,
            "downstream_rq_completed": 0,
            "downstream_rq_rx_reset": 1,
            "downstream_cx_destroy_remote_active_rq": 1,
            "upstream_rq_total": 1,
            "upstream_rq_completed": 0,
            "upstream_rq_cancelled": 0,
            "upstream_cx_destroy_local_with_active_rq": 1,
        },
    ),
    "upstream resets": (
        reset,
        ask,
        {
            "upstream_rq_completed": 1,
            "upstream_rq_5xx": 1,
            "upstream_cx_destroy_remote_with_active_rq": 1,
            "downstream_rq_5xx": 1,
        },
    ),
    "answer breaks off": (
        reset_mid_body,
        cut,
        {
            "upstream_rq_2xx": 1,
            "downstream_rq_2xx": 1,
            "downstream_rq_tx_reset": 1,
            "upstream_cx_destroy_remote_with_active_rq": 1,
        },
    ),
    "no HTTP": (
        raw(b"garbage\r\n\r\n", close=True),
        ask,
        {"upstream_rq_502": 1, "upstream_cx_protocol_error": 1, "upstream_cx_destroy_local_with_active_rq": 1},
    ),
}


@pytest.mark.parametrize("event", EVENTS)
def test_what_happens_is_counted_as_envoy_counts_it(mesh, node, event):
    behaviour, act, expected = EVENTS[event]
    node.then(behaviour)
    with Client(mesh.front) as client:
        act(client, node)
    wait_for(lambda: not Stats(mesh.trellis).active(), "idle gauges") if event != "answer" else None
    stats = Stats(mesh.trellis)
    assert {name: stats.total(name, proxy="test/front") for name in expected} == expected


def test_a_request_that_gets_no_connection_is_not_an_upstream_request(launch):
    mesh = launch(definitions(free_port(), {"gone": [f"127.0.0.1:{free_ports(1)[0]}"]}))
    assert fetch(mesh.front).status == 503
    stats = Stats(mesh.trellis)
    expected = {
        "upstream_rq_total": 0,
        "upstream_rq_completed": 1,
        "upstream_rq_pending_total": 1,
        "upstream_rq_pending_failure_eject": 1,
        "upstream_cx_destroy_remote": 1,
    }
    assert {name: stats.total(name, proxy="test/front") for name in expected} == expected


def test_bytes_of_both_sides_are_counted(mesh, node):
    body = b"x" * 1000
    node.then(says(200, body))
    with Client(mesh.front) as client:
        client.ask(request("POST", "/", body=body))
    stats = Stats(mesh.trellis)
    for name in ("downstream_cx_rx", "downstream_cx_tx", "upstream_cx_rx", "upstream_cx_tx"):
        assert 1000 < stats.total(f"{name}_bytes_total", proxy="test/front") < 2000, name


def test_an_innocent_endpoint_gets_no_error_for_a_client_that_leaves(mesh, node):
    node.then(hang)
    with Client(mesh.front) as client:
        leave(client, node)
    wait_for(lambda: not Stats(mesh.trellis).active(), "idle gauges")
    _, clusters = mesh.trellis.get("/clusters")
    assert "::rq_error::0" in clusters and "::rq_error::1" not in clusters


def test_unfinished_trailers_leave_no_memory_behind(mesh):
    """A chunked request that breaks off in its trailers, again and again, on the exchange that the pool hands out next."""
    head = b"POST / HTTP/1.1\r\nhost: app.test\r\ntransfer-encoding: chunked\r\n\r\n0\r\n"
    for _ in range(20):
        break_off(mesh, head)
    before = rss_bytes(mesh.trellis.pid)
    for _ in range(1500):
        break_off(mesh, head)
    assert rss_bytes(mesh.trellis.pid) - before < 6 << 20


def break_off(mesh, head):
    with Client(mesh.front) as client:
        client.send(head + b"x-trailer: " + b"a" * 15_000)
        client.half_close()
        client.is_closed_within(2)


def test_what_a_snapshot_costs_a_worker_is_measured_and_on_request_each_turn_of_its_loop(launch):
    plain = launch(definitions(free_port(), {"blue": {}}))
    fetch(plain.front)
    wait_for(lambda: "P99(" in plain.trellis.get("/stats?filter=snapshot.adopt_ms")[1], "cost of the first snapshot")
    assert "P99(" not in plain.trellis.get("/stats?filter=dispatcher.loop_duration_ms")[1]
    measured = launch(definitions(free_port(), {"blue": {}}), "--loop-stats")
    fetch(measured.front)
    assert "P99(" in measured.trellis.get("/stats?filter=dispatcher.loop_duration_ms")[1]
