"""What a broken upstream sends: the client gets a gateway error, a cut answer or the answer; the log says which."""

import pytest

from mesh import definitions, free_port
from support.http1 import Client, fetch, request
from support.malformed import ANSWERS
from support.upstream import echo, raw

PREFIX = b"upstream connect error or disconnect/reset before headers. reset reason: "


@pytest.fixture(scope="module")
def node(upstreams):
    return upstreams("blue")[0]


@pytest.fixture(scope="module")
def mesh(launch, node, tmp_path_factory):
    log = str(tmp_path_factory.mktemp("log") / "access.log")
    return launch(definitions(free_port(), {"blue": node}, log=log), "--workers", "1")


@pytest.mark.parametrize("row", ANSWERS, ids=lambda row: row.name)
def test_outcome(mesh, node, row):
    node.reset()
    # A request that must not be repeated, so that a connection that dies is not silently tried again.
    node.then(raw(row.data, close=True), echo)
    identity = row.name.replace(" ", "-")
    with Client(mesh.front, 5) as client:
        client.send(request("POST", "/", {"x-request-id": identity}, b"once"))
        if row.outcome == "cut":
            # Up to where the upstream went wrong, and then an end that no client takes for a complete answer.
            got = client.rest()
            head, _, body = got.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            assert row.body in body or body == b"", "what came before the fault in one read may be dropped with it"
            assert not body.endswith(b"0\r\n\r\n")
        else:
            answer = client.answer("POST")
            if row.outcome == "ok":
                assert (answer.status, answer.body) == (200, row.body)
            else:
                reason = b"protocol error" if row.outcome == "502" else b"connection termination"
                assert (answer.status, answer.body) == (int(row.outcome), PREFIX + reason)
    entry = mesh.last_entry(identity)
    wanted = {"502": {"UPE"}, "503": {"UC"}, "cut": {"UPE"}, "ok": set()}[row.outcome]
    assert set(entry["flags"].split(",")) - {"-", "URX"} == wanted
    assert len(node.seen) == 1
    assert fetch(mesh.front, target="/healthy").status == 200


def test_the_table_is_large_enough_to_mean_something():
    assert len([row for row in ANSWERS if row.outcome != "ok"]) >= 30
    assert len({row.name for row in ANSWERS}) == len(ANSWERS)


def test_what_follows_an_answer_does_not_become_the_next_one(mesh, node):
    """Bytes after the end of an answer must never be given to the next request on that connection."""
    node.reset()
    poison = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison"
    node.then(raw(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" + poison))
    with Client(mesh.front) as client:
        assert client.ask(request("GET", "/first")).body == b"ok"
        assert b"/second" in client.ask(request("GET", "/second")).body
