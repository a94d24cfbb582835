"""`discovery: definitions`: endpoints by DNS, from a real name server whose zone changes while requests flow."""

import copy
import itertools
import json
import os
import subprocess
import time

import pytest

pytest.importorskip("dnslib", reason="dnslib, which the name server is made of, is not installed")

from mesh import asking, definitions, free_port, wait_for
from support.background import background
from support.dns import NameServer, Records
from support.http1 import Client, fetch
from support.programs import need
from support.upstream import Upstream

HOST = "blue.test"
_numbers = itertools.count(1)


def loopback() -> str:
    """A loopback address that nobody else uses."""
    number = next(_numbers)
    return f"127.8.{os.getpid() % 250}.{number}"


@pytest.fixture
def dns():
    server = NameServer()
    yield server
    server.stop()


class Place:
    """Upstreams on one port and addresses of their own, which is how records of a name differ."""

    def __init__(self):
        self.port = free_port()
        self.made: list[Upstream] = []

    def upstream(self, name: str, address: str | None = None) -> Upstream:
        made = Upstream(name, self.port, address or loopback())
        self.made.append(made)
        return made


@pytest.fixture
def place():
    made = Place()
    yield made
    for upstream in made.made:
        upstream.stop()


def discovering(place: Place, response: str | None = "ENDPOINTS", host: str = HOST, log: str | None = None, **node: str) -> dict:
    """A mesh whose node `blue` is found by its name."""
    spec = definitions(free_port(), {"blue": {}}, log=log)
    dns = {"hostname": host} | ({"responseType": response} if response else {}) | node
    spec["virtualNodes"]["blue"] = {
        "listeners": [{"portMapping": {"port": place.port, "protocol": "http"}}],
        "serviceDiscovery": {"dns": dns},
    }
    spec["local"] = {"discovery": "definitions"}
    return spec


def node_of(mesh) -> str | None:
    return fetch(mesh.front).get("x-node")


def nodes_of(mesh, count: int = 20) -> set[str | None]:
    return {node_of(mesh) for _ in range(count)}


def counter(mesh, name: str, port: int) -> int:
    _, text = mesh.trellis.get(f"/stats?filter=cds_egress_test_blue_http_{port}.{name}$")
    # The gateway's and, where node `blue` may call itself, its sidecar's.
    values = [int(line.rsplit(": ", 1)[1]) for line in text.splitlines() if "front" in line]
    assert len(values) == 1, text
    return values[0]


def status(mesh) -> dict:
    [name] = json.loads(mesh.trellis.get("/v1/status")[1])["discovery"]
    return name


def test_endpoints_come_and_go_under_load_without_a_failed_request(launch, dns, place):
    upstreams = [place.upstream(name) for name in ("one", "two", "three")]
    addresses = [upstream.address[0] for upstream in upstreams]
    dns.zone[HOST] = Records(a=addresses[:1])
    mesh = launch(discovering(place), *dns.option)
    wait_for(lambda: node_of(mesh) == "one", "answer of the first endpoint")
    statuses: list[int] = []
    with background(asking(mesh.front, statuses), threads=4):
        for chosen in ((0, 1), (1, 2), (2,), (0, 1, 2), (0,), (1, 2), (0, 1, 2)):
            dns.zone[HOST] = Records(a=[addresses[index] for index in chosen])
            time.sleep(1.3)
    assert set(statuses) == {200}
    assert len(statuses) > 500
    assert all(upstream.seen for upstream in upstreams)


def test_an_endpoint_that_is_removed_gets_nothing_more_and_its_connections_end(launch, dns, place):
    one, two = place.upstream("one"), place.upstream("two")
    dns.zone[HOST] = Records(a=[one.address[0], two.address[0]])
    mesh = launch(discovering(place), *dns.option)
    wait_for(lambda: nodes_of(mesh) == {"one", "two"}, "both endpoints")
    assert one.open_connections() > 0
    dns.zone[HOST] = Records(a=[two.address[0]])
    wait_for(lambda: one.open_connections() == 0, "end of the removed endpoint's connections")
    before = len(one.seen)
    assert nodes_of(mesh) == {"two"}
    assert len(one.seen) == before
    assert counter(mesh, "membership_total", place.port) == 1


