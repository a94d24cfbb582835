"""Small meshes for tests, written as definitions and run by the real command.

A mesh has one gateway, `front`, one virtual service, `app.test`, one router, `app`, and a node per upstream; a test
says only what it is about. Every run has a loopback range of its own (`--address-base`), so that runs do not collide.
"""

import itertools
import json
import os
import pathlib
import re
import time
from collections.abc import Callable

from support.http1 import Client, request
from support.processes import free_ports
from support.trellis import Trellis
from support.upstream import Upstream

SERVICE = "app.test"
HTTP_8080 = {"portMapping": {"port": 8080, "protocol": "http"}}
_runs = itertools.count()

# AWS's own pattern for App Mesh access logs has these fifteen fields.
LINE = re.compile(
    r'\[(?P<time>[^\]]+)\] "(?P<method>\S+) (?P<path>\S+) (?P<protocol>[^"]+)" (?P<code>\d+) (?P<flags>\S+) '
    r'(?P<received>\d+) (?P<sent>\d+) (?P<duration>\d+) (?P<service_time>\S+) "(?P<forwarded_for>[^"]*)" '
    r'"(?P<user_agent>[^"]*)" "(?P<request_id>[^"]*)" "(?P<authority>[^"]*)" "(?P<upstream>[^"]*)"'
)


def ms(value: int) -> dict:
    return {"unit": "ms", "value": value}


def match(
    prefix: str | None = None,
    exact: str | None = None,
    regex: str | None = None,
    method: str | None = None,
    headers: list[dict] | None = None,
    queries: list[dict] | None = None,
    hostname: dict | None = None,
) -> dict:
    made: dict = {}
    if exact is not None:
        made["path"] = {"exact": exact}
    elif regex is not None:
        made["path"] = {"regex": regex}
    elif prefix is not None or hostname is None:
        made["prefix"] = prefix or "/"
    for key, value in (("method", method), ("headers", headers), ("queryParameters", queries), ("hostname", hostname)):
        if value is not None:
            made[key] = value
    return made


def route(
    to: dict[str, int],
    matching: dict | None = None,
    priority: int | None = None,
    timeout: dict | None = None,
    retries: dict | None = None,
) -> dict:
    """An httpRoute; `to` gives nodes their weights."""
    spec: dict = {
        "match": matching or match(),
        "action": {"weightedTargets": [{"virtualNode": node, "weight": weight} for node, weight in to.items()]},
    }
    if timeout is not None:
        spec["timeout"] = timeout
    if retries is not None:
        spec["retryPolicy"] = retries
    return ({"priority": priority} if priority is not None else {}) | {"httpRoute": spec}


def retry(count: int, events: list[str] | None = None, per_try_ms: int = 15_000, tcp: bool = False) -> dict:
    policy: dict = {"maxRetries": count, "perRetryTimeout": ms(per_try_ms)}
    if events or not tcp:
        policy["httpRetryEvents"] = events or ["gateway-error"]
    if tcp:
        policy["tcpRetryEvents"] = ["connection-error"]
    return policy


# The default policy would try again; most tests want to see one attempt.
ONCE = retry(0)


def gateway_route(
    matching: dict | None = None, service: str = SERVICE, rewrite: dict | None = None, priority: int | None = None
) -> dict:
    action: dict = {"target": {"virtualService": {"virtualServiceName": service}}}
    if rewrite is not None:
        action["rewrite"] = rewrite
    spec = {"httpRoute": {"match": matching or match(), "action": action}}
    return ({"priority": priority} if priority is not None else {}) | spec


def definitions(
    port: int,
    nodes: dict[str, Upstream | list[str] | dict],
    routes: dict[str, dict] | None = None,
    gateway_routes: dict[str, dict] | None = None,
    gateway: dict | None = None,
    log: str | None = None,
    log_format: dict | None = None,
) -> dict:
    """A mesh with its `local:` part. A node is an upstream or a list of endpoints (no sidecar), or its local entry."""
    front: dict = {
        "listeners": [{"portMapping": {"port": port, "protocol": "http"}}],
        "gatewayRoutes": gateway_routes or {"all": gateway_route()},
    }
    if log:
        front["logging"] = {"accessLog": {"file": {"path": log} | ({"format": log_format} if log_format else {})}}
    local = {}
    for name, node in nodes.items():
        if isinstance(node, Upstream):
            local[name] = {"endpoints": [node.endpoint]}
        else:
            local[name] = {"endpoints": node} if isinstance(node, list) else node
    return {
        "mesh": "test",
        "virtualGateways": {"front": front | (gateway or {})},
        "virtualServices": {SERVICE: {"provider": {"virtualRouter": {"virtualRouterName": "app"}}}},
        "virtualRouters": {
            "app": {"listeners": [HTTP_8080], "routes": routes or {"all": route({next(iter(nodes)): 1}, retries=ONCE)}}
        },
        "virtualNodes": {
            name: {"listeners": [HTTP_8080], "serviceDiscovery": {"dns": {"hostname": f"{name}.test"}}}
            for name in nodes
        },
        "local": {"nodes": local},
    }


