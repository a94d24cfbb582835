"""Which headers the proxy takes, adds, keeps and changes on the way up and down (dataplane.md 1.9)."""

import re

import pytest

from mesh import definitions, free_port
from support.http1 import Client, fetch, request

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def node(upstreams):
    return upstreams("blue")[0]


@pytest.fixture(scope="module")
def mesh(launch, node):
    return launch(definitions(free_port(), {"blue": node}))


@pytest.fixture(autouse=True)
def forget(node):
    node.reset()


def sent(mesh, node, *headers: tuple[str, str], method: str = "GET", body: bytes | None = None):
    """What the upstream got of a request with these headers."""
    with Client(mesh.front) as client:
        assert client.ask(request(method, "/h", list(headers), body)).status == 200
    return node.only()


@pytest.mark.parametrize(
    "name, value",
    [
        ("connection", "keep-alive"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("te", "gzip"),
        ("upgrade", "h2c"),
    ],
)
def test_hop_by_hop_request_headers_end_here(mesh, node, name, value):
    headers = [(name, value)] + ([("connection", "upgrade")] if name == "upgrade" else [])
    assert not sent(mesh, node, *headers).has(name)


def test_headers_named_by_connection_end_here(mesh, node):
    seen = sent(mesh, node, ("connection", "x-one, X-Two"), ("x-one", "1"), ("x-two", "2"), ("x-three", "3"))
    assert (seen.all("x-one"), seen.all("x-two"), seen.all("x-three")) == ([], [], ["3"])


def test_te_trailers_is_kept(mesh, node):
    assert sent(mesh, node, ("te", "trailers")).all("te") == ["trailers"]


@pytest.mark.parametrize(
    "name, value",
    [
        ("via", "1.1 a"),
        ("forwarded", "for=192.0.2.1"),
        ("proxy-authorization", "Basic eA=="),
        ("trailer", "x-sum"),
        ("x-forwarded-host", "h"),
        ("authorization", "Bearer x"),
        ("cookie", "a=1; b=2"),
        ("user-agent", "probe"),
        ("accept-encoding", "gzip, br"),
        ("range", "bytes=0-1"),
        ("x_under_score", "1"),
        ("x-empty", ""),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", "a=b"),
        ("x-amzn-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793"),
        ("x-b3-traceid", "463ac35c9f6413ad48485a3953bb6124"),
    ],
)
def test_end_to_end_request_headers_pass_unchanged(mesh, node, name, value):
    assert sent(mesh, node, (name, value)).all(name) == [value]


def test_repeated_headers_stay_apart_and_in_order(mesh, node):
    seen = sent(mesh, node, ("x-r", "1"), ("cookie", "a=1"), ("X-R", "2"), ("cookie", "b=2"), ("x-r", "3"))
    assert (seen.all("x-r"), seen.all("cookie")) == (["1", "2", "3"], ["a=1", "b=2"])


def test_bytes_above_127_pass_unchanged(mesh, node):
    assert sent(mesh, node, ("x-name", "caf\xc3\xa9")).all("x-name") == ["caf\xc3\xa9"]


def test_whitespace_around_a_value_is_not_part_of_it(mesh, node):
    assert sent(mesh, node, ("x-w", " \t inner  space \t ")).all("x-w") == ["inner  space"]


def test_the_gateway_appends_the_true_peer_to_x_forwarded_for(mesh, node):
    assert sent(mesh, node).all("x-forwarded-for") == ["127.0.0.1"]


def test_x_forwarded_for_of_the_client_stays_in_front(mesh, node):
    value = sent(mesh, node, ("x-forwarded-for", "192.0.2.1, 192.0.2.2")).all("x-forwarded-for")
    assert [part.strip() for part in ",".join(value).split(",")] == ["192.0.2.1", "192.0.2.2", "127.0.0.1"]


def test_x_forwarded_proto_says_what_the_gateway_saw(mesh, node):
    assert sent(mesh, node).all("x-forwarded-proto") == ["http"]


def test_a_request_without_an_id_gets_one(mesh, node):
    for _ in range(20):
        fetch(mesh.front)
    ids = [seen.all("x-request-id") for seen in node.wait(20)]
    assert all(len(one) == 1 and UUID.fullmatch(one[0]) for one in ids)
    assert len({one[0] for one in ids}) == 20


def test_the_id_of_a_client_is_kept(mesh, node):
    assert sent(mesh, node, ("x-request-id", "mine")).all("x-request-id") == ["mine"]


def test_the_upstream_is_told_how_long_it_has(mesh, node):
    assert sent(mesh, node).all("x-envoy-expected-rq-timeout-ms") == ["15000"]


@pytest.mark.parametrize(
    "name, value",
    [
        ("x-envoy-retry-on", "5xx"),
        ("x-envoy-max-retries", "9"),
        ("x-envoy-upstream-rq-timeout-ms", "1"),
        ("x-envoy-upstream-rq-per-try-timeout-ms", "1"),
        ("x-envoy-upstream-rq-timeout-alt-response", "1"),
        ("x-envoy-internal", "true"),
        ("x-envoy-original-path", "/fake"),
    ],
)
def test_control_headers_of_clients_are_stripped_and_have_no_effect(mesh, node, name, value):
    assert value not in sent(mesh, node, (name, value)).all(name)


def test_the_timeout_that_a_client_claims_is_replaced(mesh, node):
    seen = sent(mesh, node, ("x-envoy-expected-rq-timeout-ms", "7"))
    assert seen.all("x-envoy-expected-rq-timeout-ms") == ["15000"]


def test_an_answer_carries_the_upstreams_time_and_the_proxys_name(mesh):
    answer = fetch(mesh.front)
    assert answer.all("server") == ["envoy"]
    assert (
        len(answer.all("x-envoy-upstream-service-time")) == 1 and answer.get("x-envoy-upstream-service-time").isdigit()
    )
    assert re.fullmatch(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", answer.get("date"))


def test_server_and_service_time_of_the_upstream_are_replaced(mesh):
    answer = fetch(mesh.front, headers={"x-answer": "headers"})
    assert answer.all("server") == ["envoy"]
    assert answer.all("x-envoy-upstream-service-time") != ["99"]


def test_the_date_of_the_upstream_is_kept(mesh):
    assert fetch(mesh.front, headers={"x-answer": "own-date"}).all("date") == ["Mon, 01 Jan 2024 00:00:00 GMT"]


def test_hop_by_hop_answer_headers_end_here(mesh):
    answer = fetch(mesh.front, headers={"x-answer": "headers"})
    assert [answer.all(name) for name in ("keep-alive", "proxy-connection")] == [[], []]
    assert answer.get("connection", "keep-alive").lower() == "keep-alive"


def test_end_to_end_answer_headers_pass_unchanged(mesh):
    answer = fetch(mesh.front, headers={"x-answer": "headers"})
    assert (answer.all("x-one"), answer.all("set-cookie"), answer.all("via")) == (
        ["1", "2"],
        ["a=1", "b=2"],
        ["1.1 app"],
    )


@pytest.mark.parametrize(
    "name, status", [("odd-reason", 299), ("empty-reason", 200), ("status-418", 418), ("status-599", 599)]
)
def test_the_status_passes_unchanged(mesh, name, status):
    assert fetch(mesh.front, headers={"x-answer": name}).status == status
