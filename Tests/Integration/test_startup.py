"""Starting, describing, stopping: messages for people, exit codes for scripts."""

import json
import os
import signal
import socket
import subprocess
import time

import pytest

from mesh import address_base, definitions, free_port
from support.http1 import Client, fetch, request
from support.processes import accepts
from support.upstream import Upstream, hang, late


@pytest.fixture(scope="module")
def node(upstreams):
    return upstreams("blue")[0]


@pytest.fixture(autouse=True)
def forget(node):
    node.reset()


def run(binary: str, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([binary, *arguments], capture_output=True, text=True, timeout=20)


def test_it_says_where_it_listens(launch, node):
    mesh = launch(definitions(free_port(), {"blue": node}))
    description = mesh.describe()
    assert f"127.0.0.1:{mesh.front[1]}" in str(description["listeners"])
    assert mesh.trellis.get("/ready") == (200, "LIVE\n")


def test_it_is_up_within_a_second(launch, node):
    began = time.monotonic()
    launch(definitions(free_port(), {"blue": node}))
    assert time.monotonic() - began < 1.5


def test_a_port_taken_on_every_address_is_named_with_its_owner_and_what_to_do(launch, node):
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        mesh = launch(definitions(port, {"blue": node}), wait=False)
        assert mesh.trellis.wait() != 0
        said = mesh.trellis.tail(50)
        assert str(port) in said and "python" in said, "the port and the program that has it"
        assert "address" in said or "ingress" in said, "a setting that helps"


def test_two_runs_with_the_same_addresses_do_not_share_a_port(launch, node):
    """Without care, SO_REUSEPORT would let the second steal half of the connections of the first."""
    spec, base = definitions(free_port(), {"blue": node}), address_base()
    first = launch(spec, base=base)
    second = launch(spec, base=base, wait=False)
    assert second.trellis.wait() != 0
    assert str(first.front[1]) in second.trellis.tail(50)
    assert all(fetch(first.front).status == 200 for _ in range(20))


def test_one_node_runs_alone_and_expects_its_app_on_the_listener_port(launch, tmp_path):
    port = free_port()
    with Upstream("app", port=port) as app:
        spec = definitions(free_port(), {"blue": {}})
        del spec["local"]
        spec["virtualNodes"]["blue"]["listeners"] = [{"portMapping": {"port": port, "protocol": "http"}}]
        spec["virtualRouters"]["app"]["listeners"] = [{"portMapping": {"port": port, "protocol": "http"}}]
        mesh = launch(spec, "--node", "test/blue")
        ingress = mesh.address(proxy="test/blue#0", direction="ingress")
        assert fetch(ingress, target="/alone").status == 200
        assert app.only().target == "/alone"
        assert not accepts(mesh.front[1]), "the gateway is another process's affair"


def test_one_gateway_runs_alone(launch, node):
    mesh = launch(definitions(free_port(), {"blue": node}), "--gateway", "test/front")
    assert fetch(mesh.front).status == 200


def test_bad_definitions_are_all_listed_with_their_places(trellis_binary, tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text(
        "mesh: test\nvirtualNodes:\n  blue:\n    listenerz: []\nvirtualRouters:\n  app:\n    listeners: []\n"
        "    routes:\n      all: { httpRoute: { match: { prefix: nothing }, action: { weightedTargets: [] } } }\n"
    )
    for command in ("validate", "run"):
        done = run(trellis_binary, command, str(file), *(["--admin", "127.0.0.1:0"] if command == "run" else []))
        said = done.stdout + done.stderr
        assert done.returncode == (1 if command == "validate" else 78)
        assert "bad.yaml:4:" in said and "listeners" in said, "the unknown key, with a suggestion"
        assert "bad.yaml:9:" in said, "the other findings too"


def test_validate_knows_where_the_admin_listener_of_run_is(trellis_binary, tmp_path):
    file = tmp_path / "mesh.yaml"
    file.write_text(
        "mesh: test\nvirtualGateways:\n  front:\n    listeners: [{ portMapping: { port: 9901, protocol: http } }]\n"
        "local:\n  gateways:\n    front: { address: 127.0.0.1 }\n"
    )
    done = run(trellis_binary, "validate", str(file))
    assert done.returncode == 1
    assert "mesh.yaml:7:" in done.stdout + done.stderr
    assert "error[listener-collision]" in done.stdout + done.stderr
    assert "127.0.0.1:9901, which the admin listener of the process has" in done.stdout + done.stderr


def test_a_gateway_on_every_address_must_not_share_its_port(trellis_binary, tmp_path):
    """Every sidecar has an address of its own, but the wildcard takes the port on all of them."""
    spec = definitions(free_port(), {"blue": {}})
    spec["virtualGateways"]["front"]["listeners"] = [{"portMapping": {"port": 15001, "protocol": "http"}}]
    spec["local"] = {"gateways": {"front": {"address": "0.0.0.0"}}}
    file = tmp_path / "mesh.json"
    file.write_text(json.dumps(spec))
    for command in ("validate", "run"):
        done = run(trellis_binary, command, str(file), *(["--admin", "127.0.0.1:0"] if command == "run" else []))
        assert done.returncode == (1 if command == "validate" else 78)
        assert "gateway test/front listens on 0.0.0.0:15001, that is on every address" in done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [["run"], ["run", "--no-such-option"], ["frobnicate"]])
def test_wrong_usage_is_64(trellis_binary, arguments):
    assert run(trellis_binary, *arguments).returncode == 64


def test_a_missing_file_is_named(trellis_binary, tmp_path):
    done = run(trellis_binary, "run", str(tmp_path / "nowhere.yaml"), "--admin", "127.0.0.1:0")
    assert done.returncode != 0 and "nowhere.yaml" in done.stderr


def test_sigterm_lets_requests_end(launch, node):
    mesh = launch(definitions(free_port(), {"blue": node}))
    node.then(late(1.0))
    with Client(mesh.front) as client:
        client.send(request("GET", "/last"))
        node.wait(1)
        mesh.trellis.signal(signal.SIGTERM)
        answer = client.answer()
        assert answer.status == 200 and answer.get("connection") == "close"
    assert mesh.trellis.wait(10) == 0


def test_sigterm_ends_idle_connections(launch, node):
    mesh = launch(definitions(free_port(), {"blue": node}))
    with Client(mesh.front) as client:
        client.ask(request("GET", "/"))
        mesh.trellis.signal(signal.SIGTERM)
        assert client.is_closed_within(8)
    assert mesh.trellis.wait(10) == 0


def test_a_second_sigterm_ends_at_once(launch, node):
    mesh = launch(definitions(free_port(), {"blue": node}))
    node.then(hang)
    with Client(mesh.front) as client:
        client.send(request("GET", "/stuck"))
        node.wait(1)
        mesh.trellis.signal(signal.SIGTERM)
        time.sleep(0.2)
        mesh.trellis.signal(signal.SIGTERM)
        assert mesh.trellis.wait(3) == 2


def test_a_mesh_without_a_local_part_runs_as_it_is(launch):
    """Every node is then an echo workload that tells its name."""
    spec = definitions(free_port(), {"blue": {}})
    del spec["local"]
    assert b"blue" in fetch(launch(spec).front).body


def test_an_app_that_is_one_of_our_own_listeners_is_an_error(trellis_binary, tmp_path):
    """Requests would go round for ever."""
    port = free_port()
    own = f"127.0.0.1:{port}"
    spec = definitions(free_port(), {"blue": {"instances": [{"app": own, "ingress": own}]}})
    file = tmp_path / "loop.yaml"
    file.write_text(json.dumps(spec))
    done = run(trellis_binary, "run", str(file), "--admin", "127.0.0.1:0")
    assert done.returncode == 78 and str(port) in done.stdout + done.stderr


def started(binary: str, file, variables: dict[str, str], *options: str) -> tuple[int, str]:
    """Exit code and standard error of a run that is asked to end once it is ready."""
    command = [binary, "run", str(file), "--address-base", address_base(), "--admin", "none", *options]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | variables
    )
    for line in process.stdout:
        if line.startswith("ready"):
            process.send_signal(signal.SIGTERM)
            break
    _, said = process.communicate(timeout=30)
    return process.returncode, said


def test_variables_of_the_image_count_for_one_proxy_only(trellis_binary, node, tmp_path):
    file = tmp_path / "mesh.json"
    file.write_text(json.dumps(definitions(free_port(), {"blue": node})))
    bad = {"ENVOY_LOG_LEVEL": "loud", "XRAY_DAEMON_PORT": "2000"}
    code, said = started(trellis_binary, file, bad)
    assert code == 0 and "loud" not in said and "XRAY" not in said, said
    one = {"APPMESH_RESOURCE_ARN": "mesh/test/virtualGateway/front"}
    code, said = started(trellis_binary, file, bad | one)
    assert code == 64 and "ENVOY_LOG_LEVEL is 'loud'" in said, said
    # An option wins, and its variable is not looked at.
    code, said = started(trellis_binary, file, bad | one, "--log-level", "info")
    assert code == 0 and "no effect here: XRAY_DAEMON_PORT" in said, said
    assert "draining for at most 20.0 seconds" in said or "draining for at most 20s" in said, said
    code, said = started(trellis_binary, file, {}, "--gateway", "test/front")
    assert code == 0 and "draining for at most 5" in said, said
