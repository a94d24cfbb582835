"""Trace headers and X-Ray segments, seen by an application behind two proxies and by a stand-in for the X-Ray daemon."""

import json
import os
import re
import socket
import subprocess
import time

import pytest

from mesh import ONCE, address_base, definitions, free_port, gateway_route, match, route, wait_for
from support.http1 import Client, fetch, request
from support.processes import free_ports
from support.trellis import Trellis
from support.upstream import reset, says
from support.xray import ROOT, TRACEPARENT, Daemon, fields

TRACE_HEADERS = ("x-amzn-trace-id", "traceparent", "tracestate", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled")
ROOT_A = "1-5759e988-bd862e3fe1be46a994272793"
W3C_A = "00-5759e988bd862e3fe1be46a994272793-00f067aa0ba902b7-01"
W3C_B = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture(scope="module")
def app(upstreams):
    return upstreams("app")[0]


@pytest.fixture(scope="module")
def daemon():
    made = Daemon()
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def forget(app, daemon):
    app.reset()
    daemon.forget()


def chain(app, **more) -> dict:
    """Gateway, sidecar, application; and a node whose workload calls the application through its own sidecar."""
    spec = definitions(
        free_port(),
        {"app": {"instances": [{"app": app.endpoint}]}, "caller": {}},
        {"all": route({"app": 1}, retries=ONCE)},
        {
            "all": gateway_route(),
            "caller": gateway_route(match(prefix="/caller"), service="caller.test"),
        },
        **more,
    )
    spec["virtualServices"]["caller.test"] = {"provider": {"virtualNode": {"virtualNodeName": "caller"}}}
    spec["virtualNodes"]["caller"]["backends"] = [{"virtualService": {"virtualServiceName": "app.test"}}]
    spec["local"]["nodes"]["caller"] = {"echo": {"body": "called", "calls": ["http://app.test/"]}}
    return spec


@pytest.fixture(scope="module")
def mesh(launch, app, daemon):
    return launch(chain(app), "--workers", "1", "--xray", daemon.address, "--xray-rate", "1")


@pytest.fixture(scope="module")
def untraced(launch, app):
    return launch(chain(app), "--workers", "1")


def counter(mesh, name: str, proxy: str) -> int:
    text = mesh.trellis.get("/stats?filter=tracing.xray")[1]
    return int(re.search(rf'tracing\.xray\.{name}{{proxy="{proxy}"}}: (\d+)', text).group(1))


# Without tracing


def test_untraced_headers_pass_as_they_are(untraced, app, daemon):
    sent = {
        "x-amzn-trace-id": "Root=garbage; Sampled=1",
        "traceparent": "ff-nonsense",
        "tracestate": "a=b",
        "b3": "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1",
        "x-b3-traceid": "463ac35c9f6413ad",
        "x-b3-spanid": "a2fb4a1d1a96d312",
        "x-b3-sampled": "0",
        "x-request-id": "mine",
    }
    fetch(untraced.front, headers=sent)
    assert {name: app.only().get(name) for name in sent} == sent
    assert daemon.segments == []


def test_untraced_requests_get_no_trace_header(untraced, app):
    fetch(untraced.front)
    assert not any(app.only().has(name) for name in TRACE_HEADERS)
    assert app.only().get("x-request-id")
    assert "tracing" not in untraced.trellis.get("/stats")[1]
    assert untraced.describe()["xray"] is None


# With tracing: what the application sees


def test_a_request_without_a_trace_begins_one_that_all_hops_share(mesh, app, daemon):
    before = int(time.time())
    fetch(mesh.front, target="/begin")
    seen = app.only()
    named = fields(seen.get("x-amzn-trace-id"))
    assert list(named) == ["Root", "Parent", "Sampled"] and named["Sampled"] == "1"
    assert ROOT.fullmatch(named["Root"])
    assert before <= int(named["Root"][2:10], 16) <= time.time() + 1
    sidecar, gateway = sorted(daemon.wait(2), key=lambda one: one["name"])
    assert (sidecar["name"], gateway["name"]) == ("test/app", "test/front")
    assert {sidecar["trace_id"], gateway["trace_id"]} == {named["Root"]}
    assert "parent_id" not in gateway
    assert sidecar["parent_id"] == gateway["id"] != sidecar["id"]
    assert named["Parent"] == sidecar["id"]
    # The same in W3C's terms.
    assert TRACEPARENT.fullmatch(seen.get("traceparent"))
    assert seen.get("traceparent") == f"00-{named['Root'][2:].replace('-', '')}-{sidecar['id']}-01"
    assert not seen.has("tracestate")


def test_every_request_of_a_connection_has_a_trace_of_its_own(mesh, app, daemon):
    with Client(mesh.front) as client:
        for _ in range(3):
            assert client.ask(request("GET", "/")).status == 200
    assert len({one["trace_id"] for one in daemon.wait(6)}) == 3


def test_a_clients_trace_goes_on_and_its_other_fields_stay(mesh, app, daemon):
    fetch(
        mesh.front,
        headers={
            "x-amzn-trace-id": f"Self=1-67891234-def;root={ROOT_A.upper()}; Parent=53995c3f42cd8ad8;Sampled=1;k=v"
        },
    )
    named = fields(app.only().get("x-amzn-trace-id"))
    sidecar, gateway = sorted(daemon.wait(2), key=lambda one: one["name"])
    assert named == {
        "Root": ROOT_A,
        "Parent": sidecar["id"],
        "Sampled": "1",
        "Self": "1-67891234-def",
        "k": "v",
    }
    assert (gateway["trace_id"], gateway["parent_id"]) == (ROOT_A, "53995c3f42cd8ad8")


def test_a_workloads_call_through_its_sidecar_belongs_to_the_trace(mesh, app, daemon):
    """Gateway, the caller's ingress, its workload, its egress, the application's ingress."""
    fetch(mesh.front, target="/caller")
    by_id = {one["id"]: one for one in daemon.wait(4)}
    assert len({one["trace_id"] for one in by_id.values()}) == 1
    hops = []
    at = fields(app.only().get("x-amzn-trace-id"))["Parent"]
    while at:
        hops.append((by_id[at]["name"], by_id[at]["annotations"]["direction"]))
        at = by_id[at].get("parent_id")
    assert hops == [
        ("test/app", "ingress"),
        ("test/caller", "egress"),
        ("test/caller", "ingress"),
        ("test/front", "ingress"),
    ]


@pytest.mark.parametrize(
    "header",
    [
        "Root=1-5759e988-bd862e3fe1be46a99427279;Sampled=0",
        "Root=2-5759e988-bd862e3fe1be46a994272793",
        "Root=1-00000000-000000000000000000000000",
        f"Root={ROOT_A};Root={ROOT_A};Parent=53995c3f42cd8ad8",
        'Root="><script>;Parent=\\";k=v',
        "",
        ";;;",
        "no fields at all",
    ],
)
def test_a_malformed_header_is_replaced(mesh, app, daemon, header):
    fetch(mesh.front, headers={"x-amzn-trace-id": header})
    assert len(app.only().all("x-amzn-trace-id")) == 1
    named = fields(app.only().get("x-amzn-trace-id"))
    assert list(named) == ["Root", "Parent", "Sampled"]
    assert ROOT.fullmatch(named["Root"]) and named["Root"] not in header
    assert "parent_id" not in next(one for one in daemon.wait(2) if one["name"] == "test/front")


def test_a_malformed_parent_is_dropped_and_the_trace_kept(mesh, app, daemon):
    fetch(mesh.front, headers={"x-amzn-trace-id": f"Root={ROOT_A};Parent=xyz"})
    gateway = next(one for one in daemon.wait(2) if one["name"] == "test/front")
    assert gateway["trace_id"] == ROOT_A and "parent_id" not in gateway


def test_a_traceparent_is_continued_with_its_tracestate(mesh, app, daemon):
    fetch(mesh.front, headers={"traceparent": W3C_A, "tracestate": "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"})
    seen = app.only()
    sidecar, gateway = sorted(daemon.wait(2), key=lambda one: one["name"])
    assert (gateway["trace_id"], gateway["parent_id"]) == (ROOT_A, "00f067aa0ba902b7")
    assert seen.get("traceparent") == f"00-5759e988bd862e3fe1be46a994272793-{sidecar['id']}-01"
    assert seen.get("tracestate") == "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
    assert fields(seen.get("x-amzn-trace-id"))["Root"] == ROOT_A


def test_a_traceparent_of_another_trace_is_not_ours(mesh, app, daemon):
    fetch(mesh.front, headers={"x-amzn-trace-id": f"Root={ROOT_A}", "traceparent": W3C_B, "tracestate": "a=b"})
    assert (app.only().get("traceparent"), app.only().get("tracestate")) == (W3C_B, "a=b")
    assert {one["trace_id"] for one in daemon.wait(2)} == {ROOT_A}


@pytest.mark.parametrize(
    "header", ["ff" + W3C_A[2:], W3C_A.upper(), W3C_A + "-00", W3C_A[:-3], "00-" + "0" * 32 + W3C_A[35:], "x", ""]
)
def test_a_malformed_traceparent_is_replaced_and_takes_tracestate_with_it(mesh, app, daemon, header):
    fetch(mesh.front, headers={"traceparent": header, "tracestate": "a=b"})
    assert TRACEPARENT.fullmatch(app.only().get("traceparent")) and not app.only().has("tracestate")
    assert all(one["trace_id"] != ROOT_A for one in daemon.wait(2))


def test_b3_and_request_ids_pass_through_traced_hops(mesh, app, daemon):
    sent = {
        "b3": "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1",
        "x-b3-traceid": "463ac35c9f6413ad",
        "x-b3-flags": "1",
        "x-request-id": "mine",
    }
    fetch(mesh.front, headers=sent)
    assert {name: app.only().get(name) for name in sent} == sent
    assert {one["annotations"]["guid_x_request_id"] for one in daemon.wait(2)} == {"mine"}


# What the segments say


def test_a_segment_tells_request_and_response(mesh, app, daemon):
    app.then(says(200, b"x" * 321))
    began = time.time()
    fetch(
        mesh.front,
        method="POST",
        target="/a/b?c=%22d%22",
        host="shop.example",
        body=b"12345",
        headers={"user-agent": 'browser "1\\0"', "x-forwarded-for": "198.51.100.7, 10.0.0.1"},
    )
    for one in daemon.wait(2):
        node = one["name"].removeprefix("test/")
        assert one["origin"] == "AWS::AppMesh::Proxy"
        assert one["aws"] == {"app_mesh": {"mesh_name": "test", "virtual_node_name": node}}
        assert re.fullmatch("[0-9a-f]{16}", one["id"])
        assert began - 1 <= one["start_time"] <= one["end_time"] <= time.time() + 1
        assert one["http"] == {
            "request": {
                "method": "POST",
                "url": "http://shop.example/a/b?c=%22d%22",
                "user_agent": 'browser "1\\0"',
                "client_ip": "198.51.100.7",
                "x_forwarded_for": True,
            },
            "response": {"status": 200, "content_length": 321},
        }
        assert one["annotations"]["request_size"] == "5" and one["annotations"]["response_flags"] == "-"
        assert not {"error", "fault", "throttle"} & one.keys()


def test_the_peer_is_the_client_where_nobody_forwarded(mesh, daemon):
    fetch(mesh.front)
    gateway = next(one for one in daemon.wait(2) if one["name"] == "test/front")
    asked = gateway["http"]["request"]
    assert (asked["client_ip"], asked["x_forwarded_for"]) == ("127.0.0.1", False)


@pytest.mark.parametrize(
    ("status", "flags"),
    [
        (200, set()),
        (302, set()),
        (400, {"error"}),
        (404, {"error"}),
        (429, {"error", "throttle"}),
        (500, {"fault"}),
        (503, {"fault"}),
    ],
)
def test_the_status_decides_what_is_wrong(mesh, app, daemon, status, flags):
    app.then(says(status))
    assert fetch(mesh.front).status == status
    for one in daemon.wait(2):
        assert {key for key in ("error", "fault", "throttle") if one.get(key)} == flags
        assert one["http"]["response"]["status"] == status


def test_answers_of_the_proxy_itself_are_traced(mesh, app, daemon):
    # Twice, as one on a connection that was used before is tried again.
    app.then(reset, reset)
    assert fetch(mesh.front).status == 503
    sidecar, gateway = sorted(daemon.wait(2), key=lambda one: one["name"])
    assert sidecar["fault"] and gateway["fault"]
    assert sidecar["annotations"]["response_flags"] == "UC"


def test_a_request_for_no_route_is_traced(mesh, daemon):
    egress = mesh.address(proxy="test/caller#0", direction="egress", port="15001")
    assert fetch(egress, host="unknown.test").status == 404
    (one,) = daemon.wait(1)
    assert one["error"] and one["annotations"]["direction"] == "egress"
    assert one["annotations"]["response_flags"] == "NR" and "upstream_cluster" not in one["annotations"]


def test_whatever_a_client_sends_the_segment_is_small_and_valid(mesh, daemon):
    long = "/" + "ä\u20ac".encode().decode("latin-1") * 4_000
    headers = {"user-agent": long[:8_000] + "\xff", "x-request-id": "i" * 9_000}
    fetch(mesh.front, target="/%ff" + "a" * 9_000, headers=headers)
    for one in daemon.wait(2):
        assert len(one["http"]["request"]["url"]) < 400
        assert len(one["http"]["request"]["user_agent"].encode()) <= 500
        assert len(one["annotations"]["guid_x_request_id"]) == 250


# Sampling


def test_the_clients_decision_is_respected(mesh, app, daemon):
    """Here every new trace would be recorded."""
    fetch(mesh.front, headers={"x-amzn-trace-id": f"Root={ROOT_A};Sampled=0"})
    assert fields(app.only().get("x-amzn-trace-id"))["Sampled"] == "0"
    assert app.only().get("traceparent").endswith("-00")
    fetch(mesh.front, headers={"x-amzn-trace-id": f"Root={ROOT_A};Sampled=?"})
    assert fields(app.seen[-1].get("x-amzn-trace-id"))["Sampled"] == "1"
    fetch(mesh.front, headers={"traceparent": W3C_A[:-1] + "0"})
    assert fields(app.seen[-1].get("x-amzn-trace-id"))["Sampled"] == "0"
    assert {one["trace_id"] for one in daemon.wait(2)} == {ROOT_A}


def test_by_default_one_a_second_and_one_in_twenty(launch, app, daemon):
    mesh = launch(chain(app), "--workers", "2", "--xray", daemon.address)
    requests = 3_000
    began = time.monotonic()
    with Client(mesh.front) as client:
        for _ in range(requests):
            assert client.ask(request("GET", "/")).status == 200
    seconds = time.monotonic() - began + 1
    decided = [fields(one.get("x-amzn-trace-id"))["Sampled"] for one in app.seen]
    sampled = decided.count("1")
    # Seven standard deviations of 3,000 draws of 5 %, and the first of each second.
    assert 150 - 84 <= sampled <= 150 + 84 + seconds, f"{sampled} of {requests} in {seconds:.1f} s"
    segments = daemon.wait(2 * sampled)
    assert sorted(one["name"] for one in segments) == ["test/app"] * sampled + ["test/front"] * sampled
    # A decision is made once for all hops.
    assert len({one["trace_id"] for one in segments}) == sampled
    wait_for(lambda: counter(mesh, "spans_sent", "test/front") == sampled, f"{sampled} spans counted")


def test_rules_decide_by_host_method_and_path(launch, app, daemon, tmp_path):
    rules = tmp_path / "rules.json"
    rules.write_text(
        json.dumps(
            {
                "version": 2,
                "default": {"fixed_target": 0, "rate": 1},
                "rules": [
                    {"url_path": "/health*", "fixed_target": 0, "rate": 0},
                    {"host": "*.Example", "http_method": "PU?", "fixed_target": 0, "rate": 0},
                ],
            }
        )
    )
    mesh = launch(chain(app), "--workers", "1", "--xray", daemon.address, "--xray-rules", str(rules))
    cases = [
        ("GET", "/health/x?y", "a.test", "0"),
        ("GET", "/other", "a.test", "1"),
        ("PUT", "/other", "shop.example", "0"),
        ("GET", "/other", "shop.example", "1"),
    ]
    for method, target, host, expected in cases:
        fetch(mesh.front, method=method, target=target, host=host)
        assert fields(app.seen[-1].get("x-amzn-trace-id"))["Sampled"] == expected, (method, target, host)
    daemon.wait(4)


def test_rules_that_cannot_be_used_stop_the_start(trellis_binary, app, tmp_path):
    file, rules = tmp_path / "mesh.json", tmp_path / "rules.json"
    file.write_text(json.dumps(chain(app)))
    rules.write_text('{"version": 1, "default": {"fixed_target": 1, "rate": 0.1}}')
    for options in (["--xray-rules", str(rules), "--xray", "2000"], ["--xray-rate", "0.5"], ["--xray", "unix:/x"]):
        done = subprocess.run([trellis_binary, "run", str(file), *options], capture_output=True, text=True, timeout=20)
        assert done.returncode == 64, (options, done.stderr)


# The daemon


def test_nobody_needs_to_listen(launch, app):
    mesh = launch(chain(app), "--workers", "1", "--xray", f"127.0.0.1:{free_ports(1)[0]}", "--xray-rate", "1")
    with Client(mesh.front) as client:
        for _ in range(50):
            assert client.ask(request("GET", "/")).status == 200
    assert counter(mesh, "spans_sent", "test/front") + counter(mesh, "spans_dropped", "test/front") == 50
    assert sum(counter(mesh, "spans_refused", proxy) for proxy in ("test/front", "test/app#0")) >= 90


def test_an_address_to_which_no_way_leads_costs_spans_and_no_request(launch, app):
    mesh = launch(chain(app), "--workers", "1", "--xray", "255.255.255.255:2000", "--xray-rate", "1")
    for _ in range(3):
        assert fetch(mesh.front).status == 200
    assert (counter(mesh, "spans_sent", "test/front"), counter(mesh, "spans_dropped", "test/front")) == (0, 3)


def test_a_daemon_that_comes_later_gets_what_follows(launch, app):
    port = free_ports(1)[0]
    mesh = launch(chain(app), "--workers", "1", "--xray", str(port), "--xray-rate", "1")
    fetch(mesh.front)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as late:
        late.bind(("127.0.0.1", port))
        late.settimeout(5)
        fetch(mesh.front, target="/late")
        assert {b"/late" in late.recv(65_536) for _ in range(2)} == {True}


# The variables of App Mesh's image


def test_the_variables_switch_tracing_on_for_one_proxy(app, daemon, tmp_path):
    file = tmp_path / "mesh.json"
    spec = chain(app)
    ingress = f"127.0.0.1:{free_port()}"
    spec["local"]["nodes"]["app"] = {"instances": [{"app": app.endpoint, "ingress": ingress}]}
    file.write_text(json.dumps(spec))
    environment = os.environ | {
        "APPMESH_RESOURCE_ARN": "arn:aws:appmesh:eu-west-1:111122223333:mesh/test/virtualNode/app",
        "ENABLE_ENVOY_XRAY_TRACING": "1",
        "XRAY_DAEMON_PORT": str(daemon.port),
        "XRAY_SAMPLING_RATE": "1.00",
        "XRAY_SEGMENT_NAME": "shop/app of ours",
        "ENABLE_ENVOY_DATADOG_TRACING": "1",
    }
    trellis = Trellis([file], tmp_path / "run", [], environment=environment)
    try:
        assert trellis.description["xray"] == daemon.address
        assert "no effect here: ENABLE_ENVOY_DATADOG_TRACING" in trellis.tail(50)
        host, _, number = ingress.rpartition(":")
        assert fetch((host, int(number))).status == 200
        assert [one["name"] for one in daemon.wait(1)] == ["shop/app of ours"]
        wait_for(lambda: 'spans_sent{proxy="test/app#0"}: 1' in trellis.get("/stats")[1], "a span counted")
    finally:
        trellis.stop()


def test_a_whole_mesh_ignores_the_variables(app, tmp_path):
    file = tmp_path / "mesh.json"
    file.write_text(json.dumps(chain(app)))
    trellis = Trellis(
        [file],
        tmp_path / "run",
        ["--address-base", address_base()],
        environment=os.environ | {"ENABLE_ENVOY_XRAY_TRACING": "1"},
    )
    try:
        assert trellis.description["xray"] is None
    finally:
        trellis.stop()


def test_a_reload_keeps_tracing(launch, app, daemon):
    mesh = launch(chain(app), "--workers", "1", "--xray", daemon.address, "--xray-rate", "1")
    fetch(mesh.front)
    daemon.wait(2)
    spec = json.loads(json.dumps(mesh.spec))
    spec["virtualRouters"]["app"]["routes"]["second"] = route({"app": 1}, match(prefix="/second"), retries=ONCE)
    mesh.write(spec)
    wait_for(lambda: '"generation":2' in mesh.trellis.get("/v1/status")[1].replace(" ", ""), "a second generation")
    fetch(mesh.front, target="/second")
    assert [one["http"]["request"]["url"].endswith("/second") for one in daemon.wait(4)[2:]] == [True, True]
