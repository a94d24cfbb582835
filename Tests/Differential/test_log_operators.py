"""Every access-log operator prints what real Envoy prints for the same request, in JSON and in text.

Both proxies are the egress of one workload: one hop, one line per request. Values that no two runs share (times, ids,
the proxies' own addresses) are compared by their kind. What is allowed to differ is listed in DIFFERENT, with its
reason; an entry that no longer differs anywhere fails, so that the list stays true.
"""

import ipaddress
import json
import pathlib
import re
import time
from dataclasses import dataclass

import pytest

from envoy_diff import EnvoySide
from support.http1 import Client, request
from support.processes import Program, free_ports, programs
from support.programs import REPOSITORY, Missing, need
from support.trellis import Trellis
from support.upstream import Upstream
from to_envoy import Translation

PLAIN = """
PROTOCOL UPSTREAM_PROTOCOL RESPONSE_CODE RESPONSE_FLAGS RESPONSE_FLAGS_LONG BYTES_RECEIVED BYTES_SENT
REQUEST_HEADERS_BYTES RESPONSE_HEADERS_BYTES RESPONSE_TRAILERS_BYTES DOWNSTREAM_WIRE_BYTES_RECEIVED
DOWNSTREAM_WIRE_BYTES_SENT DOWNSTREAM_HEADER_BYTES_RECEIVED DOWNSTREAM_HEADER_BYTES_SENT UPSTREAM_WIRE_BYTES_RECEIVED
UPSTREAM_WIRE_BYTES_SENT UPSTREAM_HEADER_BYTES_RECEIVED UPSTREAM_HEADER_BYTES_SENT
DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT
UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT BYTES_RETRANSMITTED
PACKETS_RETRANSMITTED DURATION REQUEST_DURATION REQUEST_TX_DURATION RESPONSE_DURATION RESPONSE_TX_DURATION
UPSTREAM_CONNECTION_POOL_READY_DURATION ROUNDTRIP_DURATION DOWNSTREAM_HANDSHAKE_DURATION UPSTREAM_HOST UPSTREAM_HOST_NAME
UPSTREAM_HOST_NAME_WITHOUT_PORT UPSTREAM_HOSTS_ATTEMPTED UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT
UPSTREAM_HOST_NAMES_ATTEMPTED UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT UPSTREAM_CONNECTION_IDS_ATTEMPTED
UPSTREAM_CLUSTER UPSTREAM_CLUSTER_RAW UPSTREAM_TRANSPORT_FAILURE_REASON UPSTREAM_LOCAL_ADDRESS
UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT UPSTREAM_LOCAL_PORT UPSTREAM_REMOTE_ADDRESS UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT
UPSTREAM_REMOTE_PORT UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID DOWNSTREAM_REMOTE_ADDRESS DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT
DOWNSTREAM_REMOTE_PORT DOWNSTREAM_DIRECT_REMOTE_ADDRESS DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT
DOWNSTREAM_DIRECT_REMOTE_PORT DOWNSTREAM_LOCAL_ADDRESS DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_LOCAL_PORT
DOWNSTREAM_DIRECT_LOCAL_ADDRESS DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_DIRECT_LOCAL_PORT
DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID CONNECTION_ID UPSTREAM_CONNECTION_ID
STREAM_ID UNIQUE_ID TRACE_ID SPAN_ID ROUTE_NAME VIRTUAL_CLUSTER_NAME FILTER_CHAIN_NAME UPSTREAM_REQUEST_ATTEMPT_COUNT
LOCAL_REPLY_BODY GRPC_STATUS GRPC_STATUS_NUMBER CONNECTION_TERMINATION_DETAILS UPSTREAM_DETECTED_CLOSE_TYPE
UPSTREAM_LOCAL_CLOSE_REASON DOWNSTREAM_TRANSPORT_FAILURE_REASON DOWNSTREAM_LOCAL_CLOSE_REASON
DOWNSTREAM_DETECTED_CLOSE_TYPE CUSTOM_FLAGS RESPONSE_CODE_DETAILS PATH START_TIME START_TIME_LOCAL EMIT_TIME
EMIT_TIME_LOCAL HOSTNAME ACCESS_LOG_TYPE REQUESTED_SERVER_NAME TLS_JA3_FINGERPRINT TLS_JA4_FINGERPRINT
DOWNSTREAM_TLS_VERSION DOWNSTREAM_TLS_CIPHER DOWNSTREAM_TLS_SESSION_ID UPSTREAM_TLS_VERSION UPSTREAM_TLS_CIPHER
UPSTREAM_TLS_SESSION_ID DOWNSTREAM_LOCAL_SUBJECT DOWNSTREAM_LOCAL_URI_SAN DOWNSTREAM_LOCAL_DNS_SAN
DOWNSTREAM_LOCAL_IP_SAN DOWNSTREAM_LOCAL_EMAIL_SAN UPSTREAM_LOCAL_URI_SAN UPSTREAM_LOCAL_DNS_SAN UPSTREAM_LOCAL_IP_SAN
DOWNSTREAM_PEER_SUBJECT DOWNSTREAM_PEER_ISSUER DOWNSTREAM_PEER_SERIAL DOWNSTREAM_PEER_FINGERPRINT_256
DOWNSTREAM_PEER_FINGERPRINT_1 DOWNSTREAM_PEER_CERT DOWNSTREAM_PEER_CERT_V_START DOWNSTREAM_PEER_CERT_V_END
DOWNSTREAM_PEER_URI_SAN DOWNSTREAM_PEER_DNS_SAN DOWNSTREAM_PEER_IP_SAN DOWNSTREAM_PEER_EMAIL_SAN
DOWNSTREAM_PEER_OTHERNAME_SAN DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256 DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1
DOWNSTREAM_PEER_CHAIN_SERIALS UPSTREAM_PEER_SUBJECT UPSTREAM_PEER_ISSUER UPSTREAM_PEER_CERT UPSTREAM_PEER_CERT_V_START
UPSTREAM_PEER_CERT_V_END UPSTREAM_PEER_URI_SAN UPSTREAM_PEER_DNS_SAN UPSTREAM_PEER_IP_SAN
""".split()
POINTS = "DS_RX_BEG DS_RX_END US_CX_BEG US_CX_END US_HS_END US_TX_BEG US_TX_END US_RX_BEG US_RX_BODY_BEG US_RX_END".split()
WITH_ARGUMENT = [
    "REQ(X-A)",
    "REQ(X-NONE?X-A):3",
    "REQ(X-NONE)",
    "REQ(X-REQUEST-ID)",
    "REQ(:METHOD)",
    "REQ(:PATH)",
    "REQ(:AUTHORITY)",
    "REQ(:SCHEME)",
    "REQ(USER-AGENT)",
    "REQ(X-FORWARDED-FOR)",
    "REQ(X-ENVOY-ORIGINAL-PATH?:PATH)",
    "REQUEST_HEADER(X-A):2",
    "RESP(:STATUS)",
    "RESP(CONTENT-TYPE)",
    "RESP(X-NODE?SERVER)",
    "RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)",
    "RESPONSE_HEADER(SERVER):3",
    "TRAILER(X-SUM)",
    "RESPONSE_TRAILER(X-SUM):2",
    "START_TIME(%Y-%m-%dT%H:%M:%S.%3f)",
    "START_TIME(%s.%6f)",
    "START_TIME(%9f)",
    "START_TIME_LOCAL(%Z)",
    "EMIT_TIME(%Y)",
    "RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)",
    "GRPC_STATUS(CAMEL_STRING)",
    "GRPC_STATUS(SNAKE_STRING)",
    "GRPC_STATUS(NUMBER)",
    "PATH(NQ)",
    "PATH(WQ:PATH)",
    "PATH(NQ:ORIG)",
    "PATH(WQ:ORIG_OR_PATH)",
    "QUERY_PARAM(q)",
    "QUERY_PARAM(none)",
    "ENVIRONMENT(PATH)",
    "ENVIRONMENT(NOT_SET_ANYWHERE)",
    "DYNAMIC_METADATA(a:b)",
    "CLUSTER_METADATA(a:b)",
    "UPSTREAM_METADATA(a:b)",
    "METADATA(ROUTE:a:b)",
    "FILTER_STATE(k:PLAIN):3",
    "UPSTREAM_FILTER_STATE(k)",
    "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(24)",
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT(0)",
    "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(9)",
    "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(99)",
    "COMMON_DURATION(DS_RX_BEG:DS_TX_BEG)",
    "COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)",
    "COMMON_DURATION(DS_TX_END:DS_RX_BEG:us)",
    *(f"COMMON_DURATION(DS_RX_BEG:{point}:ns)" for point in POINTS),
]
OPERATORS = [f"%{name}%" for name in PLAIN + WITH_ARGUMENT]
# Known by Trellis and Envoy, and compared by nothing here: expressions are a language of their own.
NOT_COMPARED = {"CEL", "COALESCE"}

