"""The public examples run with built-in workloads: each loads by its list, and each of its services answers a request.

Run as a program it prints the table: per example what loaded, what was skipped and why, and what a request through each
service gave.  `python Tests/Integration/test_corpus.py`
"""

import contextlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "Tests"), str(REPOSITORY / "Tests" / "Integration")]

from mesh import address_base
from support.http1 import fetch
from support.programs import need
from support.trellis import Trellis
from support.watch import table

CORPUS = REPOSITORY.parent / "shared" / "corpus"
LISTS = sorted((REPOSITORY / "Tests" / "DefinitionFilesTests" / "corpus").glob("*.yaml"))
# Services whose protocol is not built yet; that the findings say so is part of the test.
UNSERVED = re.compile(r"(?P<protocol>tcp|http2|grpc) is not built yet")


def findings_of(example: pathlib.Path) -> list[dict]:
    command = [need("trellis"), "validate", str(example), "--var", f"CORPUS={CORPUS}", "--allow-unenforced", "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return json.loads(done.stdout)["findings"]


class Running:
    """One example with its own loopback range and unprivileged ports."""

    def __init__(self, example: pathlib.Path, folder: pathlib.Path):
        options = ["--var", f"CORPUS={CORPUS}", "--allow-unenforced", "--address-base", address_base()]
        self.mesh = Trellis([example], folder, options, seconds=30)
        status, text = self.mesh.get("/v1/status")
        assert status == 200
        self.status = json.loads(text)["mesh"]

    def services(self) -> list[dict]:
        return self.status["services"]

    def ask(self, service: dict) -> tuple[str, str]:
        """How the service was called, and the node that answered; the status and flags where none did."""
        name = service["name"]
        path = path_for(service)
        calls = [one for one in self.mesh.listeners(direction="egress") if one["purpose"].endswith(f" to {name}")]
        gateways = [one for one in self.mesh.listeners(role="gateway") if name in one["purpose"]]
        if calls:
            target, host, via = path, name, calls[0]["proxy"].split("/")[-1]
        elif gateways:
            target, host, via = self.gateway_prefix(name) + path, gateways[0]["actual"], gateways[0]["proxy"]
        else:
            return "", "no client declares it"
        address, _, port = (calls or gateways)[0]["actual"].rpartition(":")
        answer = fetch((address, int(port)), target=target, host=host)
        node = answer.get("x-trellis-workload")
        return f"{via} {target}", node if answer.status == 200 and node else f"{answer.status}"

    def gateway_prefix(self, service: str) -> str:
        """What a client adds in front of the path, which the gateway's default rewrite takes away again."""
        _, text = self.mesh.get("/v1/snapshot")
        for route in gateway_routes(json.loads(text)):
            if route["service"] == service:
                return route["prefix"].rstrip("/")
        return ""


def gateway_routes(snapshot: dict) -> list[dict]:
    found = []

    def walk(value: object) -> None:
        if isinstance(value, dict):
            action = value.get("action")
            if isinstance(action, dict) and "delegate" in action:
                path = value.get("match", {}).get("path", {})
                found.append({"service": action["delegate"]["virtualHost"], "prefix": path.get("prefix", "/")})
            for part in value.values():
                walk(part)
        elif isinstance(value, list):
            for part in value:
                walk(part)

    walk(snapshot)
    return found


def path_for(service: dict) -> str:
    """A path that the service's least demanding route takes."""
    routes = sorted(service["routes"], key=lambda route: len(json.dumps(route["match"])))
    path = routes[0]["match"].get("path", {}) if routes else {}
    return path.get("prefix") or path.get("exact") or "/"


@pytest.fixture
def running(tmp_path, trellis_binary):
    with contextlib.ExitStack() as stack:

        def start(example: pathlib.Path) -> Running:
            made = Running(example, tmp_path)
            stack.callback(made.mesh.stop)
            return made

        yield start


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the public examples are not beside the project")
@pytest.mark.parametrize("example", LISTS, ids=lambda path: path.stem)
def test_each_service_of_a_public_example_answers(running, example):
    findings = findings_of(example)
    assert not [one for one in findings if one["severity"] == "error"], findings
    run = running(example)
    unserved = {found["protocol"] for one in findings if (found := UNSERVED.search(one["message"]))}
    asked = {service["name"]: run.ask(service) for service in run.services()}
    nodes = {node["name"].split("/")[-1] for node in run.status["nodes"]}
    for name, (_, node) in asked.items():
        assert node in nodes, f"{name}: {node}"
    assert asked or unserved, "an example without a service that answers, and no word why"


def report() -> None:
    rows = []
    for example in LISTS:
        findings = findings_of(example)
        skipped = [one["message"] for one in findings if one["code"].startswith("skipped-")]
        later = sorted({one["message"].split(" are understood")[0] for one in findings if "understood" in one["message"]})
        unserved = sorted({found[0] for one in findings if (found := UNSERVED.search(one["message"]))})
        protections = sorted({one["code"] for one in findings if one["code"] == "unenforced-protection"})
        with tempfile.TemporaryDirectory() as folder:
            run = Running(example, pathlib.Path(folder))
            try:
                serves = f"{len(run.status['services'])} services, {len(run.status['nodes'])} nodes"
                asked = "; ".join(
                    f"{service['name']}: {' → '.join(filter(None, run.ask(service)))}" for service in run.services()
                )
            finally:
                run.mesh.stop()
        left_out = "; ".join([*skipped, *unserved, *later, *protections]) or "nothing"
        rows.append([example.stem, serves, left_out, asked or "none served"])
    print(table(["example", "serves", "skipped or not in force", "one request through each service"], rows))


if __name__ == "__main__":
    report()
