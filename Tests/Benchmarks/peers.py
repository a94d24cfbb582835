"""The measured proxies: each makes its own configuration for the same job, starts on one core, and can be probed.

The job: one listener; a route behind the path prefix `/api/` splits 9:1 over two upstream ports; keep-alive towards
both sides; the client's address is appended to `x-forwarded-for`; every request is written to an access log file.
Trellis and Envoy also add a request id, count statistics per upstream and bound each request by 15 s, as App Mesh has
it; nginx and HAProxy are not asked for any of that, so that the comparison is never in Trellis's favour.
Each peer has the settings that were measured to be best for it: nginx buffers that hold a 100 KiB answer, for that answer
only, and HAProxy its default ones (`tune.bufsize 65536` made every size cost more, 100 KiB a quarter).
nginx buffers its log (64 KiB, 1 s) as Trellis and Envoy do. HAProxy has no buffered file: it writes each line to its standard output, which is the log
file (cheaper than one datagram per request to a syslog socket).
"""

import json
import os
import pathlib
import resource

from support.processes import Program, accepts, free_ports
from support.programs import need, version
from support.trellis import Trellis

PEERS = ["trellis", "nginx", "haproxy", "envoy"]
IDLE_SECONDS = 600


class Peer:
    """One proxy with its configuration in `folder`. Subclasses start `self.program` and set `self.log`."""

    name = ""
    program: Program
    log: pathlib.Path

    def __init__(self, folder: pathlib.Path, core: int, upstreams: tuple[int, int], connections: int):
        folder.mkdir(parents=True)
        self.folder, self.core, self.upstreams, self.connections = folder, core, upstreams, connections
        self.port = free_ports(1)[0]
        self.path = need(self.name)
        self.version = version(self.name, self.path)

    def start(self) -> Program:
        raise NotImplementedError

    def listening(self) -> bool:
        return accepts(self.port)

    def log_lines(self) -> int:
        return self.log.read_bytes().count(b"\n") if self.log.exists() else 0


class TrellisPeer(Peer):
    """A gateway whose two virtual nodes are reached directly (`endpoints:`): one hop, as for the other proxies."""

    name = "trellis"

    def mesh(self) -> dict:
        first, second = self.upstreams
        listeners = [{"portMapping": {"port": self.port, "protocol": "http"}}]
        node = {"listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}]}
        return {
            "mesh": "bench",
            "virtualGateways": {
                "front": {
                    "listeners": listeners,
                    "logging": {"accessLog": {"file": {"path": str(self.folder / "access.log")}}},
                    "gatewayRoutes": {
                        "api": {
                            "httpRoute": {
                                "match": {"prefix": "/api/"},
                                "action": {
                                    "target": {"virtualService": {"virtualServiceName": "color.bench.local"}},
                                    "rewrite": {"prefix": {"defaultPrefix": "DISABLED"}},
                                },
                            }
                        }
                    },
                }
            },
            "virtualServices": {"color.bench.local": {"provider": {"virtualRouter": {"virtualRouterName": "color"}}}},
            "virtualRouters": {
                "color": {
                    "listeners": [{"portMapping": {"port": 8080, "protocol": "http"}}],
                    "routes": {
                        "canary": {
                            "httpRoute": {
                                "match": {"prefix": "/api/"},
                                "action": {
                                    "weightedTargets": [
                                        {"virtualNode": "blue", "weight": 90},
                                        {"virtualNode": "green", "weight": 10},
                                    ]
                                },
                            }
                        }
                    },
                }
            },
            "virtualNodes": {
                "blue": node | {"serviceDiscovery": {"dns": {"hostname": "blue.bench.local"}}},
                "green": node | {"serviceDiscovery": {"dns": {"hostname": "green.bench.local"}}},
            },
            "local": {
                "nodes": {
                    "blue": {"endpoints": [f"127.0.0.1:{first}"]},
                    "green": {"endpoints": [f"127.0.0.1:{second}"]},
                }
            },
        }

    def start(self) -> Program:
        self.log = self.folder / "access.log"
        definitions = self.folder / "mesh.json"
        definitions.write_text(json.dumps(self.mesh(), indent=1))
        self.program = Trellis([definitions], self.folder, ["--workers", "1"], core=self.core, seconds=60)
        return self.program


class NginxPeer(Peer):
    name = "nginx"

    def start(self) -> Program:
        first, second = self.upstreams
        self.log = self.folder / "access.log"
        text = f"""
{_nginx_user()}daemon off; worker_processes 1; worker_rlimit_nofile {files_max()};
pid {self.folder}/nginx.pid; error_log {self.folder}/error.log warn;
events {{ worker_connections 30000; }}
http {{
  access_log {self.log} combined buffer=64k flush=1s;
  client_body_temp_path {self.folder}/t1; proxy_temp_path {self.folder}/t2; fastcgi_temp_path {self.folder}/t3;
  uwsgi_temp_path {self.folder}/t4; scgi_temp_path {self.folder}/t5;
  keepalive_timeout {IDLE_SECONDS}s; keepalive_requests 1000000000; client_header_timeout {IDLE_SECONDS}s;
  upstream color {{
    server 127.0.0.1:{first} weight=9; server 127.0.0.1:{second} weight=1;
    keepalive 1024; keepalive_requests 1000000000; keepalive_timeout 3600s;
  }}
  server {{
    listen 127.0.0.1:{self.port} backlog=4096;
    proxy_http_version 1.1; proxy_set_header Connection "";
    proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    location /api/ {{ proxy_pass http://color; }}
    location = /api/100k {{
      proxy_buffer_size 16k; proxy_buffers 16 16k; proxy_max_temp_file_size 0; proxy_pass http://color;
    }}
  }}
}}
"""
        config = self.folder / "nginx.conf"
        config.write_text(text)
        command = [self.path, "-p", str(self.folder), "-c", str(config), "-e", str(self.folder / "error.log")]
        self.program = Program(self.name, command, self.folder / "output", self.core)
        return self.program


class HaproxyPeer(Peer):
    name = "haproxy"

    def start(self) -> Program:
        first, second = self.upstreams
        self.log = self.folder / "access.log"
        text = f"""
global
  nbthread 1
  maxconn 12000
  no strict-limits
  log stdout format raw local0 info
defaults
  mode http
  log global
  option httplog
  option http-keep-alive
  timeout connect 5s
  timeout client {IDLE_SECONDS}s
  timeout server 15s
  timeout http-keep-alive {IDLE_SECONDS}s
frontend front
  bind 127.0.0.1:{self.port} backlog 4096
  option forwardfor
  acl api path_beg /api/
  http-request deny deny_status 404 if !api
  use_backend color if api
backend color
  balance roundrobin
  http-reuse always
  server blue 127.0.0.1:{first} weight 90
  server green 127.0.0.1:{second} weight 10
"""
        config = self.folder / "haproxy.cfg"
        config.write_text(text)
        self.program = Program(
            self.name, [self.path, "-f", str(config), "-db"], self.folder / "output", self.core, stdout=self.log
        )
        return self.program


class EnvoyPeer(Peer):
    name = "envoy"

    def start(self) -> Program:
        self.log = self.folder / "access.log"
        manager = {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3."
            "HttpConnectionManager",
            "stat_prefix": "front",
            "use_remote_address": True,
            "normalize_path": True,
            "merge_slashes": True,
            "access_log": [
                {
                    "name": "file",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                        "path": str(self.log),
                    },
                }
            ],
            "http_filters": [
                {
                    "name": "router",
                    "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
                }
            ],
            "route_config": {
                "virtual_hosts": [
                    {
                        "name": "all",
                        "domains": ["*"],
                        "routes": [
                            {
                                "match": {"prefix": "/api/"},
                                "route": {
                                    "timeout": "15s",
                                    "weighted_clusters": {
                                        "clusters": [{"name": "blue", "weight": 90}, {"name": "green", "weight": 10}]
                                    },
                                },
                            }
                        ],
                    }
                ]
            },
        }
        # Without these limits Envoy allows 1024 connections and requests, which 10,000 clients would exceed.
        unlimited = {
            "thresholds": [{"max_connections": 1 << 30, "max_pending_requests": 1 << 30, "max_requests": 1 << 30}]
        }
        clusters = [
            {
                "name": name,
                "type": "STATIC",
                "connect_timeout": "5s",
                "circuit_breakers": unlimited,
                "load_assignment": {
                    "cluster_name": name,
                    "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(port)}}]}],
                },
            }
            for name, port in zip(("blue", "green"), self.upstreams)
        ]
        bootstrap = {
            "static_resources": {
                "clusters": clusters,
                "listeners": [
                    {
                        "name": "front",
                        "address": _address(self.port),
                        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
                    }
                ],
            }
        }
        config = self.folder / "envoy.json"
        config.write_text(json.dumps(bootstrap, indent=1))
        command = [self.path, "-c", str(config), "--concurrency", "1", "--disable-hot-restart", "-l", "warning"]
        self.program = Program(self.name, command, self.folder / "output", self.core)
        return self.program


