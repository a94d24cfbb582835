"""The commands that talk to a running mesh: tap, logs, status, workload."""

import json
import pathlib
import subprocess

import pytest

from mesh import definitions, free_port, gateway_route, match, route, wait_for
from support.background import background
from support.http1 import fetch
from support.processes import Program, accepts

TWO = {"blue": {"instances": [{"echo": {"body": "blue"}}]}, "green": {"instances": [{"echo": {"body": "green"}}]}}


@pytest.fixture(scope="module")
def mesh(launch, tmp_path_factory):
    log = tmp_path_factory.mktemp("log") / "mesh.log"
    routes = {"green": route({"green": 1}, {"prefix": "/green"}), "all": route({"blue": 3, "green": 0})}
    made = launch(definitions(free_port(), TWO, routes), "--access-log", str(log))
    made.log = log
    return made


@pytest.fixture
def trellis(trellis_binary, mesh):
    def run(*arguments, code=0, admin=True):
        command = [trellis_binary, *arguments, *(["--admin", mesh.trellis.admin] if admin else [])]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code == 0 else done.stderr

    return run


def tapped(trellis, mesh, ask, *arguments):
    """What `trellis tap` prints while requests are made."""
    result = []
    with background(lambda _: result.append(trellis("tap", *arguments))):
        wait_for(lambda: ask() and bool(result), "end of the tap", 15)
    return result[0]


def test_tap_shows_what_was_asked_for(trellis, mesh):
    def ask():
        fetch(mesh.front, target="/green/x?y=1", headers={"x-who": "me"})
        fetch(mesh.front, target="/green/x?y=1", headers={"x-who": "you"})
        fetch(mesh.front, target="/other", headers={"x-who": "me"})
        fetch(mesh.front, target="/green", headers={"x-who": "me", "x-trellis-status": "404"})
        return True

    conditions = ["--proxy", "front", "--route", "green", "--status", "2xx", "--flags", "-", "--path", "/green/x"]
    said = tapped(trellis, mesh, ask, "-n", "3", "-o", "json", "-H", "X-Who: me", *conditions)
    records = [json.loads(line) for line in said.splitlines()]
    assert len(records) == 3
    for record in records:
        assert (record["proxy"], record["route"], record["status"]) == ("test/front", "green", 200)
        assert record["path"] == "/green/x?y=1" and record["endpoint"] == "test/green#0"


def test_tap_is_readable(trellis, mesh):
    def ask():
        return fetch(mesh.front, headers={"x-trellis-status": "503"}).status == 503

    said = tapped(trellis, mesh, ask, "-n", "1", "--status", "503", "--node", "blue")
    assert " 503 " in said and "test/blue#0" in said and "ms" in said


@pytest.mark.parametrize(
    "arguments", [["tap", "--status", "6xx"], ["tap", "--flags", "XX"], ["logs", "-", "--status", "x"], ["tap", "-n", "0"]]
)
def test_a_wrong_condition_is_wrong_usage(trellis, arguments):
    assert "Error:" in trellis(*arguments, code=64, admin=arguments[0] == "tap")


def test_paths_are_those_that_clients_sent(trellis_binary, launch):
    gateway = {"chapter": gateway_route(match(prefix="/chapter"))}
    rewriting = launch(definitions(free_port(), {"blue": {}}, gateway_routes=gateway))
    command = [trellis_binary, "tap", "--admin", rewriting.trellis.admin, "--proxy", "front", "-o", "json", "-n", "1"]
    result = []

    def tap(_):
        done = subprocess.run([*command, "--path", "/chapter/"], capture_output=True, text=True, timeout=20, check=True)
        result.append(json.loads(done.stdout))

    with background(tap):
        wait_for(lambda: fetch(rewriting.front, target="/chapter/one").status == 200 and bool(result), "tapped record", 15)
    assert result[0]["path"] == "/chapter/one"