def test_an_answer_is_used_for_its_time_to_live(launch, dns, place):
    one, two = place.upstream("one"), place.upstream("two")
    dns.zone[HOST] = Records(a=[one.address[0]], ttl=3)
    mesh = launch(discovering(place, ipPreference="IPv4_ONLY"), *dns.option)
    wait_for(lambda: node_of(mesh) == "one", "the first answer")
    first = dns.questions[0][0]
    dns.zone[HOST] = Records(a=[two.address[0]], ttl=3)
    wait_for(lambda: node_of(mesh) == "two", "the second answer", 6)
    assert [kind for _, _, kind, _ in dns.questions] == ["A", "A"]
    assert 2.9 < dns.questions[1][0] - first < 4


@pytest.mark.parametrize("trouble", ["NXDOMAIN", "no data", "SERVFAIL", "silence"])
def test_the_last_answer_stays_when_the_name_fails_and_everybody_can_see_it(launch, dns, place, trouble):
    one, two = place.upstream("one"), place.upstream("two")
    dns.zone[HOST] = Records(a=[one.address[0]])
    mesh = launch(discovering(place, ipPreference="IPv4_ONLY"), *dns.option)
    wait_for(lambda: node_of(mesh) == "one", "the first answer")
    match trouble:
        case "NXDOMAIN":
            del dns.zone[HOST]
        case "no data":
            dns.zone[HOST] = Records()
        case "SERVFAIL":
            dns.fail = True
        case "silence":
            dns.silent = True
    name = "update_empty" if trouble in ("NXDOMAIN", "no data") else "update_failure"
    wait_for(lambda: counter(mesh, name, place.port) > 0, name, 15)
    assert nodes_of(mesh) == {"one"}
    assert counter(mesh, "update_attempt", place.port) > 1
    assert counter(mesh, "update_success", place.port) > 0
    seen = status(mesh)
    assert seen["hostname"] == HOST and seen["addresses"] == [one.address[0]] and seen["failures"] > 0
    words = {
        "NXDOMAIN": "does not exist",
        "no data": "has no such address",
        "SERVFAIL": "answered SERVFAIL",
        "silence": "no answer from",
    }[trouble]
    assert words in seen["trouble"]
    assert f"discovery: {HOST}: " in mesh.trellis.tail(50) and words in mesh.trellis.tail(50)
    dns.fail = dns.silent = False
    dns.zone[HOST] = Records(a=[two.address[0]])
    wait_for(lambda: node_of(mesh) == "two", "recovery", 15)
    assert status(mesh)["trouble"] is None


def test_failures_are_repeated_ever_more_rarely(launch, dns, place):
    mesh = launch(discovering(place, ipPreference="IPv4_ONLY"), *dns.option)
    wait_for(lambda: dns.asked(HOST) >= 4, "four questions", 15)
    times = [at for at, *_ in dns.questions[:4]]
    waits = [later - earlier for earlier, later in zip(times, times[1:])]
    assert 0.45 < waits[0] < 1.3 and 0.95 < waits[1] < 2.3 and 1.95 < waits[2] < 4.3
    assert fetch(mesh.front).status == 503


def test_one_logical_host_is_the_first_address_for_each_new_connection(launch, dns, place):
    one, two = place.upstream("one"), place.upstream("two")
    dns.zone[HOST] = Records(a=[one.address[0], two.address[0]])
    mesh = launch(discovering(place, "LOADBALANCER"), *dns.option, "--workers", "1")
    wait_for(lambda: node_of(mesh) == "one", "the first address")
    assert nodes_of(mesh) == {"one"}
    dns.zone[HOST] = Records(a=[two.address[0], one.address[0]])
    wait_for(lambda: status(mesh)["addresses"] == [two.address[0], one.address[0]], "the new answer")
    # The connection that stands is not touched; only when another one is needed it goes to the new address.
    assert nodes_of(mesh) == {"one"}
    one.close_idle()
    wait_for(lambda: node_of(mesh) == "two", "a new connection")
    assert nodes_of(mesh) == {"two"}
    clusters = mesh.trellis.get("/clusters")[1]
    assert f"{two.endpoint}::hostname::{HOST}:{place.port}" in clusters and f"{one.endpoint}::" not in clusters


