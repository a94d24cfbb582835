"""Statistics have Envoy's names: real Envoy and Trellis run the same definitions and answer the same requests.

`/stats/prometheus` is given to promtool, which must be able to read all of it. Every metric of a proxy exists in Envoy by
the same name and with the same type, and every line of a proxy's `/stats` by the same name; what is Trellis's own, or
cannot be in a single Envoy, is listed with its reason.
"""

import json
import pathlib
import re
import subprocess
import urllib.request

import pytest

from envoy_diff import EnvoySide
from support.http1 import Client, request
from support.processes import free_ports, programs
from support.programs import Missing, need
from support.trellis import Trellis
from support.upstream import Upstream
from test_log_operators import mesh
from to_envoy import Translation

# Names of metrics and statistics that this Envoy does not have.
OWN = {
    r"cluster\.cds_ingress_.*|http\.ingress\..*|listener\..*_8080\..*": "only the egress is translated for Envoy",
    r"cluster\..*\.upstream_rq_([1-5]xx|time|\d{3})": "Envoy makes them with the first answer of their kind",
    r"(envoy_cluster_|cluster\..*\.)(health_check|outlier_detection)[._].*": "Envoy has them where they are defined",
    r"(envoy_)?access_log[._](lines|dropped)": "what became of access log lines",
    r"(envoy_)?snapshot[._](generation|update_success|update_rejected)": "definitions come from files, not from a server",
}


def is_own(name: str) -> bool:
    return any(re.fullmatch(pattern, name) for pattern in OWN)


class Pages:
    """`/stats` and `/stats/prometheus` of both proxies after the same requests."""

    def __init__(self, folder: pathlib.Path, running: list, blue: Upstream):
        log = str(folder / "access.log")
        wanted = mesh({"client": log}, {"client": {"text": "%RESPONSE_CODE%\n"}}, blue, free_ports(1)[0])
        file = folder / "mesh.json"
        file.write_text(json.dumps(wanted))
        names = [("egress", name) for name in wanted["virtualNodes"]]
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        config = folder / "envoy.json"
        config.write_text(json.dumps(Translation(wanted, ports, str(folder / "envoy.log")).bootstrap()))
        running.append(EnvoySide.program_of(folder, config))
        EnvoySide.wait_for(running[-1], folder / "admin")
        self.envoy_admin = (folder / "admin").read_text().strip()
        trellis = Trellis([file], folder / "trellis", ["--workers", "1", "--address-base", "127.231.0.0/20"])
        running.append(trellis)
        self.trellis = trellis
        # The proxy's own listener has its names without whose they are, as an Envoy beside the workload would.
        self.own_admin = trellis.listeners(proxy="admin:ops/client#0")
        for address in (("127.0.0.1", ports["egress", "client"]), trellis.address(proxy="ops/client#0", direction="egress", port="15001")):
            for target, host in (("/web", "color.test"), ("/dead", "color.test"), ("/", "nobody.test")):
                with Client(address, 5) as client:
                    client.send(request("GET", target, {}, host=host))
                    client.answer("GET")

    def envoy(self, path: str) -> str:
        with urllib.request.urlopen(f"http://{self.envoy_admin}{path}", timeout=5) as answer:
            return answer.read().decode()

    def own(self, path: str) -> str:
        (listener,) = self.own_admin
        with urllib.request.urlopen(f"http://{listener['actual']}{path}", timeout=5) as answer:
            return answer.read().decode()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    try:
        need("envoy")
        need("trellis")
    except Missing as reason:
        pytest.skip(str(reason))
    blue = Upstream("blue")
    with programs() as running:
        try:
            yield Pages(tmp_path_factory.mktemp("prometheus"), running, blue)
        finally:
            blue.stop()


def types(text: str) -> dict[str, str]:
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))


def labels(text: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, inside in re.findall(r"^([a-z_0-9]+)\{(.*)\} \S+$", text, re.M):
        found.setdefault(name, set()).update(re.findall(r'(\w+)="', inside))
    return found


@pytest.mark.parametrize("whose", ["process", "proxy"])
def test_promtool_reads_the_page(pages, whose):
    try:
        promtool = need("promtool")
    except Missing as reason:
        pytest.skip(str(reason))
    text = pages.trellis.get("/stats/prometheus")[1] if whose == "process" else pages.own("/stats/prometheus")
    assert types(text)
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, timeout=60)
    # 3: it was read, and something about style is said; Envoy's names are what they are.
    assert done.returncode in (0, 3), done.stderr
    style = ("no help text", "metric names should not contain", "use base unit", "counter metrics should have", "non-counter")
    said = [line for line in done.stderr.splitlines() if line and not any(one in line for one in style)]
    assert not said


def test_metrics_are_envoys_by_name_type_and_label(pages):
    theirs, ours = pages.envoy("/stats/prometheus"), pages.own("/stats/prometheus")
    expected, got = types(theirs), types(ours)
    unknown = sorted(name for name in got if name not in expected and not is_own(name))
    assert not unknown, "\n".join(unknown)
    common = set(expected) & set(got)
    assert len(common) > 60
    assert {name: got[name] for name in common} == {name: expected[name] for name in common}
    their_labels, our_labels = labels(theirs), labels(ours)
    differing = {
        name: (found, their_labels.get(name, set()))
        for name, found in our_labels.items()
        # Whose they are is said besides, so that the pages of several proxies go together.
        if name in their_labels and found - {"proxy"} != their_labels[name]
    }
    assert not differing


def names(text: str) -> set[str]:
    """The names of statistics, egress listeners under one address."""
    return {re.sub(r"^listener\.127\.\d+\.\d+\.\d+_(?!8080)\d+\.", "listener.egress.", one) for one in re.findall(r"^(\S+): ", text, re.M)}


def test_statistics_are_envoys_by_name(pages):
    theirs, ours = names(pages.envoy("/stats")), names(pages.own("/stats"))
    unknown = sorted(name for name in ours if name not in theirs and not is_own(name))
    assert not unknown, "\n".join(unknown)
    assert len(ours & theirs) > 100


def test_what_is_listed_as_own_exists(pages):
    found = names(pages.own("/stats")) | set(types(pages.trellis.get("/stats/prometheus")[1]))
    assert [pattern for pattern in OWN if not any(re.fullmatch(pattern, name) for name in found)] == []
