"""One measured load on one proxy: what the load did, what the proxy spent, and how busy the client's core was.

Processor time is read from /proc before and after the load, so it includes everything the proxy does for a request
(logging, its own threads and children). The client's core carries the load program and the upstream; when it is
90 % busy the request rate says more about them than about the proxy, and is marked as not valid.
"""

import os
import pathlib
import re
import resource
import statistics
import subprocess
import time
from dataclasses import asdict, dataclass

from support.processes import Failed, Program
from support.programs import need

CLIENT_BUSY_MAX = 0.90


@dataclass
class Closed:
    """A closed-loop load: every connection sends its next request when the last answer is complete."""

    requests: int
    seconds: float
    errors: int
    cpu_us: float
    memory_bytes: int
    rps: float
    client_busy: float
    proxy_busy: float

    @property
    def rps_valid(self) -> bool:
        return self.client_busy < CLIENT_BUSY_MAX


@dataclass
class Paced:
    """A load at a given rate; latency of each request from sending it to the end of its answer."""

    rate: float
    achieved: float
    errors: int
    p50_us: float
    p99_us: float
    p999_us: float


def closed(
    proxy: Program,
    upstream: Program,
    url: str,
    connections: int,
    seconds: float,
    core: int,
    script: pathlib.Path | None = None,
) -> Closed:
    """Runs wrk with one thread on `core` and measures `proxy` meanwhile."""
    command = [
        "taskset",
        "-c",
        str(core),
        need("wrk"),
        "-t1",
        f"-c{connections}",
        f"-d{max(1, round(seconds))}s",
        "--timeout",
        "10s",
        *(["-s", str(script)] if script else []),
        url,
    ]
    spent, upstream_spent = proxy.cpu_seconds(), upstream.cpu_seconds()
    client_spent, began = _children_seconds(), time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
    elapsed, client_spent = time.monotonic() - began, _children_seconds() - client_spent
    spent, upstream_spent = proxy.cpu_seconds() - spent, upstream.cpu_seconds() - upstream_spent
    found = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m)", done.stdout)
    if done.returncode != 0 or not found or int(found[1]) == 0:
        raise Failed(f"wrk on {proxy.name} failed: {done.stdout}{done.stderr}")
    requests = int(found[1])
    lasted = float(found[2]) * {"ms": 0.001, "s": 1, "m": 60}[found[3]]
    errors = sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", done.stdout)))
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", done.stdout)
    errors += sum(map(int, sockets.groups())) if sockets else 0
    return Closed(
        requests,
        lasted,
        errors,
        spent / requests * 1e6,
        proxy.memory_bytes(),
        requests / lasted,
        (client_spent + upstream_spent) / elapsed,
        spent / elapsed,
    )


def paced(folder: pathlib.Path, url: str, connections: int, seconds: float, rate: float, core: int) -> Paced:
    """Runs h2load over HTTP/1.1 at `rate` requests per second in all.

    The connections of one h2load send in step (its `--rps` is per connection, and all begin together): with a single
    one the latency would be that of a burst of `connections` requests. Eight of them, begun one eighth of a period
    apart, keep bursts small.
    """
    groups = min(8, connections)
    period = connections / rate
    running, logs = [], []
    try:
        for number in range(groups):
            logs.append(folder / f"h2load-{number}.log")
            logs[-1].unlink(missing_ok=True)
            share = connections * (number + 1) // groups - connections * number // groups
            command = [
                "taskset",
                "-c",
                str(core),
                need("h2load"),
                "--h1",
                "-t1",
                f"-c{share}",
                "-m1",
                f"--rps={rate / connections:.4f}",
                f"-D{max(1, round(seconds))}",
                f"--log-file={logs[-1]}",
                url,
            ]
            running.append(Program(f"h2load {number}", command, folder / f"h2load-{number}.output"))
            time.sleep(period / groups)
        for program in running:
            if program.wait(seconds + 60) != 0:
                raise Failed(f"{program.name} failed: {program.tail()}")
    finally:
        for program in running:
            program.stop()
    # start (µs since epoch), status, µs until the end of the answer
    rows = [[int(field) for field in line.split("\t")[:3]] for log in logs for line in log.read_text().splitlines()]
    taken = sorted(row[2] for row in rows if row[1] == 200)
    if not taken:
        raise Failed(f"h2load had no answer: {running[0].tail()}")
    first, last = min(row[0] for row in rows), max(row[0] + row[2] for row in rows)
    return Paced(
        rate,
        len(taken) / max(1e-6, (last - first) / 1e6),
        len(rows) - len(taken),
        percentile(taken, 0.50),
        percentile(taken, 0.99),
        percentile(taken, 0.999),
    )


def percentile(ordered: list[int], share: float) -> float:
    return float(ordered[min(len(ordered) - 1, int(share * len(ordered)))])


def medians(samples: list) -> dict[str, float]:
    """The median of each number over samples of one kind."""
    return {key: statistics.median(asdict(one)[key] for one in samples) for key in asdict(samples[0])}


def machine() -> list[str]:
    """Facts about the machine that a reader needs to judge the numbers."""
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())
    return [
        f"{model[1] if model else os.uname().machine}, {os.cpu_count()} cores, "
        f"{int(memory[1]) / 1048576 if memory else 0:.1f} GiB, Linux {os.uname().release}",
        f"load average at the end {os.getloadavg()[0]:.2f}",
    ]


def cores() -> tuple[int, int]:
    """The proxy's core and the client's. Raises Failed if this process may use only one."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise Failed(f"two cores are needed, one for the proxy and one for client and upstream; allowed: {allowed}")
    return allowed[0], allowed[1]


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
