"""Where a request goes: weights, paths, headers, queries, methods, priorities, hostnames and rewrites."""

import pytest

from mesh import SERVICE, definitions, free_port, gateway_route, match, route
from support.http1 import Client, fetch, request


def header(name: str, kind: str | None = None, value: object = None, invert: bool = False) -> dict:
    made: dict = {"name": name}
    if kind:
        made["match"] = {kind: value}
    return made | ({"invert": True} if invert else {})


KEEP = {"prefix": {"defaultPrefix": "DISABLED"}}
ROUTES = {
    # Reached through the gateway's /m/, which keeps the path.
    "short": route({"blue": 1}, match(prefix="/m/p")),
    "long": route({"green": 1}, match(prefix="/m/p/long")),
    "exact": route({"green": 1}, match(exact="/m/p/exact")),
    "regex": route({"green": 1}, match(regex="/m/p/[0-9]+x?")),
    "post": route({"green": 1}, match(prefix="/m/method", method="POST")),
    "any-method": route({"blue": 1}, match(prefix="/m/method")),
    "h-exact": route({"green": 1}, match(prefix="/m/h/exact", headers=[header("X-Kind", "exact", "one")])),
    "h-prefix": route({"green": 1}, match(prefix="/m/h/prefix", headers=[header("x-kind", "prefix", "on")])),
    "h-suffix": route({"green": 1}, match(prefix="/m/h/suffix", headers=[header("x-kind", "suffix", "ne")])),
    "h-regex": route({"green": 1}, match(prefix="/m/h/regex", headers=[header("x-kind", "regex", "o[a-z]+")])),
    "h-range": route(
        {"green": 1}, match(prefix="/m/h/range", headers=[header("x-kind", "range", {"start": 10, "end": 20})])
    ),
    "h-present": route({"green": 1}, match(prefix="/m/h/present", headers=[header("x-kind")])),
    "h-absent": route({"green": 1}, match(prefix="/m/h/absent", headers=[header("x-kind", invert=True)])),
    "h-not": route({"green": 1}, match(prefix="/m/h/not", headers=[header("x-kind", "exact", "one", invert=True)])),
    "h-both": route(
        {"green": 1}, match(prefix="/m/h/both", headers=[header("x-kind", "exact", "one"), header("x-more")])
    ),
    "h-none": route({"blue": 1}, match(prefix="/m/h/both")),
    "q-exact": route({"green": 1}, match(prefix="/m/q/exact", queries=[{"name": "v", "match": {"exact": "2"}}])),
    "q-present": route({"green": 1}, match(prefix="/m/q/present", queries=[{"name": "v"}])),
    "first": route({"green": 1}, match(prefix="/m/order"), priority=1),
    "second": route({"blue": 1}, match(exact="/m/order/exact"), priority=2),
    "zero": route({"blue": 0, "green": 3}, match(prefix="/m/zero")),
    "split": route({"blue": 90, "green": 10}, match(prefix="/m/split")),
    "uneven": route({"blue": 1, "green": 2}, match(prefix="/m/uneven")),
    "rest": route({"blue": 1}, match(prefix="/x")),
    "root": route({"blue": 1}, match(prefix="/1")),
    "red": route({"blue": 1}, match(prefix="/red")),
    "kept": route({"blue": 1}, match(prefix="/kept")),
    "there": route({"blue": 1}, match(exact="/there")),
    "chapter-root": route({"blue": 1}, match(exact="/")),
    "chapters": route({"blue": 1}, match(exact="/s")),
}
GATEWAY_ROUTES = {
    "match": gateway_route(match(prefix="/m/"), rewrite=KEEP),
    "chapter": gateway_route(match(prefix="/chapter")),
    "kept": gateway_route(match(prefix="/kept"), rewrite=KEEP),
    "maroon": gateway_route(match(prefix="/maroon/"), rewrite={"prefix": {"value": "/red/"}}),
    "exact": gateway_route(match(exact="/here"), rewrite={"path": {"exact": "/there"}}),
    "regex": gateway_route(match(regex="/item/[0-9]+"), rewrite={"path": {"exact": "/there"}}),
    "own-host": gateway_route(match(prefix="/own"), rewrite={"hostname": {"defaultTargetHostname": "DISABLED"}}),
    "shop": gateway_route(match(prefix="/", hostname={"exact": "shop.example.com"}), service="green.test", priority=1),
    "any-shop": gateway_route(match(prefix="/", hostname={"suffix": ".example.com"}), service="blue.test", priority=2),
}


