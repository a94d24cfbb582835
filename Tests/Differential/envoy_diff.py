#!/usr/bin/env python3
"""Runs one set of definitions on real Envoy and on Trellis, sends both the same requests and compares the outcome.

Compared: status and reason, answer headers as a multiset, body, trailers, whether the connection lives on; every
request that reached an upstream (node, request line, headers as a multiset, body, trailers), so also how often;
and code and response flags in the access logs. Left out: times and generated ids, of which only the presence counts.
A difference is either in `differences.py`, with its reason, or the run fails.

  envoy_diff.py                 compare, print a table
  envoy_diff.py --envoy-only    show what Envoy does; needs no Trellis
"""

import argparse
import json
import pathlib
import re
import sys
import tempfile
import time
import urllib.request
from collections import Counter, defaultdict
from dataclasses import dataclass, field

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1]), str(pathlib.Path(__file__).resolve().parent)]

from cases import CASES, Case
from differences import ALLOWED, Allowed
from support.http1 import Answer, Client, Closed, Malformed, TimedOut
from support.processes import Failed, Program, free_ports, programs
from support.programs import Missing, need, need_module, version
from support.trellis import Trellis, not_in_force
from support.upstream import Seen, Upstream
from to_envoy import LOG_FIELDS, Translation

MESHES = ["gateway", "egress"]
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SILENCE = 0.15


@dataclass
class Observed:
    """What one proxy made of one case. Keys of `facts` are the aspects that allowances name."""

    facts: dict[str, object] = field(default_factory=dict)
    port: int = 0


@dataclass
class Difference:
    case: str
    aspect: str
    envoy: object
    trellis: object
    allowed: Allowed | None