def files_max() -> int:
    """The most descriptors a program may have here."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def _nginx_user() -> str:
    # Started by root, nginx would give its worker to a user that cannot read the temporary folder.
    return "user root;\n" if os.geteuid() == 0 else ""


def _address(port: int) -> dict:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


CLASSES: dict[str, type[Peer]] = {one.name: one for one in (TrellisPeer, NginxPeer, HaproxyPeer, EnvoyPeer)}


class Upstream:
    """The server behind all proxies: an nginx of its own with fixed answers on two ports, without a log."""

    SIZES = {"16": 16, "4k": 4096, "100k": 102400}

    def __init__(self, folder: pathlib.Path, core: int):
        folder.mkdir(parents=True)
        self.folder, self.core, self.ports = folder, core, tuple(free_ports(2))

    def start(self) -> Program:
        files = self.folder / "api"
        files.mkdir()
        for name, size in self.SIZES.items():
            (files / name).write_bytes(b"x" * size)
        servers = "".join(
            f"""
  server {{
    listen 127.0.0.1:{port} backlog=4096; root {self.folder}; add_header x-port {port};
    location = /api/16 {{ return 200 "{'x' * 16}"; }}
    location /api/ {{ }}
    location = /api/hello {{ return 200 "hello"; }}
    location / {{ return 200 "other"; }}
  }}"""
            for port in self.ports
        )
        text = f"""
{_nginx_user()}daemon off; worker_processes 1; worker_rlimit_nofile {files_max()};
pid {self.folder}/nginx.pid; error_log {self.folder}/error.log warn;
events {{ worker_connections 30000; }}
http {{
  access_log off; sendfile on; tcp_nopush on; open_file_cache max=16 inactive=1h; default_type text/plain;
  client_body_temp_path {self.folder}/t1; proxy_temp_path {self.folder}/t2; fastcgi_temp_path {self.folder}/t3;
  uwsgi_temp_path {self.folder}/t4; scgi_temp_path {self.folder}/t5;
  keepalive_timeout 3600s; keepalive_requests 1000000000;{servers}
}}
"""
        config = self.folder / "nginx.conf"
        config.write_text(text)
        command = [need("nginx"), "-p", str(self.folder), "-c", str(config), "-e", str(self.folder / "error.log")]
        self.program = Program("upstream", command, self.folder / "output", self.core)
        self.program.wait_until(lambda: all(map(accepts, self.ports)), what="listening")
        return self.program
