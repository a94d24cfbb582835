"""The admin listeners of a running mesh: definitions, workloads and listeners changed through them, under traffic."""

import contextlib
import copy
import json
import socket
import urllib.error
import urllib.request

import pytest

from mesh import asking, definitions, free_port, route, wait_for
from support.background import background
from support.http1 import Client, fetch, request
from support.processes import accepts

TWO = {"blue": {"instances": [{"echo": {"body": "blue"}}]}, "green": {"instances": [{"echo": {"body": "green"}}]}}


@pytest.fixture
def mesh(launch):
    made = launch(definitions(free_port(), copy.deepcopy(TWO), {"all": route({"blue": 1})}))
    yield made
    made.stop()


def call(mesh, path, method="GET", body=None, headers=None):
    """Status, headers and text of an admin request."""
    wanted = urllib.request.Request(
        f"http://{mesh.trellis.admin}{path}", method=method, headers=headers or {}, data=body and body.encode()
    )
    try:
        with urllib.request.urlopen(wanted, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read().decode()


CANARY = """
mesh: test
virtualRouters:
  app:
    routes:
      canary:
        priority: 1
        httpRoute: { match: { prefix: /canary }, action: { weightedTargets: [{ virtualNode: NODE, weight: 1 }] } }
"""


def test_definitions_are_read_changed_and_guarded_by_their_generation(mesh):
    status, headers, text = call(mesh, "/v1/definitions")
    assert status == 200 and '"virtualRouters"' in text
    tag = headers["etag"]
    status, headers, text = call(
        mesh, "/v1/definitions", "PUT", CANARY.replace("NODE", "green"), {"If-Match": tag}
    )
    outcome = json.loads(text)
    assert status == 200 and outcome["result"] == "published" and outcome["generation"] == 2
    assert any("canary" in name for name in outcome["difference"]["routes"]["added"])
    assert outcome["milliseconds"] > 0 and outcome["time"].endswith("Z") and isinstance(outcome["findings"], list)
    assert fetch(mesh.front, target="/canary").body == b"green\n"
    assert call(mesh, "/v1/definitions", "PUT", CANARY, {"If-Match": tag})[0] == 412


def test_a_file_s_resources_stay_the_file_s(mesh):
    status, _, text = call(mesh, "/v1/definitions", "PUT", "mesh: test\nvirtualNodes: { blue: { listeners: [] } }\n")
    answer = json.loads(text)
    assert status == 409 and str(mesh.file) in answer["error"]
    assert answer["conflicts"][0]["resource"].endswith("virtualNode blue")
    assert fetch(mesh.front).body == b"blue\n"
    refusal = json.loads(call(mesh, "/v1/status")[2])["lastRefusal"]
    assert refusal["result"] == "refused" and "duplicate-resource" in json.dumps(refusal["findings"])
    assert "reload: refused" in mesh.trellis.tail(50) and "duplicate-resource" in mesh.trellis.tail(50)


def test_putting_definitions_under_traffic_fails_no_request(mesh):
    results = []
    with background(asking(mesh.front, results, "/canary"), threads=4):
        for number in range(20):
            node = ("blue", "green", "nowhere")[number % 3]
            status = call(mesh, "/v1/definitions", "PUT", CANARY.replace("NODE", node))[0]
            assert status == (422 if node == "nowhere" else 200)
    assert set(results) == {200} and len(results) > 100


def test_a_workload_is_changed_while_it_runs(mesh):
    status, _, text = call(mesh, "/v1/workloads", "PUT", '{"blue": {"fail": 503, "delay": "1ms"}}')
    assert status == 200 and json.loads(text)["workloads"][0]["changed"] == {"delay": "1ms", "fail": "503"}
    assert fetch(mesh.front).status == 503
    assert call(mesh, "/v1/workloads", "PUT", '{"blue": null}')[0] == 200
    assert fetch(mesh.front).body == b"blue\n"


def test_listeners_are_drained_on_request(mesh):
    with Client(mesh.front) as client:
        assert client.ask(request("GET", "/")).keeps_alive
        assert call(mesh, "/drain_listeners?graceful&skip_exit", "POST")[0] == 200
        wait_for(lambda: not fetch(mesh.front).keeps_alive, "answer that closes")
        assert not client.ask(request("GET", "/")).keeps_alive
    assert call(mesh, "/drain_listeners", "POST")[2] == "OK\n"
    wait_for(lambda: not accepts(mesh.front[1]), "closed listener")
    assert mesh.trellis.get("/ready") == (200, "LIVE\n")


def test_a_unix_socket_serves_admin_and_goes_with_the_process(launch, tmp_path):
    path = tmp_path / "admin.sock"
    mesh = launch(definitions(free_port(), {"blue": {}}), "--admin", f"unix:{path}", wait=False)

    def ready():
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            connection.sendall(request("GET", "/ready", host="whatever"))
            return connection.recv(65536).endswith(b"LIVE\n")

    wait_for(ready, "admin on the unix socket", 10, lambda: mesh.trellis.tail(20))
    mesh.stop()
    assert not path.exists()


def test_records_that_were_written_and_dropped_are_all_requests(launch, tmp_path):
    log = tmp_path / "mesh.log"
    mesh = launch(definitions(free_port(), {"blue": {}}), "--access-log", str(log))
    for _ in range(50):
        assert fetch(mesh.front).status == 200

    def counted():
        lines = mesh.trellis.get("/stats?filter=^(access_log|filesystem)")[1].splitlines()
        return {key: int(value) for key, value in (line.split(": ") for line in lines)}

    # Each request passes the gateway and a sidecar.
    wait_for(lambda: counted().get("access_log.lines") == 100, "all lines in the statistics", 10)
    assert counted()["access_log.dropped"] == 0 and counted()["filesystem.write_completed"] > 0
    wait_for(lambda: len(log.read_text().splitlines()) == 100, "all lines in the file", 5)