def spec(port, blue, green, reverse=False):
    order = reversed if reverse else iter
    made = definitions(
        port, {"blue": blue, "green": green}, dict(order(ROUTES.items())), dict(order(GATEWAY_ROUTES.items()))
    )
    made["virtualServices"] |= {
        "blue.test": {"provider": {"virtualNode": {"virtualNodeName": "blue"}}},
        "green.test": {"provider": {"virtualNode": {"virtualNodeName": "green"}}},
    }
    return made


@pytest.fixture(scope="module")
def nodes(upstreams):
    return upstreams("blue", "green")


@pytest.fixture(scope="module")
def mesh(launch, nodes):
    return launch(spec(free_port(), *nodes))


@pytest.fixture(scope="module")
def reversed_mesh(launch, nodes):
    return launch(spec(free_port(), *nodes, reverse=True))


@pytest.fixture(autouse=True)
def forget(nodes):
    for node in nodes:
        node.reset()


# target, method, headers, node (None: 404)
TABLE = [
    ("/m/p", "GET", {}, "blue"),
    ("/m/pq", "GET", {}, "blue"),
    ("/m/P", "GET", {}, None),
    ("/m/p/long/er", "GET", {}, "green"),
    ("/m/p/longer", "GET", {}, "green"),
    ("/m/p/lon", "GET", {}, "blue"),
    ("/m/p/exact", "GET", {}, "green"),
    ("/m/p/exact?q=1", "GET", {}, "green"),
    ("/m/p/exact/", "GET", {}, "blue"),
    ("/m/p/12", "GET", {}, "green"),
    ("/m/p/12x", "GET", {}, "green"),
    ("/m/p/12xx", "GET", {}, "blue"),
    ("/m/p/12?x", "GET", {}, "green"),
    ("/m/method", "POST", {}, "green"),
    ("/m/method", "GET", {}, "blue"),
    ("/m/h/exact", "GET", {"x-kind": "one"}, "green"),
    ("/m/h/exact", "GET", {"X-KIND": "one"}, "green"),
    ("/m/h/exact", "GET", {"x-kind": "ONE"}, None),
    ("/m/h/exact", "GET", {"x-kind": "ones"}, None),
    ("/m/h/exact", "GET", {}, None),
    ("/m/h/prefix", "GET", {"x-kind": "once"}, "green"),
    ("/m/h/prefix", "GET", {"x-kind": "none"}, None),
    ("/m/h/suffix", "GET", {"x-kind": "none"}, "green"),
    ("/m/h/suffix", "GET", {"x-kind": "ones"}, None),
    ("/m/h/regex", "GET", {"x-kind": "oak"}, "green"),
    ("/m/h/regex", "GET", {"x-kind": "an oak"}, None),
    ("/m/h/range", "GET", {"x-kind": "10"}, "green"),
    ("/m/h/range", "GET", {"x-kind": "19"}, "green"),
    ("/m/h/range", "GET", {"x-kind": "20"}, None),
    ("/m/h/range", "GET", {"x-kind": "9"}, None),
    ("/m/h/range", "GET", {"x-kind": "1x"}, None),
    ("/m/h/range", "GET", {}, None),
    ("/m/h/present", "GET", {"x-kind": ""}, "green"),
    ("/m/h/present", "GET", {}, None),
    ("/m/h/absent", "GET", {}, "green"),
    ("/m/h/absent", "GET", {"x-kind": "1"}, None),
    ("/m/h/not", "GET", {"x-kind": "two"}, "green"),
    ("/m/h/not", "GET", {"x-kind": "one"}, None),
    ("/m/h/both", "GET", {"x-kind": "one", "x-more": "1"}, "green"),
    ("/m/h/both", "GET", {"x-kind": "one"}, "blue"),
    ("/m/q/exact?v=2", "GET", {}, "green"),
    ("/m/q/exact?v=1", "GET", {}, None),
    ("/m/q/exact?v=2&v=1", "GET", {}, "green"),
    ("/m/q/exact?v=1&v=2", "GET", {}, None),
    ("/m/q/exact?v=%32", "GET", {}, None),
    ("/m/q/exact?V=2", "GET", {}, None),
    ("/m/q/present?v", "GET", {}, "green"),
    ("/m/q/present?v=", "GET", {}, "green"),
    ("/m/q/present?w", "GET", {}, None),
    ("/m/order/exact", "GET", {}, "green"),
    ("/m/zero", "GET", {}, "green"),
    ("/m/nothing", "GET", {}, None),
    ("/nothing", "GET", {}, None),
]
IDS = [f"{method} {target} {headers or ''}".strip() for target, method, headers, _ in TABLE]