def address_base() -> str:
    """The start of a range of loopback addresses that no other run on this machine is likely to use."""
    number = (os.getpid() * 61 + next(_runs)) % (200 * 16)
    return f"127.{16 + number // 16}.{number % 16 * 16}.0/20"


class Mesh:
    """A running mesh. `front` is where its gateway answers; `log` is the gateway's access log, if it has one."""

    def __init__(
        self,
        folder: pathlib.Path,
        spec: dict,
        options: list[str] | None = None,
        wait: bool = True,
        seconds: float = 15,
        base: str | None = None,
    ):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.file, self.spec = folder, folder / "mesh.yaml", spec
        self.write(spec)
        gateways = spec.get("virtualGateways", {})
        if gateways:
            front = next(iter(gateways.values()))
            self.front = ("127.0.0.1", front["listeners"][0]["portMapping"]["port"])
            path = front.get("logging", {}).get("accessLog", {}).get("file", {}).get("path")
            self.log = pathlib.Path(path) if path else None
        self.trellis = Trellis(
            [self.file],
            folder,
            ["--address-base", base or address_base(), *(options or [])],
            wait=wait,
            seconds=seconds,
        )

    def write(self, spec: dict) -> None:
        """Replaces the file in one step, as editors and configuration tools do. JSON is YAML."""
        self.spec = spec
        beside = self.file.with_suffix(".next")
        beside.write_text(json.dumps(spec, indent=1))
        beside.rename(self.file)

    def stop(self) -> None:
        self.trellis.stop()

    def log_lines(self, count: int, seconds: float = 5) -> list[str]:
        """The access log, once it has `count` lines."""
        assert self.log is not None
        wait_for(
            lambda: self.log.exists() and len(self.log.read_text().splitlines()) >= count,
            f"{count} lines in the access log",
            seconds,
            lambda: self.log.read_text() if self.log.exists() else "",
        )
        return self.log.read_text().splitlines()

    def clear_log(self) -> None:
        """Empties the log; its writer appends, so that it goes on at the new end."""
        assert self.log is not None
        if self.log.exists():
            os.truncate(self.log, 0)

    def last_entry(self, target_id: str) -> dict[str, str]:
        """The parsed line of the request that carried this x-request-id."""

        def found() -> list[re.Match]:
            lines = self.log.read_text().splitlines() if self.log and self.log.exists() else []
            return [parsed for line in lines if (parsed := LINE.fullmatch(line)) and parsed["request_id"] == target_id]

        wait_for(
            lambda: bool(found()),
            f"a log line of request {target_id}",
            5,
            lambda: self.log.read_text() if self.log and self.log.exists() else "",
        )
        entries = found()
        assert len(entries) == 1, "one line per request"
        return entries[0].groupdict()

    def describe(self) -> dict:
        return self.trellis.description

    def address(self, **wanted: str) -> tuple[str, int]:
        return self.trellis.address(**wanted)


def wait_for(
    condition: Callable[[], bool], what: str, seconds: float = 5, detail: Callable[[], str] = lambda: ""
) -> None:
    """Returns once the condition holds; fails with what was waited for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"no {what} within {seconds} s {detail()}")


def asking(address: tuple[str, int], statuses: list[int], target: str = "/") -> Callable[[Callable[[], bool]], None]:
    """A job for `background`: request after request on one connection; `statuses` collects the answers'."""

    def job(running: Callable[[], bool]) -> None:
        with Client(address) as client:
            while running():
                statuses.append(client.ask(request("GET", target)).status)

    return job


def free_port() -> int:
    return free_ports(1)[0]