def test_every_record_is_an_endpoint_and_the_default_is_one_logical_host(launch, dns, place):
    upstreams = [place.upstream(name) for name in ("one", "two", "three")]
    dns.zone[HOST] = Records(a=[upstream.address[0] for upstream in upstreams])
    every = launch(discovering(place, "ENDPOINTS"), *dns.option, "--workers", "1")
    logical = launch(discovering(place, None), *dns.option, "--workers", "1")
    wait_for(lambda: nodes_of(every) == {"one", "two", "three"}, "all endpoints")
    wait_for(lambda: nodes_of(logical) == {"one"}, "the first endpoint")
    clusters = every.trellis.get("/clusters")[1]
    for upstream in upstreams:
        assert f"{upstream.endpoint}::health_flags::healthy" in clusters


PREFERENCES = {
    None: {"both": "six", "v4": "four", "v6": "six"},
    "IPv6_PREFERRED": {"both": "six", "v4": "four", "v6": "six"},
    "IPv4_PREFERRED": {"both": "four", "v4": "four", "v6": "six"},
    "IPv4_ONLY": {"both": "four", "v4": "four", "v6": None},
    "IPv6_ONLY": {"both": "six", "v4": None, "v6": "six"},
}


@pytest.mark.parametrize("owner", ["node", "mesh"])
@pytest.mark.parametrize("preference", PREFERENCES, ids=str)
def test_the_preference_chooses_the_family(launch, dns, place, preference, owner):
    four, _ = place.upstream("four"), place.upstream("six", "::1")
    zones = {
        "both": Records(a=[four.address[0]], aaaa=["::1"]),
        "v4": Records(a=[four.address[0]]),
        "v6": Records(aaaa=["::1"]),
    }
    spec = discovering(place)
    node = spec["virtualNodes"]["blue"]
    routes = spec["virtualRouters"]["app"]["routes"]
    template = routes.pop("all")
    for zone, records in zones.items():
        dns.zone[f"{zone}.test"] = records
        own = copy.deepcopy(node)
        own["serviceDiscovery"]["dns"]["hostname"] = f"{zone}.test"
        if owner == "node" and preference:
            own["serviceDiscovery"]["dns"]["ipPreference"] = preference
        spec["virtualNodes"][zone] = own
        routes[zone] = copy.deepcopy(template)
        routes[zone]["httpRoute"]["match"] = {"prefix": f"/{zone}"}
        routes[zone]["httpRoute"]["action"]["weightedTargets"] = [{"virtualNode": zone, "weight": 1}]
    if owner == "mesh" and preference:
        spec["mesh"] = {"test": {"serviceDiscovery": {"ipPreference": preference}}}
    mesh = launch(spec, *dns.option)
    for zone, expected in PREFERENCES[preference].items():
        answer = fetch(mesh.front, target=f"/{zone}")
        assert (answer.status, answer.get("x-node")) == ((200, expected) if expected else (503, None)), zone


def test_a_request_before_the_first_answer_waits_for_it_with_its_body(launch, dns, place):
    one = place.upstream("one")
    dns.zone[HOST] = Records(a=[one.address[0]], ttl=60)
    dns.delay = 0.7
    mesh = launch(discovering(place, ipPreference="IPv4_ONLY"), *dns.option, wait=False)
    wait_for(lambda: mesh.trellis._described(), "description")
    body = os.urandom(300_000)
    answer = fetch(mesh.front, "POST", "/upload", body=body)
    assert answer.status == 200
    assert one.only().body == body


def test_a_name_that_nobody_knows_is_no_healthy_upstream_until_it_appears(launch, dns, place, log_file):
    mesh = launch(discovering(place, log=str(log_file)), *dns.option)
    wait_for(lambda: status(mesh)["failures"] > 0, "the first lookup")
    begin = time.monotonic()
    answer = fetch(mesh.front, headers={"x-request-id": "unknown"})
    assert (answer.status, answer.body) == (503, b"no healthy upstream")
    assert time.monotonic() - begin < 1
    assert mesh.last_entry("unknown")["flags"] == "UH"
    command = [need("trellis"), "status", "--interval", "0s", "--admin", mesh.trellis.admin]
    said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    assert f"{HOST}: " in said and "failed lookups)" in said, said
    one = place.upstream("one")
    dns.zone[HOST] = Records(a=[one.address[0]])
    wait_for(lambda: node_of(mesh) == "one", "the name", 15)