ONCE = {"maxRetries": 0, "perRetryTimeout": {"unit": "s", "value": 15}, "httpRetryEvents": ["client-error"]}


@dataclass
class Different:
    """`pattern` matches whole operators (without percent signs), `requests` the names of requests."""

    pattern: str
    reason: str
    requests: str = ".*"

    def covers(self, operator: str, name: str) -> bool:
        return bool(re.fullmatch(self.pattern, operator.strip("%")) and re.fullmatch(self.requests, name))


LOCAL = "refused connection|no route|no such host|not http"
DIFFERENT = [
    Different(
        "(UP|DOWN)STREAM_(DECOMPRESSED_)?HEADER_BYTES_(SENT|RECEIVED)",
        "Envoy counts field lines without the first line and some of their ends, differently in each direction; "
        "Trellis counts the bytes of the head",
    ),
    Different(
        "DOWNSTREAM_REMOTE_(ADDRESS.*|PORT)", "the peer itself, not what its x-forwarded-for claims", "get"
    ),
    Different("(UP|DOWN)STREAM_DETECTED_CLOSE_TYPE", "not in force: how a connection closed is not known yet"),
    Different("TRACE_ID", "the id of the request's traceparent; Envoy has one only while a tracer is set up", "traced"),
    Different("DOWNSTREAM_WIRE_BYTES_SENT", "Trellis passes the reason phrase on, Envoy writes its own", "upstream says.*"),
    Different("RESPONSE_HEADERS_BYTES", "framing and closing of a local reply are no fields of its head", LOCAL),
    Different("LOCAL_REPLY_BODY", "Envoy knows the body in local reply formats only", LOCAL),
    Different(
        "UPSTREAM_CONNECTION_POOL_READY_DURATION", "Envoy also counts the moment in which a connection failed", LOCAL
    ),
    Different("COMMON_DURATION.DS_RX_BEG:US_CX_BEG:ns.", "known here for a connection that failed too", LOCAL),
    Different(
        "COMMON_DURATION.DS_TX_END:DS_RX_BEG:us.",
        "the clock is read once per socket event: what happens in one has no order",
        LOCAL,
    ),
    Different(
        "REQUEST_HEADERS_BYTES|STREAM_ID|REQ.X-REQUEST-ID.",
        "a request without a route does not get the fields that would go upstream",
        "no route|no such host",
    ),
    Different(
        "REQUEST_DURATION|COMMON_DURATION.DS_RX_BEG:DS_RX_END:ns.",
        "a request without a route is answered before its end is looked for",
        "no route|no such host",
    ),
    Different("DOWNSTREAM_WIRE_BYTES_RECEIVED", "bytes of a head that cannot be parsed are not counted", "not http"),
]

