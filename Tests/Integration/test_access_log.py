"""The access log: AWS's default line, text and JSON formats, rotation; one line per request."""

import json
import os
import signal
import stat
from datetime import datetime, timedelta, timezone

import pytest

from mesh import LINE, definitions, free_port, gateway_route, match, wait_for
from support.http1 import Client, fetch, request
from support.upstream import hang


@pytest.fixture(scope="module")
def node(upstreams):
    return upstreams("blue")[0]


def start(launch, node, log, log_format=None, **options):
    return launch(definitions(free_port(), {"blue": node}, log=str(log), log_format=log_format, **options))


def test_the_default_line_has_awss_fifteen_fields(launch, node, log_file):
    mesh = start(launch, node, log_file)
    answer = fetch(
        mesh.front,
        "POST",
        "/path?q=1",
        {"user-agent": "probe/1.0", "x-request-id": "mine", "x-forwarded-for": "198.51.100.7"},
        b"hello",
        host="www.example.org",
    )
    (line,) = mesh.log_lines(1)
    entry = LINE.fullmatch(line)
    assert entry, line
    when = datetime.strptime(entry["time"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    assert abs(datetime.now(timezone.utc) - when) < timedelta(seconds=20)
    assert len(entry["time"]) == len("2026-11-23T18:24:52.489Z")
    assert (entry["method"], entry["path"], entry["protocol"]) == ("POST", "/path?q=1", "HTTP/1.1")
    assert (entry["code"], entry["flags"]) == ("200", "-")
    assert (entry["received"], entry["sent"]) == ("5", str(len(answer.body)))
    assert int(entry["duration"]) < 5000
    assert entry["service_time"] == answer.get("x-envoy-upstream-service-time")
    assert entry["forwarded_for"].startswith("198.51.100.7,")
    assert (entry["user_agent"], entry["request_id"]) == ("probe/1.0", "mine")
    assert entry["upstream"] == node.endpoint


def test_what_is_missing_is_a_dash(launch, node, log_file):
    mesh = start(launch, node, log_file)
    with Client(mesh.front) as client:
        client.ask(b"NONSENSE\r\n\r\n", "GET")
    (line,) = mesh.log_lines(1)
    entry = LINE.fullmatch(line)
    assert entry, line
    assert (entry["code"], entry["flags"], entry["upstream"], entry["user_agent"]) == ("400", "DPE", "-", "-")


def test_the_original_path_is_logged_not_the_rewritten_one(launch, node, log_file):
    mesh = start(launch, node, log_file, gateway_routes={"one": gateway_route(match(prefix="/chapter"))})
    fetch(mesh.front, target="/chapter/1")
    assert LINE.fullmatch(mesh.log_lines(1)[0])["path"] == "/chapter/1"


def test_there_is_one_line_for_every_request(launch, node, log_file):
    mesh = start(launch, node, log_file)
    with Client(mesh.front) as client:
        for number in range(2000):
            client.ask(request("GET", f"/{number}"))
    lines = mesh.log_lines(2000, 15)
    assert [LINE.fullmatch(line)["path"] for line in lines] == [f"/{number}" for number in range(2000)]


def test_a_client_that_goes_away_is_logged_with_code_0(launch, node, log_file):
    mesh = start(launch, node, log_file)
    node.reset()
    node.then(hang)
    with Client(mesh.front) as client:
        client.send(request("GET", "/gone"))
        node.wait(1)
        client.reset()
    entry = LINE.fullmatch(mesh.log_lines(1)[0])
    assert (entry["code"], entry["flags"]) == ("0", "DC")


def test_a_text_format_is_written_as_it_stands(launch, node, log_file):
    text = "code=%RESPONSE_CODE% m=%REQ(:METHOD)% a=%REQ(X-A?X-B):4% none=%REQ(X-NONE)% p=%PROTOCOL% 100%%\n"
    mesh = start(launch, node, log_file, {"text": text})
    fetch(mesh.front, headers={"x-b": "abcdefgh"})
    assert mesh.log_lines(1) == ["code=200 m=GET a=abcd none=- p=HTTP/1.1 100%"]


def test_a_json_format_is_one_valid_object_a_line(launch, node, log_file):
    fields = {
        "code": "%RESPONSE_CODE%",
        "path": "%REQ(:PATH)%",
        "none": "%REQ(X-NONE)%",
        "mixed": "c%RESPONSE_CODE%",
        "evil": "%REQ(X-EVIL)%",
        "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
        "start": "%START_TIME(%Y)%",
    }
    mesh = start(launch, node, log_file, {"json": [{"key": key, "value": value} for key, value in fields.items()]})
    fetch(mesh.front, target="/j", headers={"x-evil": 'a"b\\c\td'})
    entry = json.loads(mesh.log_lines(1)[0])
    assert entry == {
        "code": 200,
        "path": "/j",
        "none": None,
        "mixed": "c200",
        "evil": 'a"b\\c\td',
        "attempts": 1,
        "start": str(datetime.now(timezone.utc).year),
    }


def test_a_header_cannot_forge_a_line(launch, node, log_file):
    mesh = start(launch, node, log_file)
    fetch(mesh.front, headers={"user-agent": 'a" "b" "c'})
    assert len(mesh.log_lines(1)) == 1


def test_sigusr1_opens_the_log_anew(launch, node, log_file):
    mesh = start(launch, node, log_file)
    fetch(mesh.front, target="/before")
    mesh.log_lines(1)
    rotated = log_file.with_suffix(".1")
    log_file.rename(rotated)
    mesh.trellis.signal(signal.SIGUSR1)
    wait_for(log_file.exists, "new access log")
    fetch(mesh.front, target="/after")
    assert "/after" in mesh.log_lines(1)[0]
    assert "/after" not in rotated.read_text()


def test_a_log_that_cannot_be_written_is_a_warning_not_an_end(launch, node, tmp_path):
    locked = tmp_path / "file-not-folder"
    locked.write_text("")
    locked.chmod(stat.S_IRUSR)
    mesh = start(launch, node, locked / "access.log")
    assert fetch(mesh.front).status == 200
    assert "access.log" in mesh.trellis.tail(50)


def test_the_command_line_can_log_everything_to_one_file(launch, node, tmp_path):
    path = tmp_path / "all.log"
    mesh = launch(definitions(free_port(), {"blue": node}), "--access-log", str(path))
    fetch(mesh.front, target="/all")
    wait_for(lambda: path.exists() and "/all" in path.read_text(), "line in the log of the command line")


def test_two_proxies_share_a_log_without_mixing_lines(launch, node, log_file):
    spec = definitions(free_port(), {"blue": {"instances": [{"app": node.endpoint}]}}, log=str(log_file))
    spec["virtualNodes"]["blue"]["logging"] = {"accessLog": {"file": {"path": str(log_file)}}}
    mesh = launch(spec)
    with Client(mesh.front) as client:
        for number in range(200):
            client.ask(request("GET", f"/{number}"))
    lines = mesh.log_lines(400, 10)
    assert len(lines) == 400 and all(LINE.fullmatch(line) for line in lines)
    assert os.path.getsize(log_file) == sum(len(line) + 1 for line in lines)