class World:
    """Upstreams for the nodes, and the definitions with their ports and endpoints filled in."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.blue, self.green = Upstream("blue"), Upstream("green")
        self.upstreams = [self.blue, self.green]
        # Nothing listens here for as long as the run lasts, as far as that can be known.
        self.dead = free_ports(1)[0]

    def mesh(self, name: str, log: str) -> dict:
        yaml = need_module("yaml", "PyYAML")
        mesh = yaml.safe_load((pathlib.Path(__file__).parent / "meshes" / f"{name}.yaml").read_text())
        form = {"json": [{"key": key, "value": value} for key, value in LOG_FIELDS.items()]}
        logging = {"accessLog": {"file": {"path": log, "format": form}}}
        nodes = {}
        for node, spec in mesh["virtualNodes"].items():
            endpoint = {"blue": self.blue.endpoint, "green": self.green.endpoint, "dead": f"127.0.0.1:{self.dead}"}.get(
                node
            )
            nodes[node] = {"endpoints": [endpoint]} if endpoint else {"instances": [{"app": self.blue.endpoint}]}
            if not endpoint:
                spec["logging"] = logging
        for gateway in mesh.get("virtualGateways", {}).values():
            gateway["listeners"][0]["portMapping"]["port"] = free_ports(1)[0]
            gateway["logging"] = logging
        mesh["local"] = {"nodes": nodes}
        return mesh

    def reset(self) -> None:
        for upstream in self.upstreams:
            upstream.reset()

    def stop(self) -> None:
        for upstream in self.upstreams:
            upstream.stop()


class Side:
    """One proxy with one mesh. `entries` reads what its access log gained since the last call."""

    name = ""

    def __init__(self, world: World, mesh: str):
        self.folder = world.folder / f"{self.name}-{mesh}"
        self.folder.mkdir()
        self.log = self.folder / "access.log"
        self.mesh = world.mesh(mesh, str(self.log))
        self.read = 0
        self.ports: set[int] = set()

    def entries(self) -> list[dict]:
        """Complete entries that the log gained since the last call."""
        if not self.log.exists():
            return []
        with open(self.log, "rb") as file:
            file.seek(self.read)
            data = file.read()
        data = data[: data.rfind(b"\n") + 1]
        self.read += len(data)
        return [json.loads(line) for line in data.decode("utf-8", "replace").splitlines()]

    def connect(self, seconds: float) -> Client:
        """A connection from a port that no case had before: log entries are told apart by it."""
        while True:
            client = Client(self.address, seconds)
            port = client.socket.getsockname()[1]
            if port not in self.ports:
                self.ports.add(port)
                return client
            client.socket.close()

    def entries_of_case(self, port: int, answered: bool) -> list[dict] | None:
        """The entries of the case that has just ended, or None if they are collected at the end."""
        raise NotImplementedError


class EnvoySide(Side):
    name = "envoy"

    def __init__(self, world: World, mesh: str):
        super().__init__(world, mesh)
        names = [("gateway", name) for name in self.mesh.get("virtualGateways", {})]
        names += [("service", name) for name in self.mesh["virtualServices"]]
        names += [("egress", name) for name in self.mesh["virtualNodes"]]
        ports = dict(zip(names, free_ports(len(names))))
        config = self.folder / "envoy.json"
        translation = Translation(self.mesh, ports, str(self.log))
        config.write_text(json.dumps(translation.bootstrap(), indent=1))
        entry = next((key for key in names if key[0] == "gateway"), None) or ("egress", translation.egress_nodes()[0])
        self.address = ("127.0.0.1", ports[entry])
        self.admin = self.folder / "admin"
        self.program = self.program_of(self.folder, config)

    @staticmethod
    def program_of(folder: pathlib.Path, config: pathlib.Path) -> Program:
        """Envoy with one worker, its log written every 10 ms; the file `admin` in the folder gets its admin address."""
        command = [need("envoy"), "-c", str(config), "--concurrency", "1", "--disable-hot-restart", "-l", "warning"]
        command += ["--file-flush-interval-msec", "10", "--admin-address-path", str(folder / "admin")]
        return Program("envoy", command, folder / "output")

    @staticmethod
    def wait_for(program: Program, admin: pathlib.Path) -> None:
        def live() -> bool:
            try:
                with urllib.request.urlopen(f"http://{admin.read_text()}/ready", timeout=1) as answer:
                    return answer.status == 200
            except (OSError, ValueError):
                return False

        program.wait_until(live, 20)

    def wait(self) -> None:
        self.wait_for(self.program, self.admin)

    def entries_of_case(self, port: int, answered: bool) -> list[dict] | None:
        # The log is written every 10 ms. What the second stage logs meanwhile belongs to the case.
        deadline = time.monotonic() + (1.5 if answered else 0.3)
        found: list[dict] = []
        while not any(one["stage"] == "first" for one in found) and time.monotonic() < deadline:
            time.sleep(0.01)
            found += [one for one in self.entries() if one["stage"] == "second" or int(one["port"]) == port]
        time.sleep(0.04)
        return found + [one for one in self.entries() if one["stage"] == "second" or int(one["port"]) == port]


class TrellisSide(Side):
    name = "trellis"

    def __init__(self, world: World, mesh: str):
        super().__init__(world, mesh)
        definitions = self.folder / "mesh.json"
        definitions.write_text(json.dumps(self.mesh, indent=1))
        self.program = Trellis([definitions], self.folder, ["--workers", "1"], wait=False)

    def wait(self) -> None:
        self.program.wait_ready()
        for gateway in self.mesh.get("virtualGateways", {}).values():
            self.address = ("127.0.0.1", gateway["listeners"][0]["portMapping"]["port"])
            return
        self.address = self.program.address(proxy="egress/client#0", direction="egress", port="15001")

    def entries_of_case(self, port: int, answered: bool) -> list[dict] | None:
        return None

    def entries_by_port(self) -> dict[int, list[dict]]:
        """All entries by the client's port, which is different for every case, once the log has come to rest."""
        found, quiet = defaultdict(list), time.monotonic()
        while time.monotonic() - quiet < 2.5:
            for entry in self.entries():
                found[int(entry["port"])].append(entry)
                quiet = time.monotonic()
            time.sleep(0.05)
        return found


def observe(side: Side, case: Case, world: World) -> Observed:
    world.reset()
    observed = Observed()
    with side.connect(case.seconds) as client:
        observed.port = client.socket.getsockname()[1]
        try:
            client.send(case.data)
            if case.half_close:
                client.half_close()
        except ConnectionError:
            pass  # a proxy may refuse before it has read everything; its answer is still there to be read
        if case.raw:
            describe_raw(observed, client)
        else:
            describe_answer(observed, "answer", client, case.method)
        # The connection stays open until the log is read: that a client goes away is not part of the case.
        entries = side.entries_of_case(observed.port, observed.facts.get("answer") != "none")
    if entries is not None:
        describe_log(observed, entries)
    describe_requests(observed, world)
    return observed


def describe_answer(observed: Observed, prefix: str, client: Client, method: str) -> Answer | None:
    facts = observed.facts
    try:
        answer = client.answer(method)
    except (Closed, TimedOut, Malformed, ConnectionError) as error:
        got = getattr(error, "got", b"")
        facts[prefix] = "none" if not got else f"incomplete: {got[:60]!r}"
        facts[f"{prefix} end"] = type(error).__name__
        return None
    facts[prefix] = answer.status
    facts[f"{prefix} reason"] = answer.reason
    facts[f"{prefix} version"] = answer.minor
    facts[f"{prefix} interim"] = answer.informational
    facts[f"{prefix} body"] = digest(answer.body)
    facts[f"{prefix} framing"] = answer.framing
    facts[f"{prefix} keeps alive"] = answer.keeps_alive
    if answer.trailers:
        facts[f"{prefix} trailers"] = sorted(answer.trailers)
    add_headers(facts, f"{prefix} header", answer.headers)
    return answer