REQUESTS: dict[str, bytes] = {
    "get": request(
        "GET",
        "/web/a?q=1%20b&r=2",
        {"x-a": "abcdef", "user-agent": "probe/1.0", "x-request-id": "mine", "x-forwarded-for": "198.51.100.7"},
        host="color.test",
    ),
    "traced": request(
        "GET",
        "/web/a",
        {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
        host="color.test",
    ),
    "generated id": request("GET", "/web/b", {}, host="color.test"),
    "post": request("POST", "/web/c", {"content-type": "text/plain"}, b"hello", host="color.test"),
    "chunked both ways": b"POST /web/d HTTP/1.1\r\nhost: color.test\r\ntransfer-encoding: chunked\r\n"
    b"x-answer: chunked-trailers\r\n\r\n5\r\nhello\r\n0\r\nx-t: 1\r\n\r\n",
    "head": request("HEAD", "/web/e", {}, host="color.test"),
    "upstream says 503": request("GET", "/web/f", {"x-answer": "status-503"}, host="color.test"),
    "no body": request("GET", "/web/g", {"x-answer": "no-body-204"}, host="color.test"),
    "grpc": request("POST", "/web/h", {"content-type": "application/grpc", "te": "trailers"}, b"", host="color.test"),
    "refused connection": request("GET", "/dead", {}, host="color.test"),
    "no route": request("GET", "/other", {"x-a": "1"}, host="color.test"),
    "no such host": request("GET", "/", {}, host="nobody.test"),
    "not http": b"NONSENSE\r\n\r\n",
}


# App Mesh's limit for a text format.
TEXT_MAX = 1000


def parts(is_json: bool) -> list[list[str]]:
    """The operators, in as many lists as formats are needed."""
    found: list[list[str]] = [[]]
    for one in OPERATORS:
        if not is_json and len("\t".join([*found[-1], one])) >= TEXT_MAX:
            found.append([])
        found[-1].append(one)
    return found


def mesh(logs: dict[str, str], forms: dict[str, dict], blue: Upstream, dead: int) -> dict:
    """Workloads that log all they send, each in a form of its own, and the service that they call."""
    listeners = [{"portMapping": {"port": 8080, "protocol": "http"}}]

    def route(prefix: str, node: str) -> dict:
        action = {"weightedTargets": [{"virtualNode": node, "weight": 1}]}
        return {"httpRoute": {"match": {"prefix": prefix}, "action": action, "retryPolicy": ONCE}}

    def node(name: str, **more: object) -> dict:
        return {"listeners": listeners, "serviceDiscovery": {"dns": {"hostname": f"{name}.test"}}, **more}

    return {
        "mesh": "ops",
        "virtualServices": {"color.test": {"provider": {"virtualRouter": {"virtualRouterName": "color"}}}},
        "virtualRouters": {
            "color": {"listeners": listeners, "routes": {"web": route("/web", "blue"), "dead": route("/dead", "dead")}}
        },
        "virtualNodes": {
            **{
                client: node(
                    client,
                    backends=[{"virtualService": {"virtualServiceName": "color.test"}}],
                    logging={"accessLog": {"file": {"path": logs[client], "format": form}}},
                )
                for client, form in forms.items()
            },
            "blue": node("blue"),
            "dead": node("dead"),
        },
        "local": {
            "nodes": {
                **{client: {"instances": [{"app": blue.endpoint}]} for client in forms},
                "blue": {"endpoints": [blue.endpoint]},
                "dead": {"endpoints": [f"127.0.0.1:{dead}"]},
            }
        },
    }


class Way:
    """One egress of one proxy: the lines of its log, one per request, and what of them is its own."""

    def __init__(self, log: pathlib.Path, operators: list[str], is_json: bool, address: tuple[str, int]):
        self.log, self.operators, self.is_json, self.address = log, operators, is_json, address

    def lines(self) -> list[str]:
        return self.log.read_text(errors="replace").splitlines() if self.log.exists() else []

    def send(self, data: bytes) -> None:
        """One request; its connection stays open until the line is there."""
        self.before = len(self.lines())
        self.client = Client(self.address, 5)
        self.client.send(data)
        self.client.answer(data.split(b" ", 1)[0].decode())

    def values(self) -> dict[str, object]:
        """What the log says of the request that was sent last, by operator."""
        deadline = time.monotonic() + 10
        while len(self.lines()) <= self.before and time.monotonic() < deadline:
            time.sleep(0.01)
        port = self.client.socket.getsockname()[1]
        self.client.socket.close()
        (line,) = self.lines()[self.before :]
        found = json.loads(line) if self.is_json else dict(zip(self.operators, line.split("\t"), strict=True))
        return {operator: self.settled(operator.strip("%"), found[operator], port) for operator in self.operators}

    def settled(self, operator: str, value: object, port: int) -> object:
        """The value without what no two runs share."""
        text = str(value)
        if value is None or text in ("-", ""):
            return value
        if "DURATION" in operator:
            return type(value)(0) if text.isdigit() else value
        if "TIME" in operator and "ENVOY" not in operator:
            return re.sub(r"\d", "0", text)
        if operator.startswith(("CONNECTION_ID", "UPSTREAM_CONNECTION_ID")):
            return type(value)(1) if text != "0" else value
        if "SERVICE-TIME" in operator:
            return "<ms>"
        text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uuid>", text)
        if "LOCAL" in operator and "ADDRESS" in operator or operator.endswith("LOCAL_PORT"):
            return self.own(text)
        if operator.endswith("REMOTE_PORT") and text == str(port):
            return "<client port>"
        text = text.replace(f":{port}", ":<client port>")
        return text if isinstance(value, str) else value

    def own(self, text: str) -> str:
        """An address of the proxy's own, by its kind."""
        host, _, port = text.rpartition(":") if ":" in text else (text, "", "")
        if text.isdigit():
            return "<listener port>" if int(text) == self.address[1] else "<port>"
        assert ipaddress.ip_address(host).is_loopback, text
        return "<ip>" + (":<listener port>" if port == str(self.address[1]) else ":<port>" if port else "")


@pytest.fixture(scope="module", params=["json", "text"])
def both(request, tmp_path_factory):
    """Envoy and Trellis with a log of all operators: the ways through each, with the same formats."""
    try:
        need("envoy")
        need("trellis")
    except Missing as reason:
        pytest.skip(str(reason))
    folder = tmp_path_factory.mktemp(request.param)
    is_json = request.param == "json"
    clients = {f"client-{number}": part for number, part in enumerate(parts(is_json))}
    blue, dead = Upstream("blue"), free_ports(1)[0]
    with programs() as running:
        try:
            yield envoy(folder, clients, is_json, blue, dead, running), trellis(folder, clients, is_json, blue, dead, running)
        finally:
            blue.stop()


def definitions(folder: pathlib.Path, name: str, clients: dict, is_json: bool, blue: Upstream, dead: int) -> dict:
    forms = {
        client: {"json": [{"key": one, "value": one} for one in part]} if is_json else {"text": "\t".join(part) + "\n"}
        for client, part in clients.items()
    }
    return mesh({client: str(folder / f"{name}-{client}.log") for client in clients}, forms, blue, dead)


def envoy(folder, clients, is_json, blue, dead, running) -> list[Way]:
    """One Envoy per format."""
    ways = []
    for client, part in clients.items():
        place = folder / client
        place.mkdir()
        log = place / "access.log"
        wanted = definitions(folder, "envoy", {client: part}, is_json, blue, dead)
        ports = dict(zip([("egress", name) for name in wanted["virtualNodes"]], free_ports(3), strict=True))
        form: dict = {"json_format": {one: one for one in part}}
        if not is_json:
            form = {"text_format_source": {"inline_string": "\t".join(part) + "\n"}}
        config = place / "envoy.json"
        config.write_text(json.dumps(Translation(wanted, ports, str(log), form).bootstrap()))
        running.append(EnvoySide.program_of(place, config))
        ways.append(Way(log, part, is_json, ("127.0.0.1", ports["egress", client])))
    for program, client in zip(running, clients, strict=True):
        EnvoySide.wait_for(program, folder / client / "admin")
    return ways


def trellis(folder, clients, is_json, blue, dead, running) -> list[Way]:
    file = folder / "mesh.json"
    file.write_text(json.dumps(definitions(folder, "trellis", clients, is_json, blue, dead)))
    program = Trellis([file], folder, ["--workers", "1", "--address-base", "127.230.0.0/20"])
    running.append(program)
    return [
        Way(
            folder / f"trellis-{client}.log",
            part,
            is_json,
            program.address(proxy=f"ops/{client}#0", direction="egress", port="15001"),
        )
        for client, part in clients.items()
    ]


@pytest.fixture(scope="module")
def differences(both) -> list[tuple[str, str, object, object]]:
    found = []
    for name, data in REQUESTS.items():
        # All ways first: logs are written with a delay.
        for way in (*both[0], *both[1]):
            way.send(data)
        for theirs, ours in zip(*both, strict=True):
            expected, got = theirs.values(), ours.values()
            found += [(name, one, expected[one], got[one]) for one in expected if expected[one] != got[one]]
    return found


def test_every_operator_prints_what_envoy_prints(differences):
    unexplained = [
        f"{name}: {operator} Envoy {theirs!r}, Trellis {ours!r}"
        for name, operator, theirs, ours in differences
        if not any(one.covers(operator, name) for one in DIFFERENT)
    ]
    assert not unexplained, "\n" + "\n".join(unexplained)


def test_what_may_differ_does(differences):
    unused = [
        one.reason
        for one in DIFFERENT
        if not any(one.covers(operator, name) for name, operator, _, _ in differences)
    ]
    assert not unused


def test_every_operator_that_trellis_knows_is_compared():
    table = (REPOSITORY / "Sources" / "Telemetry" / "OperatorTable.swift").read_text()
    known = set(re.findall(r'"([A-Z][A-Z0-9_]+)"', table)) - NOT_COMPARED
    compared = {re.match(r"\w+", one.strip("%"))[0] for one in OPERATORS}
    assert known - compared == set()
