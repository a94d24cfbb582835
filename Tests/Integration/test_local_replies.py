"""Answers that the proxy makes itself: status, body, headers, flags and gRPC status are Envoy's (dataplane.md 1.5)."""

import socket
import threading

import pytest

from mesh import ONCE, definitions, free_port, match, retry, route
from support.http1 import Client, fetch, request
from support.upstream import close, hang, reset, says

RETRIES = pytest.mark.needs("retry policies")
CONNECT_ERROR = "upstream connect error or disconnect/reset before headers. "


@pytest.fixture(scope="module")
def node(upstreams):
    return upstreams("blue")[0]


@pytest.fixture(scope="module")
def refusing():
    """A port that is taken, so that nobody else can, and refuses connections."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


@pytest.fixture(scope="module")
def mesh(launch, node, refusing, tmp_path_factory):
    routes = {
        "default": route({"blue": 1}, match(prefix="/default")),
        "once": route({"blue": 1}, match(prefix="/once"), retries=ONCE),
        "dead": route({"dead": 1}, match(prefix="/dead")),
        "dead-once": route({"dead": 1}, match(prefix="/deadonce"), retries=ONCE),
        "server": route({"blue": 1}, match(prefix="/server"), retries=retry(3, ["server-error"])),
        "conflict": route({"blue": 1}, match(prefix="/conflict"), retries=retry(2, ["client-error"])),
    }
    log = str(tmp_path_factory.mktemp("log") / "access.log")
    return launch(definitions(free_port(), {"blue": node, "dead": [refusing]}, routes, log=log), "--workers", "1")


@pytest.fixture(autouse=True)
def forget(node):
    node.reset()


def ask(mesh, identity: str, target: str, method: str = "GET", body: bytes | None = None, **headers: str):
    answer = fetch(
        mesh.front,
        method,
        target,
        {"x-request-id": identity} | {k.replace("_", "-"): v for k, v in headers.items()},
        body,
    )
    return answer, set(mesh.last_entry(identity)["flags"].split(",")) - {"-"}


def test_no_route_is_404_without_a_body(mesh):
    answer, flags = ask(mesh, "no-route", "/nothing")
    assert (answer.status, answer.body, flags) == (404, b"", {"NR"})
    assert answer.get("server") == "envoy" and answer.has("date")


def test_a_refused_connection_is_503(mesh):
    answer, flags = ask(mesh, "refused", "/deadonce")
    assert (answer.status, answer.body.decode()) == (503, CONNECT_ERROR + "reset reason: remote connection failure")
    assert answer.get("content-type") == "text/plain" and answer.keeps_alive
    assert flags - {"URX"} == {"UF"}


@RETRIES
def test_a_refused_connection_is_tried_again_by_default(mesh):
    answer, flags = ask(mesh, "refused-retried", "/dead")
    assert answer.body.decode() == CONNECT_ERROR + "retried and the latest reset reason: remote connection failure"
    assert (answer.status, flags) == (503, {"URX", "UF"})


@pytest.mark.parametrize("behaviour", [close, reset])
def test_an_upstream_that_ends_before_its_answer_is_503(mesh, node, behaviour):
    node.then(behaviour)
    answer, flags = ask(mesh, f"ended-{behaviour.__name__}", "/once", "POST", b"once")
    assert (answer.status, answer.body.decode()) == (503, CONNECT_ERROR + "reset reason: connection termination")
    assert flags - {"URX"} == {"UC"}
    assert len(node.seen) == 1


@RETRIES
def test_503_is_tried_twice_more_by_default_and_then_passed_on(mesh, node):
    node.then(*[says(503, b"busy")] * 3)
    answer, flags = ask(mesh, "busy", "/default")
    assert (answer.status, answer.body, flags, len(node.seen)) == (503, b"busy", {"URX"}, 3)


@RETRIES
def test_a_retry_that_succeeds_is_all_the_client_sees(mesh, node):
    node.then(says(503, b"busy"))
    answer, flags = ask(mesh, "recovered", "/default", "POST", b"again")
    assert (answer.status, flags) == (200, set())
    assert [seen.body for seen in node.seen] == [b"again", b"again"]


def test_500_is_not_retried_by_default(mesh, node):
    node.then(says(500, b"broken"))
    answer, flags = ask(mesh, "broken", "/default")
    assert (answer.status, answer.body, flags, len(node.seen)) == (500, b"broken", set(), 1)


@RETRIES
@pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 511])
def test_server_errors_are_retried_when_asked_for(mesh, node, status):
    node.then(*[says(status)] * 3)
    answer, _ = ask(mesh, f"server-{status}", "/server")
    assert (answer.status, len(node.seen)) == (200, 4)


@RETRIES
def test_409_is_retried_when_asked_for(mesh, node):
    node.then(says(409), says(409))
    assert ask(mesh, "conflict", "/conflict")[0].status == 200
    node.reset()
    node.then(says(404))
    assert ask(mesh, "not-found", "/conflict")[0].status == 404


@pytest.mark.parametrize(
    "identity, target, grpc_status, text",
    [
        ("grpc-no-route", "/nothing", "12", ""),
        ("grpc-refused", "/deadonce", "14", CONNECT_ERROR + "reset reason: remote connection failure"),
    ],
)
def test_grpc_clients_get_a_grpc_status(mesh, identity, target, grpc_status, text):
    answer, _ = ask(mesh, identity, target, "POST", b"", content_type="application/grpc", te="trailers")
    assert (answer.status, answer.get("grpc-status"), answer.body) == (200, grpc_status, b"")
    assert (answer.get("grpc-message") or "").replace("%20", " ") == text


@pytest.mark.needs("connection pools")
def test_more_than_the_connection_pool_admits_is_503_with_overloaded(launch, upstreams, tmp_path):
    (node,) = upstreams("slow")
    gateway = {
        "listeners": [
            {
                "portMapping": {"port": free_port(), "protocol": "http"},
                "connectionPool": {"http": {"maxConnections": 1, "maxPendingRequests": 1}},
            }
        ]
    }
    spec = definitions(0, {"slow": node}, gateway=gateway, log=str(tmp_path / "access.log"))
    mesh = launch(spec, "--workers", "1")
    release = threading.Event()

    def held(connection, seen):
        release.wait(10)
        return says(200, b"held")(connection, seen)

    node.then(held, held)
    with Client(mesh.front) as active, Client(mesh.front) as pending:
        active.send(request("GET", "/active"))
        node.wait(1)
        pending.send(request("GET", "/pending"))
        answer = None
        # The second request is queued as soon as it is read; until then a third one may take its place.
        for number in range(20):
            answer = fetch(mesh.front, target="/overflow", headers={"x-request-id": f"overflow-{number}"}, seconds=5)
            if answer.status == 503:
                break
        assert answer.status == 503 and answer.get("x-envoy-overloaded") == "true"
        assert answer.body.decode() == CONNECT_ERROR + "reset reason: overflow"
        assert "UO" in mesh.last_entry(f"overflow-{number}")["flags"]
        release.set()
        assert (active.answer().status, pending.answer().status) == (200, 200)


def test_a_node_without_any_answer_does_not_stop_the_others(mesh, node):
    node.then(hang)
    with Client(mesh.front) as waiting:
        waiting.send(request("GET", "/once"))
        node.wait(1)
        assert fetch(mesh.front, target="/deadonce").status == 503
        assert fetch(mesh.front, target="/once").status == 200
