"""The process under a service manager and in an image: notifications, watchdog, inherited sockets, variables."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time

import pytest

from mesh import address_base, definitions, free_port, route, wait_for
from support.background import background
from support.http1 import Client, Closed, fetch, request
from support.programs import need
from support.trellis import Trellis


class Manager:
    """What a service manager hears (sd_notify)."""

    def __init__(self, folder):
        self.path = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(10)

    def hears(self, what: str) -> dict[str, str]:
        """The next message with that field, those before it left aside."""
        while True:
            fields = dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())
            if what in fields:
                return fields

    def close(self):
        self.socket.close()


@pytest.fixture
def manager(tmp_path):
    made = Manager(tmp_path)
    yield made
    made.close()


@pytest.fixture
def running(tmp_path, trellis_binary):
    """`running(spec, environment, options…)` starts a process that ends with the test."""
    started = []

    def start(spec, environment, *options, wait=True):
        folder = tmp_path / f"run{len(started)}"
        folder.mkdir()
        file = folder / "mesh.yaml"
        file.write_text(json.dumps(spec))
        process = Trellis(
            [file],
            folder,
            ["--address-base", address_base(), *options],
            wait=wait,
            environment=os.environ | environment,
        )
        process.file = file
        started.append(process)
        return process

    yield start
    for process in started:
        process.stop()


def test_a_service_manager_hears_of_start_reload_life_and_end(running, manager):
    spec = definitions(free_port(), {"blue": {}})
    process = running(spec, {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "300000"})
    assert manager.hears("READY") == {"READY": "1", "STATUS": "Serving generation 1"}
    for _ in range(3):
        assert manager.hears("WATCHDOG")["WATCHDOG"] == "1"
    spec["virtualRouters"]["app"]["routes"]["all"] = route({"blue": 2})
    process.file.write_text(json.dumps(spec))
    process.signal(signal.SIGHUP)
    reloading = manager.hears("RELOADING")
    assert 0 < int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
    assert manager.hears("READY")["READY"] == "1"
    process.signal(signal.SIGTERM)
    assert manager.hears("STOPPING")["STOPPING"] == "1"
    assert process.wait(10) == 0


def test_a_watchdog_for_another_process_is_not_answered(running, manager):
    spec = definitions(free_port(), {"blue": {}})
    process = running(
        spec, {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "200000", "WATCHDOG_PID": "1"}, "--drain-time", "0s"
    )
    manager.hears("READY")
    process.signal(signal.SIGTERM)
    assert "WATCHDOG" not in manager.hears("STOPPING")
    assert process.wait(10) == 0


class Activated:
    """A listening socket that stays, and processes that inherit it one after the other."""

    def __init__(self, folder, spec, port):
        self.folder = folder
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", port))
        self.socket.listen(1024)
        self.file = folder / "mesh.yaml"
        self.file.write_text(json.dumps(spec))
        self.base = address_base()
        self.process = None

    def start(self, name="front"):
        command = [
            *("bash", "-c", f'export LISTEN_PID=$$; exec "$@" 3<&{self.socket.fileno()}', "bash"),
            *(need("trellis"), "run", str(self.file), "--admin", "none", "--address-base", self.base),
        ]
        with open(self.folder / "output", "ab") as output:
            self.process = subprocess.Popen(
                command,
                pass_fds=[self.socket.fileno()],
                env=os.environ | {"LISTEN_FDS": "1", "LISTEN_FDNAMES": name},
                stdout=output,
                stderr=output,
            )

    def said(self):
        return (self.folder / "output").read_text()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(15) == 0, self.said()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.socket.close()


@pytest.fixture
def activated(tmp_path):
    made = []

    def start(spec, port):
        made.append(Activated(tmp_path, spec, port))
        return made[-1]

    yield start
    for one in made:
        one.stop()


def test_restarts_by_socket_activation_fail_no_request(activated):
    port = free_port()
    service = activated(definitions(port, {"blue": {}}), port)
    service.start()
    counts, failures = [], []

    def traffic(running):
        client, count = None, 0
        while running() and len(failures) < 10:
            try:
                client = client or Client(("127.0.0.1", port), 20)
                answer = client.ask(request("GET", "/"))
            except (Closed, ConnectionError, TimeoutError) as error:
                failures.append(repr(error))
                client = None
                continue
            if answer.status != 200:
                failures.append(answer.status)
            count += 1
            if not answer.keeps_alive:
                client.socket.close()
                client = None
        counts.append(count)

    with background(traffic, threads=6):
        wait_for(lambda: "ready:" in service.said(), "start", 10, service.said)
        for _ in range(4):
            time.sleep(0.5)
            service.end()
            service.start()
        time.sleep(0.5)
    assert not failures
    assert sum(counts) > 500
    service.end()


def test_a_socket_that_no_listener_is_for_is_named(activated):
    port = free_port()
    service = activated(definitions(free_port(), {"blue": {}}), port)
    service.start("spare")
    wait_for(lambda: "no listener is for" in service.said(), "message", 10, service.said)
    assert f"127.0.0.1:{port} (spare)" in service.said()
    service.end()


@pytest.mark.parametrize(
    "resource",
    [
        "mesh/test/virtualNode/blue",
        "arn:aws:appmesh:eu-central-1:123456789012:mesh/test/virtualNode/blue",
    ],
)
def test_the_image_s_variables_choose_and_set_up_one_proxy(tmp_path, trellis_binary, resource):
    admin = free_port()
    file = tmp_path / "mesh.yaml"
    spec = definitions(free_port(), {"blue": {}})
    file.write_text(json.dumps(spec))
    output = tmp_path / "output"
    with open(output, "ab") as out:
        process = subprocess.Popen(
            [trellis_binary, "run", str(file), "--address-base", address_base(), "-o", "json"],
            env=os.environ
            | {
                "APPMESH_RESOURCE_ARN": resource,
                "ENVOY_ADMIN_ACCESS_PORT": str(admin),
                "ENVOY_LOG_LEVEL": "debug",
                "ENVOY_CONCURRENCY": "2",
            },
            stdout=out,
            stderr=out,
        )
    try:

        def answers():
            with contextlib.suppress(OSError):
                return fetch(("127.0.0.1", admin), target="/ready", host="localhost").status == 200

        wait_for(answers, "admin listener on the image's port", 10, output.read_text)
        info = fetch(("127.0.0.1", admin), target="/server_info", host="localhost").body
        assert b'"concurrency": 2' in info and b'"log_level": "debug"' in info
        assert b"test/front" not in fetch(("127.0.0.1", admin), target="/listeners", host="localhost").body
        wait_for(lambda: "admin: GET /ready" in output.read_text(), "call in the log", 5, output.read_text)
    finally:
        process.terminate()
        assert process.wait(15) == 0


def test_a_wrong_variable_is_wrong_usage(tmp_path, trellis_binary):
    file = tmp_path / "mesh.yaml"
    file.write_text("mesh: test\n")
    done = subprocess.run(
        [trellis_binary, "run", str(file)],
        env=os.environ | {"APPMESH_RESOURCE_ARN": "blue"},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 64 and "APPMESH_RESOURCE_ARN is 'blue'" in done.stderr


def test_what_came_through_the_api_is_there_after_a_restart(running, tmp_path):
    spec = definitions(free_port(), {"blue": {}})
    state = str(tmp_path / "state")
    added = "mesh: test\nvirtualRouters: { app: { routes: { none: { priority: 1, httpRoute: { match: { prefix: /x },"
    added += " action: { weightedTargets: [{ virtualNode: blue, weight: 1 }] } } } } } }\n"
    process = running(spec, {}, "--state", state)
    host, port = process.admin.split(":")
    put = request("PUT", "/v1/definitions", body=added.encode(), host="localhost")
    with Client((host, int(port))) as client:
        assert client.ask(put).status == 200
    process.signal(signal.SIGKILL)
    process.wait()
    process = running(spec, {}, "--state", state)
    assert process.get("/v1/definitions?owner=api") == (200, added)
    assert '"none"' in process.get("/v1/definitions")[1]
