"""What `/stats` counts of requests and connections."""

import pytest

from mesh import definitions, free_port, wait_for
from support.http1 import Client, fetch, request
from support.processes import free_ports
from support.upstream import reset, says
from support.watch import Stats


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
    assert not stats.active()