def describe_raw(observed: Observed, client: Client) -> None:
    """The first answer in full, of further ones the status: pipelined bytes are answered one after the other."""
    client.stream.seconds = 2.0
    answer = describe_answer(observed, "answer", client, "GET")
    further = []
    client.stream.seconds = SILENCE
    while answer and answer.keeps_alive:
        try:
            answer = client.answer()
            further.append(answer.status)
        except (Closed, TimedOut, Malformed, ConnectionError):
            break
    observed.facts["further answers"] = further


def describe_log(observed: Observed, entries: list[dict]) -> None:
    """Flags come from the stage that saw the fault: the first's own, or else the second's."""
    entries = [{key: None if value == "-" else value for key, value in entry.items()} for entry in entries]
    first = [entry for entry in entries if entry.get("stage") != "second"]
    second = [entry for entry in entries if entry.get("stage") == "second"]
    observed.facts["log entries"] = len(first)
    if not first:
        return
    flags = first[0].get("flags") or (second[0].get("flags") if second else None) or ""
    observed.facts["log flags"] = sorted(flag for flag in flags.split(",") if flag)
    observed.facts["log code"] = int(first[0].get("code") or 0)
    for key in ("method", "path", "protocol"):
        observed.facts[f"log {key}"] = first[0].get(key)


def describe_requests(observed: Observed, world: World) -> None:
    seen = sorted((one.at, upstream.name, one) for upstream in world.upstreams for one in upstream.seen)
    observed.facts["upstream requests"] = len(seen)
    for number, (_, node, one) in enumerate(seen):
        # Attempts repeat the first one; only what can differ between them is kept.
        describe_request(observed.facts, "request" if number == 0 else f"request {number + 1}", node, one)


def describe_request(facts: dict[str, object], prefix: str, node: str, seen: Seen) -> None:
    facts[f"{prefix} node"] = node
    facts[f"{prefix} line"] = f"{seen.method} {seen.target} {seen.version}"
    facts[f"{prefix} body"] = digest(seen.body)
    facts[f"{prefix} framing"] = seen.framing
    if seen.trailers:
        facts[f"{prefix} trailers"] = sorted(seen.trailers)
    # From the second attempt on, what is left of the timeout depends on random back-off.
    left = "x-envoy-expected-rq-timeout-ms"
    headers = [(name, "<left>" if name == left and prefix != "request" else value) for name, value in seen.headers]
    add_headers(facts, f"{prefix} header", headers)


def add_headers(facts: dict[str, object], prefix: str, headers: list[tuple[str, str]]) -> None:
    for name in {name for name, _ in headers}:
        facts[f"{prefix} {name}"] = sorted(settled(name, value) for key, value in headers if key == name)


def settled(name: str, value: str) -> str:
    """The value without what no two runs share: times, generated ids, the address of the peer."""
    if name == "date" and not value.endswith("2024 00:00:00 GMT"):
        return "<now>"
    if name == "x-request-id" and UUID.fullmatch(value):
        return "<id>"
    if name == "x-envoy-upstream-service-time":
        return "<ms>"
    if name == "x-envoy-expected-rq-timeout-ms" and value.isdigit():
        return str(round(int(value) / 100) * 100)
    if name in ("x-forwarded-for", "x-envoy-external-address"):
        # Clients claim addresses of 198.51.100.0/24 only; the rest is the true peer, which Envoy names differently.
        return ",".join(
            part if part.startswith("198.51.100.") else "<peer>" for part in map(str.strip, value.split(","))
        )
    return value


def digest(body: bytes) -> str:
    text = body.decode("latin-1")
    return text if len(text) <= 200 else f"{text[:60]}… {len(text)} bytes, checksum {sum(body) % 99991}"


def compare(case: Case, envoy: Observed, trellis: Observed, missing: set[str]) -> list[Difference]:
    """`missing` is what our binary says is not in force yet; some differences are allowed until it is."""
    found = []
    for aspect in sorted(set(envoy.facts) | set(trellis.facts)):
        ours, theirs = trellis.facts.get(aspect), envoy.facts.get(aspect)
        if ours != theirs:
            allowed = next((rule for rule in ALLOWED if rule.covers(case.name, aspect, ours, missing)), None)
            found.append(Difference(case.name, aspect, theirs, ours, allowed))
    return found