def test_a_server_that_is_silent_makes_a_request_wait_for_five_seconds_at_most(launch, dns, place, log_file):
    dns.silent = True
    mesh = launch(discovering(place, log=str(log_file)), *dns.option)
    begin = time.monotonic()
    answer = fetch(mesh.front, headers={"x-request-id": "silent"}, seconds=9)
    assert (answer.status, answer.body) == (503, b"no healthy upstream")
    assert 3 < time.monotonic() - begin < 7
    assert mesh.last_entry("silent")["flags"] == "UH"


def test_a_cut_answer_is_asked_for_over_tcp(launch, dns, place):
    one = place.upstream("one")
    others = [f"127.9.{number // 200}.{number % 200 + 1}" for number in range(300)]
    dns.zone[HOST] = Records(a=[one.address[0], *others], ttl=60)
    dns.cut = True
    mesh = launch(discovering(place, "LOADBALANCER", ipPreference="IPv4_ONLY"), *dns.option)
    wait_for(lambda: node_of(mesh) == "one", "an answer")
    assert (dns.asked(HOST, protocol="udp"), dns.asked(HOST, protocol="tcp")) == (1, 1)
    wait_for(lambda: len(status(mesh)["addresses"]) == 301, "all addresses in the status")


def test_aliases_are_followed(launch, dns, place):
    one = place.upstream("one")
    dns.zone |= {HOST: Records(cname="b.test"), "b.test": Records(cname="c.test"), "c.test": Records(a=[one.address[0]])}
    mesh = launch(discovering(place), *dns.option)
    wait_for(lambda: node_of(mesh) == "one", "the address behind the aliases")


def test_another_server_is_asked_when_one_does_not_answer(launch, dns, place):
    one = place.upstream("one")
    dns.zone[HOST] = Records(a=[one.address[0]])
    closed = ["--dns", f"127.0.0.1:{free_port()}"]
    mesh = launch(discovering(place), *closed, *dns.option)
    wait_for(lambda: node_of(mesh) == "one", "the second server's answer", 2)


def test_the_machines_table_comes_first(launch, dns, place):
    place.upstream("here", "127.0.0.1")
    mesh = launch(discovering(place, host="localhost", ipPreference="IPv4_ONLY"), *dns.option)
    wait_for(lambda: node_of(mesh) == "here", "this machine")
    assert dns.questions == []


def test_a_reload_asks_for_no_name_again_and_another_name_takes_over_when_it_is_known(launch, dns, place):
    one, two = place.upstream("one"), place.upstream("two")
    dns.zone[HOST] = Records(a=[one.address[0]], ttl=60)
    mesh = launch(discovering(place, ipPreference="IPv4_ONLY"), *dns.option)
    wait_for(lambda: node_of(mesh) == "one", "the first name")
    changed = copy.deepcopy(mesh.spec)
    changed["virtualRouters"]["app"]["routes"]["all"]["httpRoute"]["timeout"] = {
        "perRequest": {"unit": "s", "value": 9}
    }
    mesh.write(changed)
    wait_for(lambda: json.loads(mesh.trellis.get("/v1/status")[1])["generation"] == 2, "the new routes")
    assert nodes_of(mesh) == {"one"}
    assert len(dns.questions) == 1
    # The new name is unknown for a while: the old one's endpoints serve until its first answer.
    dns.delay = 0.5
    dns.zone["green.test"] = Records(a=[two.address[0]], ttl=60)
    changed["virtualNodes"]["blue"]["serviceDiscovery"]["dns"]["hostname"] = "green.test"
    mesh.write(changed)
    seen = set()
    deadline = time.monotonic() + 10
    while "two" not in seen and time.monotonic() < deadline:
        answer = fetch(mesh.front)
        assert answer.status == 200
        seen.add(answer.get("x-node"))
    assert seen == {"one", "two"}
    assert nodes_of(mesh) == {"two"}


