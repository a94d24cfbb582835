"""HTTP/1.1 as clients and upstreams use it, over real sockets (RFC 9112, RFC 9110)."""

import subprocess
import threading
import time

import pytest

from mesh import ONCE, definitions, free_port, match, route, wait_for
from support.http1 import Client, TimedOut, chunked, fetch, request
from support.programs import Missing, need
from support.upstream import BEHAVIOURS, before_body, close, echo, hang, late, raw, says, slowly


@pytest.fixture(scope="module")
def node(upstreams):
    return upstreams("blue")[0]


@pytest.fixture(scope="module")
def mesh(launch, node):
    routes = {"all": route({"blue": 1}, retries=ONCE), "long": route({"blue": 1}, match(prefix="/long"), retries=ONCE)}
    return launch(definitions(free_port(), {"blue": node}, routes), "--workers", "1")


@pytest.fixture(autouse=True)
def forget(node):
    node.reset()


@pytest.fixture
def client(mesh):
    with Client(mesh.front) as made:
        yield made


# Connections


def test_a_connection_serves_many_requests_and_so_does_the_one_upstream(client, node):
    before = node.accepted
    for number in range(50):
        assert client.ask(request("GET", f"/{number}")).status == 200
    assert [seen.target for seen in node.seen] == [f"/{number}" for number in range(50)]
    assert node.accepted - before <= 1


def test_connection_close_is_answered_and_obeyed(client):
    answer = client.ask(request("GET", "/", {"connection": "close"}))
    assert answer.get("connection") == "close"
    assert client.is_closed_within(2)


def test_the_upstreams_wish_to_close_is_its_own_affair(client, node):
    assert client.ask(request("GET", "/", {"x-answer": "connection-close"})).keeps_alive
    assert client.ask(request("GET", "/")).status == 200


def test_pipelined_requests_are_answered_in_order(client, node):
    node.then(late(0.2), echo, echo)
    client.send(b"".join(request("GET", f"/{number}") for number in range(3)))
    assert [client.answer().body.count(b'"/%d"' % number) for number in range(3)] == [1, 1, 1]


def test_pipelined_requests_with_bodies_are_kept_apart(client, node):
    client.send(
        request("POST", "/1", body=b"one")
        + request("POST", "/2", {"transfer-encoding": "chunked"}, chunked(b"tw", b"o"))
        + request("GET", "/3")
    )
    assert [client.answer().status for _ in range(3)] == [200, 200, 200]
    assert [(seen.target, seen.body) for seen in node.seen] == [("/1", b"one"), ("/2", b"two"), ("/3", b"")]


def test_a_request_may_arrive_byte_by_byte(client, node):
    for byte in request("POST", "/slow", body=b"hello"):
        client.send(bytes([byte]))
        time.sleep(0.005)
    assert client.answer().status == 200
    assert node.only().body == b"hello"


def test_a_client_that_ended_its_side_still_gets_its_answer(client, node):
    node.then(late(0.2))
    client.send(request("GET", "/")).half_close()
    assert client.answer().status == 200
    assert client.is_closed_within(2)


def test_a_client_that_goes_away_cancels_its_request(mesh, node):
    gone = threading.Event()

    def watch(connection, _):
        if connection.gone(5):
            gone.set()
        return False

    node.then(watch)
    with Client(mesh.front) as leaving:
        leaving.send(request("GET", "/"))
        node.wait(1)
        leaving.reset()
    assert gone.wait(5), "the upstream's connection must be ended too"


# Bodies


def test_a_body_with_a_length_arrives_as_it_was_sent(client, node):
    body = bytes(range(256)) * 4000
    assert client.ask(request("POST", "/", body=body)).status == 200
    assert (node.only().body, node.only().framing) == (body, "length")


def test_a_chunked_body_arrives_whole(client, node):
    parts = [bytes([number]) * (number * 37 + 1) for number in range(200)]
    assert client.ask(request("POST", "/", {"transfer-encoding": "chunked"}, chunked(*parts))).status == 200
    assert (node.only().body, node.only().framing) == (b"".join(parts), "chunked")


def test_chunk_extensions_are_not_passed_on(client, node):
    data = request("POST", "/", {"transfer-encoding": "chunked"}, b"3;a=b\r\nabc\r\n0;last\r\n\r\n")
    assert client.ask(data).status == 200
    assert node.only().body == b"abc"
    assert b";" not in node.only().raw.partition(b"\r\n\r\n")[2]


def test_request_trailers_are_forwarded(client, node):
    data = request(
        "POST", "/", {"transfer-encoding": "chunked", "trailer": "x-sum"}, chunked(b"hello", trailers={"x-sum": "42"})
    )
    assert client.ask(data).status == 200
    assert node.only().trailers == [("x-sum", "42")]


def test_a_chunked_answer_is_passed_on_chunked(client):
    answer = client.ask(request("GET", "/", {"x-answer": "chunked"}))
    assert (answer.framing, answer.body) == ("chunked", b"hello world")


