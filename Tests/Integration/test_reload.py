"""Definitions change while traffic flows: by signal, by file change, and never to something that does not hold."""

import copy
import signal
import socket
import time

import pytest

from mesh import asking, definitions, free_port, gateway_route, match, route, wait_for
from support.background import background
from support.http1 import Client, fetch, request
from support.processes import accepts
from support.upstream import late


@pytest.fixture(scope="module")
def nodes(upstreams):
    return upstreams("blue", "green")


@pytest.fixture
def mesh(launch, nodes):
    for node in nodes:
        node.reset()
    made = launch(
        definitions(free_port(), dict(zip(("blue", "green"), nodes)), {"all": route({"blue": 1, "green": 0})})
    )
    yield made
    made.stop()


def turned(spec: dict, blue: int, green: int) -> dict:
    changed = copy.deepcopy(spec)
    changed["virtualRouters"]["app"]["routes"]["all"] = route({"blue": blue, "green": green})
    return changed


def node_of(mesh) -> str | None:
    return fetch(mesh.front).get("x-node")


@pytest.mark.parametrize("by_signal", [True, False], ids=["SIGHUP", "file change"])
def test_a_change_takes_effect(mesh, by_signal):
    assert node_of(mesh) == "blue"
    mesh.write(turned(mesh.spec, 0, 1))
    if by_signal:
        mesh.trellis.signal(signal.SIGHUP)
    wait_for(lambda: node_of(mesh) == "green", "answer of the new definitions", 10)
    assert {node_of(mesh) for _ in range(50)} == {"green"}


def test_a_change_reaches_open_connections_between_requests(mesh):
    with Client(mesh.front) as client:
        assert client.ask(request("GET", "/")).get("x-node") == "blue"
        mesh.write(turned(mesh.spec, 0, 1))
        mesh.trellis.signal(signal.SIGHUP)
        wait_for(
            lambda: client.ask(request("GET", "/")).get("x-node") == "green", "new answer on the old connection", 10
        )


@pytest.mark.parametrize(
    "text, said",
    [
        ("mesh: test\nvirtualRouters: [unclosed\n", "mesh.yaml:"),
        ("mesh: test\nvirtualRouterz: {}\n", "virtualRouters"),
        ("", "mesh.yaml"),
    ],
)
def test_a_bad_file_changes_nothing_and_says_where_it_is_bad(mesh, text, said):
    mesh.file.write_text(text)
    mesh.trellis.signal(signal.SIGHUP)
    wait_for(lambda: said in mesh.trellis.tail(200), "message that names the file", 10, lambda: mesh.trellis.tail(30))
    assert node_of(mesh) == "blue"
    mesh.write(turned(mesh.spec, 0, 1))
    mesh.trellis.signal(signal.SIGHUP)
    wait_for(lambda: node_of(mesh) == "green", "recovery after the file was mended", 10)


def test_a_request_under_way_ends_by_the_definitions_it_began_with(mesh, nodes):
    nodes[0].then(late(1.0))
    with Client(mesh.front) as client:
        client.send(request("GET", "/slow"))
        nodes[0].wait(1)
        mesh.write(turned(mesh.spec, 0, 1))
        mesh.trellis.signal(signal.SIGHUP)
        wait_for(lambda: node_of(mesh) == "green", "answer of the new definitions", 10)
        assert client.answer().get("x-node") == "blue"


def test_reloads_under_traffic_fail_no_request(mesh):
    results = []
    with background(asking(mesh.front, results), threads=4):
        for number in range(15):
            mesh.write(turned(mesh.spec, number % 2, 1 - number % 2))
            mesh.trellis.signal(signal.SIGHUP)
            time.sleep(0.1)
    assert len(results) > 100 and set(results) == {200}


def test_routes_come_and_go(mesh):
    changed = copy.deepcopy(mesh.spec)
    changed["virtualGateways"]["front"]["gatewayRoutes"] = {"some": gateway_route(match(prefix="/some"))}
    mesh.write(changed)
    mesh.trellis.signal(signal.SIGHUP)
    wait_for(lambda: fetch(mesh.front, target="/other").status == 404, "removed route", 10)
    assert fetch(mesh.front, target="/some").status == 200


def test_listeners_come_and_go(mesh):
    port = free_port()
    changed = copy.deepcopy(mesh.spec)
    changed["virtualGateways"]["side"] = {
        "listeners": [{"portMapping": {"port": port, "protocol": "http"}}],
        "gatewayRoutes": {"all": gateway_route()},
    }
    before = mesh.spec
    mesh.write(changed)
    mesh.trellis.signal(signal.SIGHUP)
    wait_for(lambda: accepts(port), "listener of the new gateway", 10)
    assert fetch(("127.0.0.1", port)).status == 200
    mesh.write(before)
    mesh.trellis.signal(signal.SIGHUP)
    wait_for(lambda: not accepts(port), "end of the removed listener", 10)
    assert node_of(mesh) == "blue"


def test_a_change_that_cannot_be_carried_out_changes_nothing(mesh):
    """The new listener's port is taken, so the routes that came with it are not adopted either."""
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        changed = turned(mesh.spec, 0, 1)
        changed["virtualGateways"]["side"] = {
            "listeners": [{"portMapping": {"port": port, "protocol": "http"}}],
            "gatewayRoutes": {"all": gateway_route()},
        }
        mesh.write(changed)
        mesh.trellis.signal(signal.SIGHUP)
        wait_for(lambda: f":{port}" in mesh.trellis.tail(200), "message about the port", 10)
        assert {node_of(mesh) for _ in range(10)} == {"blue"}