class Run:
    """Both proxies for every mesh, started together. `case()` observes both and returns the differences."""

    def __init__(self, folder: pathlib.Path, running: list[Program], trellis: bool = True):
        self.world = World(folder)
        self.envoy: dict[str, EnvoySide] = {}
        self.trellis: dict[str, TrellisSide] = {}
        for mesh in MESHES:
            self.envoy[mesh] = EnvoySide(self.world, mesh)
            running.append(self.envoy[mesh].program)
            if trellis:
                self.trellis[mesh] = TrellisSide(self.world, mesh)
                running.append(self.trellis[mesh].program)
        for side in [*self.envoy.values(), *self.trellis.values()]:
            side.wait()

    def observe(self, cases: list[Case]) -> dict[str, tuple[Observed, Observed | None]]:
        """What Envoy and, if it takes part, Trellis made of each case, by its name."""
        made: dict[str, tuple[Observed, Observed | None]] = {}
        for case in cases:
            sides = [self.envoy[case.mesh], *([self.trellis[case.mesh]] if self.trellis else [])]
            observed = [observe(side, case, self.world) for side in sides]
            for side in sides:
                if not side.program.running:
                    raise Failed(f"{side.name} ended during the case {case.name!r}:\n{side.program.tail()}")
            made[case.name] = (observed[0], observed[1] if len(observed) > 1 else None)
        logs = {mesh: side.entries_by_port() for mesh, side in self.trellis.items()}
        for case in cases:
            if trellis := made[case.name][1]:
                describe_log(trellis, logs[case.mesh][trellis.port])
        return made

    def stop(self) -> None:
        self.world.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--envoy-only", action="store_true")
    parser.add_argument("--only", default="", help="a regular expression for the names of cases")
    parser.add_argument("--json", type=pathlib.Path, help="write every observation to this file")
    parser.add_argument("--allowed", action="store_true", help="print the allowed differences too")
    chosen = parser.parse_args()
    cases = [case for case in CASES if re.search(chosen.only, case.name)]
    missing = set() if chosen.envoy_only else not_in_force()
    left_out = [case for case in cases if case.needs in missing]
    cases = [case for case in cases if case.needs not in missing]
    with tempfile.TemporaryDirectory(prefix="envoy-diff-") as folder, programs() as running:
        try:
            run = Run(pathlib.Path(folder), running, trellis=not chosen.envoy_only)
            try:
                observed = run.observe(cases)
            finally:
                run.stop()
        except (Failed, Missing) as error:
            print(f"envoy_diff: {error}", file=sys.stderr)
            return 1
    if chosen.json:
        facts = {name: [one.facts for one in both if one] for name, both in observed.items()}
        chosen.json.write_text(json.dumps(facts, indent=1))
    print(f"* {version('envoy', need('envoy'))}")
    if chosen.envoy_only:
        statuses = Counter(str(envoy.facts["answer"]) for envoy, _ in observed.values())
        print(f"* {len(cases)} cases; answers: {dict(sorted(statuses.items()))}")
        return 0
    for case in left_out:
        print(f"* LEFT OUT {case.name}: {case.needs} are not in force yet")
    print(f"* left out: {len(left_out)}")
    differences = [
        one for case in cases if observed[case.name][1] for one in compare(case, *observed[case.name], missing)
    ]
    return report(cases, differences, chosen.allowed, complete=not chosen.only)


def report(cases: list[Case], differences: list[Difference], show_allowed: bool, complete: bool) -> int:
    unexplained = [one for one in differences if not one.allowed]
    touched = {one.case for one in differences}
    print(f"* {version('trellis', need('trellis'))}")
    print(
        f"* {len(cases)} cases: {len(cases) - len(touched)} identical, "
        f"{len(touched - {one.case for one in unexplained})} with allowed differences only, "
        f"{len({one.case for one in unexplained})} with unexplained ones"
    )
    for title, rows in (
        ("Unexplained", unexplained),
        ("Allowed", [one for one in differences if one.allowed] if show_allowed else []),
    ):
        if rows:
            print(f"\n{title}:\n\n| case | aspect | Envoy | Trellis | reason |\n|---|---|---|---|---|")
        for one in rows:
            print(
                f"| {one.case} | {one.aspect} | {one.envoy!r} | {one.trellis!r} | "
                f"{one.allowed.reason if one.allowed else ''} |"
            )
    unused = [rule for rule in ALLOWED if not any(one.allowed is rule for one in differences)] if complete else []
    for rule in unused:
        print(f"* allowance that no case needed: {rule.case} / {rule.aspect}: {rule.reason}")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