def test_answer_trailers_are_forwarded(client):
    answer = client.ask(request("GET", "/", {"x-answer": "chunked-trailers"}))
    assert (answer.body, answer.trailers) == (b"hello", [("x-sum", "42")])


def test_an_answer_until_close_becomes_chunked_and_the_connection_lives_on(client):
    answer = client.ask(request("GET", "/", {"x-answer": "until-close"}))
    assert (answer.framing, answer.body) == ("chunked", b"until the end")
    assert client.ask(request("GET", "/")).status == 200


def test_a_large_answer_arrives_whole_at_a_slow_reader(client, node):
    body = bytes(range(251)) * 20_000
    node.then(says(200, body))
    client.send(request("GET", "/large"))
    time.sleep(0.3)
    assert client.answer().body == body


def test_an_answer_is_streamed_not_collected(client, node):
    node.then(
        slowly([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nearly\r\n", b"4\r\nlate\r\n0\r\n\r\n"], 1.0)
    )
    began = time.monotonic()
    client.send(request("GET", "/stream"))
    client.stream.until(b"early")
    assert time.monotonic() - began < 0.8
    assert client.stream.until(b"0\r\n\r\n").count(b"late") == 1


def test_a_request_is_streamed_not_collected(client, node):
    arrived = threading.Event()

    def watch(connection, _):
        connection.stream.until(b"early")
        arrived.set()
        connection.stream.until(b"0\r\n\r\n")
        return echo(connection, _)

    node.then(before_body(watch))
    client.send(request("POST", "/", {"transfer-encoding": "chunked"}, b"5\r\nearly\r\n"))
    assert arrived.wait(5), "the first chunk must not wait for the last"
    client.send(b"0\r\n\r\n")
    assert client.answer().status == 200


def test_a_client_that_does_not_read_holds_the_upstream_back_not_the_memory(mesh, client, node):
    sent = []

    def flood(connection, _):
        connection.socket.settimeout(1.0)
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 200000000\r\n\r\n")
        try:
            for _number in range(2000):
                connection.send(b"x" * 100_000)
                sent.append(100_000)
        except TimeoutError:
            pass
        return False

    before = mesh.trellis.memory_bytes()
    node.then(flood)
    client.send(request("GET", "/flood"))
    node.wait(1)
    time.sleep(1.5)
    assert sum(sent) < 60_000_000, "the upstream must be held back"
    assert mesh.trellis.memory_bytes() - before < 24_000_000


# Heads without bodies


def test_head_has_the_headers_of_get_and_no_body(client, node):
    answer = client.ask(request("HEAD", "/"))
    assert answer.status == 200 and int(answer.get("content-length")) > 0
    assert node.only().method == "HEAD"
    assert client.ask(request("GET", "/")).status == 200, "the next answer must not be taken for a body"


@pytest.mark.parametrize("name, status", [("no-body-204", 204), ("not-modified", 304), ("not-modified-length", 304)])
def test_answers_that_have_no_body_end_with_their_head(client, name, status):
    assert client.ask(request("GET", "/", {"x-answer": name})).status == status
    assert client.ask(request("GET", "/")).status == 200


def test_204_has_no_content_length(client):
    assert not client.ask(request("GET", "/", {"x-answer": "no-body-204"})).has("content-length")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "OPTIONS", "DELETE", "TRACE"])
def test_a_request_without_a_body_is_framed_as_one(client, node, method):
    assert client.ask(request(method, "/")).status == 200
    assert node.only().body == b"" and node.only().framing in ("none", "length")
    assert client.ask(request("GET", "/next")).status == 200


# Interim answers


def test_the_proxy_answers_expect_itself_once_it_has_a_route(client, node):
    client.send(request("POST", "/", {"expect": "100-continue", "content-length": "5"}))
    assert client.stream.until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
    client.send(b"hello")
    assert client.answer("POST").status == 200
    assert node.only().body == b"hello" and not node.only().has("expect")


@pytest.mark.parametrize("name", ["early-hints", "continue-first"])
def test_interim_answers_of_the_upstream_are_not_passed_on(client, name):
    answer = client.ask(request("GET", "/", {"x-answer": name}))
    assert (answer.status, answer.body, answer.informational) == (200, b"ok", [])


def test_an_answer_may_come_before_the_request_is_complete(client, node):
    node.then(
        before_body(raw(b"HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 4\r\n\r\nstop", close=True))
    )
    client.send(request("POST", "/", {"content-length": "1000000"}) + b"some of it")
    answer = client.answer("POST")
    assert (answer.status, answer.body) == (413, b"stop")


# Forms of the target


def test_absolute_form_gives_its_authority_to_the_match(client, node):
    answer = client.ask(request("GET", "http://other.test/a?b=c", host="mesh.test"))
    assert answer.status == 200
    assert node.only().target == "/a?b=c"


