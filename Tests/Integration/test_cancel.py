"""A request that nobody waits for any more ends at every hop, not only at the one that noticed."""

import time

import pytest

from mesh import ONCE, definitions, free_port, match, ms, route, wait_for
from support.http1 import Client, fetch, request
from support.upstream import Connection, Seen
from support.watch import Stats

SECONDS = 3.0


@pytest.fixture(scope="module")
def app(upstreams):
    return upstreams("app")[0]


@pytest.fixture(scope="module")
def mesh(launch, app):
    routes = {
        "all": route({"app": 1}, match(prefix="/"), retries=ONCE),
        "limited": route({"app": 1}, match(prefix="/limited"), timeout={"perRequest": ms(300)}, retries=ONCE),
    }
    return launch(definitions(free_port(), {"app": {"instances": [{"app": app.endpoint}]}}, routes))


class HangNoting:
    """Gives no answer; `gone` says whether the sidecar ended the connection in time."""

    def __init__(self):
        self.gone: bool | None = None

    def __call__(self, connection: Connection, _: Seen) -> bool:
        self.gone = connection.gone(SECONDS)
        return False


def test_a_client_that_resets_ends_the_request_behind_the_sidecar(mesh, app):
    app.reset()
    hang = HangNoting()
    app.then(hang)
    with Client(mesh.front) as client:
        client.send(request("GET", "/left"))
        app.wait(1)
        client.reset()
    wait_for(lambda: hang.gone is not None, "end of the application's connection", SECONDS + 1)
    assert hang.gone
    wait_for(lambda: Stats(mesh.trellis).total("downstream_rq_active") == 0, "idle gauges")


def test_a_gateway_that_gives_up_ends_the_request_behind_the_sidecar(mesh, app):
    app.reset()
    hang = HangNoting()
    app.then(hang)
    began = time.monotonic()
    assert fetch(mesh.front, target="/limited").status == 504
    wait_for(lambda: hang.gone is not None, "end of the application's connection", SECONDS + 1)
    assert hang.gone and time.monotonic() - began < SECONDS