def test_logs_are_filtered_and_summed_up(trellis, mesh, tmp_path):
    for number in range(10):
        fetch(mesh.front, target=f"/summed/{number}", headers={"x-trellis-status": "200" if number < 8 else "500"})
    wait_for(lambda: mesh.log.read_text().count('"path":"/summed/') == 20, "records in the log", 10)
    # Other tests wrote there too.
    path = str(tmp_path / "summed.log")
    lines = [line for line in mesh.log.read_text().splitlines(True) if '"path":"/summed/' in line]
    pathlib.Path(path).write_text("".join(lines))
    failed = trellis("logs", path, "--status", "5xx", "--proxy", "front", "-o", "json", admin=False).splitlines()
    assert [json.loads(line)["status"] for line in failed] == [500, 500]
    table = trellis("logs", path, "--summary", admin=False)
    assert "80%" in table and "20%" in table and "test/blue" in table and "p99" in table
    summary = json.loads(trellis("logs", path, "--summary", "-o", "json", "--proxy", "front", admin=False))
    assert summary["total"]["count"] == 10 and summary["total"]["statuses"] == {"200": 8, "500": 2}
    assert summary["total"]["milliseconds"]["p50"] > 0 and summary["total"]["perSecond"] > 0
    assert "No such file" in trellis("logs", path + ".gone", code=1, admin=False)


def test_logs_follow_over_a_rotation(trellis_binary, mesh, tmp_path):
    log = tmp_path / "follow.log"
    line = '{{"time":"2026-01-01T00:00:0{0}Z","proxy":"p","status":20{0},"duration_ms":1}}\n'
    log.write_text(line.format(1))
    said = tmp_path / "said"
    with open(said, "wb") as out:
        process = subprocess.Popen([trellis_binary, "logs", str(log), "--follow", "-o", "json"], stdout=out)
    try:
        wait_for(lambda: said.read_text() == line.format(1), "first line", 10)
        with open(log, "a") as file:
            file.write(line.format(2)[:20])
            file.flush()
            file.write(line.format(2)[20:])
        wait_for(lambda: said.read_text() == line.format(1) + line.format(2), "appended line", 10)
        log.rename(tmp_path / "rotated")
        log.write_text(line.format(3))
        wait_for(lambda: said.read_text().endswith(line.format(3)), "line of the new file", 10)
    finally:
        process.terminate()
        process.wait(5)


def test_half_a_line_of_the_old_file_does_not_spoil_the_new_ones_first(trellis_binary, tmp_path):
    log, said = tmp_path / "half.log", tmp_path / "said"
    line = '{{"time":"2026-01-01T00:00:0{0}Z","proxy":"p","status":20{0},"duration_ms":1}}\n'
    log.write_text(line.format(1) + line.format(2)[:20])
    with open(said, "wb") as out:
        process = subprocess.Popen([trellis_binary, "logs", str(log), "--follow", "-o", "json"], stdout=out)
    try:
        wait_for(lambda: said.read_text() == line.format(1), "first line", 10)
        log.rename(tmp_path / "rotated")
        log.write_text(line.format(3))
        wait_for(lambda: said.read_text() == line.format(1) + line.format(3), "line of the new file", 10, said.read_text)
        # Emptied in place: what follows is no rest of a line either.
        log.write_text(line.format(4)[:10])
        wait_for(lambda: log.stat().st_size == 10, "short file")
        log.write_text(line.format(5) * 3)
        wait_for(lambda: said.read_text().count(line.format(5)) >= 2, "lines after emptying", 10, said.read_text)
    finally:
        process.terminate()
        process.wait(5)


def test_a_summary_shows_every_class_of_status(trellis, tmp_path):
    log = tmp_path / "classes.log"
    line = '{{"time":"2026-01-01T00:00:01Z","proxy":"p","status":{0},"duration_ms":1}}\n'
    log.write_text("".join(line.format(status) for status in (101, 204, 302, 404, 503, 0, 0, 0, 0, 0)))
    head, row = trellis("logs", str(log), "--summary", admin=False).splitlines()[:2]
    shares = dict(zip(head.split(), row.split(), strict=False))
    assert [shares[one] for one in ("1xx", "2xx", "3xx", "4xx", "5xx", "none")] == [*["10%"] * 5, "50%"]