def test_curl_uses_the_gateway_as_its_http_proxy(mesh, node):
    try:
        curl = need("curl")
    except Missing as reason:
        pytest.skip(str(reason))
    done = subprocess.run(
        [curl, "-sS", "-i", "-x", f"http://{mesh.front[0]}:{mesh.front[1]}", "http://any.test/by-proxy?x=1"],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("HTTP/1.1 200")
    assert node.only().target == "/by-proxy?x=1" and not node.only().has("proxy-connection")


# HTTP/1.0


def test_http_1_0_is_answered_and_closed(client, node):
    answer = client.ask(request("GET", "/old", version="HTTP/1.0"))
    assert answer.status == 200 and client.is_closed_within(2)
    assert node.only().version == "HTTP/1.1"


def test_http_1_0_may_ask_for_keep_alive(client):
    answer = client.ask(request("GET", "/old", {"connection": "keep-alive"}, version="HTTP/1.0"))
    assert answer.get("connection", "").lower() == "keep-alive"
    assert client.ask(request("GET", "/again", {"connection": "keep-alive"}, version="HTTP/1.0")).status == 200


def test_http_1_0_never_gets_chunks(client):
    answer = client.ask(request("GET", "/", {"x-answer": "chunked"}, version="HTTP/1.0"))
    assert (answer.framing, answer.body) == ("close", b"hello world")


@pytest.mark.parametrize("name, body", [("http10", b"old"), ("http10-length", b"old")])
def test_an_upstream_may_speak_http_1_0(client, name, body):
    answer = client.ask(request("GET", "/", {"x-answer": name}))
    assert (answer.status, answer.body, answer.minor) == (200, body, 1)


# The silent second try


def test_a_reused_connection_that_died_is_not_the_clients_trouble(client, node):
    """The upstream closes instead of answering, on a connection that had served before: GET is sent once more."""
    assert client.ask(request("GET", "/first")).status == 200
    node.then(close)
    assert client.ask(request("GET", "/second")).status == 200
    seen = node.wait(3)
    assert [one.target for one in seen] == ["/first", "/second", "/second"]
    assert seen[2].connection != seen[1].connection


def test_an_upstream_that_closed_its_idle_connection_is_not_the_clients_trouble(client, node):
    assert client.ask(request("GET", "/first")).status == 200
    node.close_idle()
    assert client.ask(request("POST", "/second", body=b"once")).status == 200
    assert [one.target for one in node.wait(2)] == ["/first", "/second"]


def test_the_second_try_is_made_once(client, node):
    assert client.ask(request("GET", "/first")).status == 200
    node.then(close, close)
    assert client.ask(request("GET", "/second")).status == 503
    assert [one.target for one in node.seen] == ["/first", "/second", "/second"]


def test_a_request_that_must_not_be_repeated_is_not(client, node):
    assert client.ask(request("GET", "/first")).status == 200
    node.then(close)
    assert client.ask(request("POST", "/second", body=b"pay")).status == 503
    assert [one.target for one in node.seen] == ["/first", "/second"]


def test_a_fresh_connection_gets_no_second_try(mesh, node):
    node.close_idle()
    wait_for(lambda: fetch(mesh.front, target="/wake").status == 200, "answer after the upstream closed")
    node.close_idle()
    time.sleep(0.3)  # the pool must have noticed; otherwise its connection would count as reused
    node.reset()
    node.then(close)
    assert fetch(mesh.front, target="/once").status == 503
    assert [one.target for one in node.seen] == ["/once"]


def test_a_hanging_upstream_blocks_only_its_own_client(mesh, client, node):
    node.then(hang)
    client.send(request("GET", "/hang"))
    node.wait(1)
    assert fetch(mesh.front, target="/other").status == 200
    client.stream.seconds = 0.2
    with pytest.raises(TimedOut):
        client.answer()


def test_two_hundred_clients_at_once_are_all_served(mesh, node):
    clients = [Client(mesh.front) for _ in range(200)]
    try:
        for number, one in enumerate(clients):
            one.send(request("GET", f"/{number}"))
        assert all(f'"/{number}"'.encode() in one.answer().body for number, one in enumerate(clients))
    finally:
        for one in clients:
            one.socket.close()


def test_every_scripted_answer_leaves_the_connection_usable(client):
    """Whatever an upstream may rightly send, the client's connection is in step afterwards."""
    for name in BEHAVIOURS:
        if name not in ("close", "reset", "reset-mid-body", "hang"):
            client.ask(request("GET", "/", {"x-answer": name}))
            assert client.ask(request("GET", f"/after-{name}")).body.count(f"/after-{name}".encode()) == 1


def test_a_cut_answer_is_not_taken_for_a_whole_one_by_an_old_client(client, node):
    """Where the end of the connection is the end of the body, only a reset says that there was more (RFC 9112 6.3)."""
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    node.then(raw(head + b"4\r\nhalf\r\n", close=True))
    client.send(request("GET", "/", version="HTTP/1.0"))
    with pytest.raises(ConnectionResetError):
        client.answer()
        client.rest()