def test_discovery_is_chosen_for_each_node(launch, dns, place, upstreams):
    [local] = upstreams("local")
    found = place.upstream("found")
    dns.zone[HOST] = Records(a=[found.address[0]])
    spec = discovering(place)
    spec["local"] = {"discovery": "definitions", "nodes": {"blue": {"discovery": "local", "endpoints": [local.endpoint]}}}
    assert nodes_of(launch(spec, *dns.option)) == {"local"}
    spec = discovering(place)
    spec["local"] = {"nodes": {"blue": {"discovery": "definitions"}}}
    mesh = launch(spec, *dns.option)
    wait_for(lambda: node_of(mesh) == "found", "the name")


def absolute(host: str, port: int, path: str = "/") -> bytes:
    return f"GET http://{host}:{port}{path} HTTP/1.1\r\nhost: {host}:{port}\r\n\r\n".encode()


@pytest.fixture
def open_mesh(launch, dns, place):
    """A mesh that lets its nodes call the world, and the egress of node `blue`."""

    def start(discovery: str = "definitions"):
        spec = discovering(place)
        spec["mesh"] = {"test": {"egressFilter": {"type": "ALLOW_ALL"}}}
        spec["local"] = {"discovery": discovery}
        mesh = launch(spec, *dns.option)
        return mesh, mesh.address(proxy="test/blue#0", listener="egress_15001")

    return start


def test_names_of_the_world_are_resolved_on_demand(open_mesh, dns, place):
    one, two = place.upstream("one"), place.upstream("two")
    dns.zone["world.example"] = Records(a=[one.address[0]])
    mesh, egress = open_mesh()
    dns.delay = 0.3
    with Client(egress) as client:
        first = client.ask(absolute("World.example", place.port, "/first"))
        assert (first.status, first.get("x-node")) == (200, "one")
        assert client.ask(absolute("world.example", place.port)).get("x-node") == "one"
        dns.zone["world.example"] = Records(a=[two.address[0]])
        one.stop()
        wait_for(
            lambda: client.ask(absolute("world.example", place.port)).get("x-node") == "two", "the new address", 8
        )
        unknown = client.ask(absolute("nowhere.example", place.port))
        assert (unknown.status, unknown.body) == (503, b"no healthy upstream")
        strange = client.ask(absolute("no_such..name", place.port))
        assert strange.status in (400, 503)
    assert fetch(egress, host="world.example").status == 404


def test_a_slow_name_holds_up_no_other_request(open_mesh, dns, place):
    place.upstream("one", "127.0.0.1")
    dns.silent = True
    mesh, egress = open_mesh()
    with Client(egress) as waiting, Client(egress) as other:
        waiting.send(absolute("slow.example", place.port))
        for _ in range(50):
            begin = time.monotonic()
            assert other.ask(absolute("127.0.0.1", place.port)).status == 200
            assert time.monotonic() - begin < 1
        answer = waiting.answer()
        assert (answer.status, answer.body) == (503, b"no healthy upstream")


def test_a_client_that_goes_away_while_its_name_is_looked_up_hurts_nobody(open_mesh, dns, place):
    one = place.upstream("one")
    dns.zone["world.example"] = Records(a=[one.address[0]], ttl=60)
    mesh, egress = open_mesh()
    dns.delay = 0.5
    for _ in range(20):
        with Client(egress) as client:
            client.send(absolute("world.example", place.port))
            client.reset()
    wait_for(lambda: dns.asked("world.example") > 0, "a question")
    assert fetch(egress, target=f"http://world.example:{place.port}/last", host=f"world.example:{place.port}").status == 200
    assert [one.target for one in one.seen] == ["/last"]


def test_without_discovery_names_of_the_world_have_no_endpoint(open_mesh, dns, place):
    dns.zone["world.example"] = Records(a=["127.0.0.1"])
    mesh, egress = open_mesh("local")
    answer = fetch(egress, target=f"http://world.example:{place.port}/", host=f"world.example:{place.port}")
    assert (answer.status, answer.body) == (503, b"no healthy upstream")
    assert dns.questions == []
