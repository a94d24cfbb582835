"""Starts `trellis run … -o json`, reads what it says about itself, and waits until its admin address says ready.

With `-o json` the first JSON value on standard output describes the process: `admin` is its admin address and
`listeners` has one object per open socket: `proxy`, `role`, `direction`, `listener`, `port` and the `actual` address.
"""

import json
import pathlib
import subprocess
import tempfile
import urllib.error
import urllib.request

from .processes import Failed, Program
from .programs import need

# A mesh that uses everything whose effect a test may ask for; `validate` says which of it is not yet in force.
EVERYTHING = {
    "mesh": "probe",
    "virtualNodes": {
        "node": {
            "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}],
            "serviceDiscovery": {"dns": {"hostname": "node.probe"}},
        }
    },
    "virtualRouters": {
        "router": {
            "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}],
            "routes": {
                "route": {
                    "httpRoute": {
                        "match": {"prefix": "/"},
                        "action": {"weightedTargets": [{"virtualNode": "node", "weight": 1}]},
                        "retryPolicy": {
                            "maxRetries": 1,
                            "perRetryTimeout": {"unit": "s", "value": 1},
                            "httpRetryEvents": ["server-error"],
                        },
                    }
                }
            },
        }
    },
    "virtualServices": {"service.probe": {"provider": {"virtualRouter": {"virtualRouterName": "router"}}}},
    "virtualGateways": {
        "front": {
            "listeners": [
                {"portMapping": {"port": 8081, "protocol": "http"}, "connectionPool": {"http": {"maxConnections": 1}}}
            ],
            "gatewayRoutes": {
                "all": {
                    "httpRoute": {
                        "match": {"prefix": "/"},
                        "action": {"target": {"virtualService": {"virtualServiceName": "service.probe"}}},
                    }
                }
            },
        }
    },
}


def not_in_force() -> set[str]:
    """What the binary understands and does not yet do, in the words of its own findings, such as `retry policies`."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(json.dumps(EVERYTHING))
        file.flush()
        done = subprocess.run([need("trellis"), "validate", file.name, "-o", "json"], capture_output=True, text=True)
    findings = json.loads(done.stdout)["findings"]
    if errors := [one["message"] for one in findings if one["severity"] == "error"]:
        raise Failed(f"the probing mesh is not valid: {errors}")
    return {
        one["message"].removesuffix(" are understood and not yet in force")
        for one in findings
        if one["code"] == "not-in-force"
    }


class Trellis(Program):
    """A running mesh. `description` is the JSON document, `admin` the process's admin address."""

    def __init__(
        self,
        paths: list[pathlib.Path],
        folder: pathlib.Path,
        options: list[str] | None = None,
        core: int | None = None,
        wait: bool = True,
        seconds: float = 15,
        environment: dict[str, str] | None = None,
    ):
        folder.mkdir(parents=True, exist_ok=True)
        self.said = folder / "trellis.stdout"
        command = [need("trellis"), "run", *map(str, paths), "--admin", "127.0.0.1:0", "-o", "json", *(options or [])]
        super().__init__(
            "trellis", command, folder / "trellis.stderr", core, environment, stdout=self.said, directory=folder
        )
        self.description: dict = {}
        self.admin = ""
        if wait:
            try:
                self.wait_ready(seconds)
            except BaseException:
                self.stop()
                raise

    def wait_ready(self, seconds: float = 15) -> None:
        self.wait_until(self._described, seconds, "described on standard output")
        self.wait_until(self._ready, seconds, "ready")

    def listeners(self, **wanted: str) -> list[dict]:
        """The listeners whose fields have the wanted values, in the order of the description."""
        found = [
            one
            for one in self.description.get("listeners", [])
            if all(str(one.get(key)) == value for key, value in wanted.items())
        ]
        return found

    def address(self, **wanted: str) -> tuple[str, int]:
        """Address and port of the only listener with the wanted field values."""
        found = self.listeners(**wanted)
        if len(found) != 1:
            raise Failed(f"{len(found)} listeners have {wanted}; all: {self.description.get('listeners')}")
        host, _, port = found[0]["actual"].rpartition(":")
        return host.strip("[]"), int(port)

    def get(self, path: str, method: str = "GET") -> tuple[int, str]:
        """Status and body of one admin request."""
        request = urllib.request.Request(f"http://{self.admin}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def _described(self) -> bool:
        text = self.said.read_text(errors="replace").lstrip()
        try:
            document, _ = json.JSONDecoder().raw_decode(text)
        except ValueError:
            return False
        if not isinstance(document, dict) or not document.get("admin"):
            raise Failed(f"trellis run -o json described itself without an admin address: {document}")
        self.description, self.admin = document, str(document["admin"]).removeprefix("http://").rstrip("/")
        return True

    def _ready(self) -> bool:
        try:
            return self.get("/ready")[0] == 200
        except OSError:
            return False