def check(mesh, target, method, headers, node):
    answer = fetch(mesh.front, method, target, headers, b"" if method == "POST" else None)
    if node is None:
        assert (answer.status, answer.body) == (404, b"")
    else:
        assert (answer.status, answer.get("x-node")) == (200, node)


@pytest.mark.parametrize("target, method, headers, node", TABLE, ids=IDS)
def test_a_request_reaches_the_node_of_its_most_specific_route(mesh, target, method, headers, node):
    check(mesh, target, method, headers, node)


@pytest.mark.parametrize("target, method, headers, node", TABLE, ids=IDS)
def test_the_order_of_the_file_does_not_matter(reversed_mesh, target, method, headers, node):
    check(reversed_mesh, target, method, headers, node)


@pytest.mark.parametrize(
    "path, weights, requests", [("/m/split", (0.9, 0.1), 4000), ("/m/uneven", (1 / 3, 2 / 3), 3000)]
)
def test_weights_are_kept_within_what_chance_allows(mesh, nodes, path, weights, requests):
    counts = {"blue": 0, "green": 0}
    with Client(mesh.front) as client:
        for _ in range(requests):
            counts[client.ask(request("GET", path)).get("x-node")] += 1
    expected = {"blue": weights[0] * requests, "green": weights[1] * requests}
    chi_square = sum((counts[node] - expected[node]) ** 2 / expected[node] for node in counts)
    # One degree of freedom: above 15.1 once in 10,000 runs of a right implementation.
    assert chi_square < 15.1, counts


def test_a_target_of_weight_zero_gets_nothing(mesh, nodes):
    with Client(mesh.front) as client:
        assert {client.ask(request("GET", "/m/zero")).get("x-node") for _ in range(300)} == {"green"}
    assert not nodes[0].seen


@pytest.mark.parametrize(
    "asked, seen",
    [
        ("/chapter", "/"),
        ("/chapter/", "/"),
        ("/chapter/1", "/1"),
        ("/chapter/1?q=/chapter", "/1?q=/chapter"),
        ("/chapters", "/s"),
        ("/kept/a?b", "/kept/a?b"),
        ("/maroon/tell?x=1", "/red/tell?x=1"),
        ("/here?x=1", "/there?x=1"),
        ("/item/12", "/there"),
        ("/own/x", "/x"),
        # Normalised first, then matched: `.` and `..` resolved, slashes merged, %2F kept.
        ("/kept/./a", "/kept/a"),
        ("/kept/b/../a", "/kept/a"),
        ("/x/../kept/a", "/kept/a"),
        ("/kept//a///b", "/kept/a/b"),
        ("/kept/a%2Fb", "/kept/a%2Fb"),
        ("/kept/?a=//b/../c", "/kept/?a=//b/../c"),
        ("//kept/a", "/kept/a"),
    ],
)
def test_the_gateway_rewrites_the_path(mesh, nodes, asked, seen):
    assert fetch(mesh.front, target=asked).status == 200
    assert nodes[0].only().target == seen


def test_the_gateway_gives_the_original_path_to_the_upstream(mesh, nodes):
    fetch(mesh.front, target="/chapter/1?q=2")
    assert nodes[0].only().all("x-envoy-original-path") == ["/chapter/1?q=2"]


def test_the_gateway_sets_host_to_the_service_unless_told_not_to(mesh, nodes):
    fetch(mesh.front, target="/kept", host="www.example.org")
    fetch(mesh.front, target="/own/x", host="www.example.org")
    assert [seen.get("host") for seen in nodes[0].wait(2)] == [SERVICE, "www.example.org"]


@pytest.mark.parametrize(
    "host, node",
    [
        ("shop.example.com", "green"),
        ("SHOP.Example.COM", "green"),
        ("shop.example.com:8080", "green"),
        ("shop.example.com.", "green"),
        ("other.example.com", "blue"),
        ("a.b.example.com", "blue"),
        ("other.example.com:1", "blue"),
        ("example.com", None),
        ("shop.example.com.evil.test", None),
    ],
)
def test_the_gateway_matches_hostnames_without_case_and_port(mesh, host, node):
    answer = fetch(mesh.front, target="/anything", host=host)
    assert (answer.status, answer.get("x-node")) == ((200, node) if node else (404, None))


def test_a_miss_in_the_second_stage_is_not_offered_to_other_gateway_routes(mesh, nodes):
    answer = fetch(mesh.front, target="/m/unmatched", host="mesh.test")
    assert (answer.status, answer.body) == (404, b"")
    assert not nodes[0].seen and not nodes[1].seen