def test_status_is_a_table_of_the_mesh(trellis, mesh):
    fetch(mesh.front)
    said = trellis("status", "--interval", "0s")
    for part in ("test/front", "gateway", f"127.0.0.1:{mesh.front[1]}", "app.test", "/green", "test/blue 100%"):
        assert part in said, said
    answer = json.loads(trellis("status", "-o", "json"))
    assert answer["mesh"]["nodes"][0]["name"] == "test/blue" and answer["mesh"]["nodes"][0]["requests"] > 0


def test_status_measures_rates(trellis, mesh):
    def traffic(running):
        while running():
            fetch(mesh.front)

    with background(traffic):
        said = trellis("status", "--interval", "500ms")
        answer = json.loads(trellis("status", "--interval", "500ms", "-o", "json"))
        totals = json.loads(trellis("status", "--interval", "0s", "-o", "json"))
    rate = next(line for line in said.splitlines() if line.startswith("test/front")).split()[5]
    assert float(rate) > 1
    front = next(one for one in answer["mesh"]["proxies"] if one["name"] == "test/front")
    assert front["requestsPerSecond"] > 1
    blue = next(one for one in answer["mesh"]["nodes"] if one["name"] == "test/blue")
    assert blue["requestsPerSecond"] > 1 and blue["instances"][0]["requestsPerSecond"] > 1
    assert "requestsPerSecond" not in json.dumps(totals)


def test_a_workload_is_changed_and_restored(trellis, mesh):
    assert "fail=1*" in trellis("workload", "blue", "--fail", "503")
    assert fetch(mesh.front).status == 503
    assert fetch(mesh.front, target="/green").status == 200
    assert "fail=0 " in trellis("workload", "blue", "--restore")
    assert fetch(mesh.front).body == b"blue\n"
    shown = json.loads(trellis("workload", "-o", "json"))["workloads"]
    assert [one["name"] for one in shown] == ["test/blue#0", "test/green#0"]
    assert "`pink`" in trellis("workload", "pink", "--fail", "1%", code=1)
    assert "delay is `soon`" in trellis("workload", "blue", "--delay", "soon", code=1)


def test_echo_has_the_settings_of_a_workload_in_the_same_notation(trellis_binary, tmp_path):
    port = free_port()
    settings = ["--name", "alone", "--fail", "418", "--slow", "1024/1ms", "--calls", "none", "--delay", "1ms"]
    program = Program("echo", [trellis_binary, "echo", "--listen", str(port), *settings], tmp_path / "echo.output")
    try:
        program.wait_until(lambda: accepts(port), 10, "listening")
        assert fetch(("127.0.0.1", port)).status == 418
        assert fetch(("127.0.0.1", port), headers={"x-trellis-fail": "0"}).body == b"alone\n"
    finally:
        program.stop()
    for wrong, said in (
        (["--fail", "often"], "--fail is `often`"),
        (["--slow", "0"], "--slow is `0`"),
        (["--body", "a", "--bytes", "1"], "exclude each other"),
        ([], "--listen"),
    ):
        listen = ["--listen", str(port)] if wrong else []
        done = subprocess.run([trellis_binary, "echo", *listen, *wrong], capture_output=True, text=True, timeout=20)
        assert done.returncode == 64 and said in done.stderr, done.stderr


def test_nobody_there_is_said_so(trellis_binary):
    done = subprocess.run(
        [trellis_binary, "status", "--admin", f"127.0.0.1:{free_port()}"], capture_output=True, text=True, timeout=20
    )
    assert done.returncode == 1 and "nobody answers there" in done.stderr


def test_a_token_is_asked_for_and_taken_from_a_file(launch, trellis_binary, tmp_path):
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    mesh = launch(definitions(free_port(), {"blue": {}}), "--admin-token-file", str(token))

    def status(*arguments):
        command = [trellis_binary, "status", "--interval", "0s", "--admin", mesh.trellis.admin, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=20)

    refused = status()
    assert refused.returncode == 1 and "bearer token" in refused.stderr
    assert status("--admin-token-file", str(token)).returncode == 0
