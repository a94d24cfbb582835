"""Translates definitions in Trellis' native format into a static Envoy configuration that acts as App Mesh's did.

A gateway request is matched twice: the gateway route rewrites it, then the virtual service's own routes match what was
rewritten. No single Envoy route table can do that, because Envoy never matches a rewritten request again, and the
product of both tables would match the original one. App Mesh's gateway sent the request to itself. So does this: each
virtual service has a listener of its own on loopback, and a gateway route leads there. This is exact for matching,
rewriting and retries, and adds three things that Trellis, which delegates inside one process, does not have:
* an answer made by the second stage looks to the first like an upstream's (`x-envoy-upstream-service-time` on it);
* two access log entries per request: the flags of the second stage are in its own entry;
* a fault between the first bytes and the end of an answer is seen twice, each stage with its own words.
`differences.py` lists what of that shows.

Only HTTP/1 routes, nodes given by `endpoints:` and one listener per gateway are translated; anything else raises
Untranslatable, so that nothing is compared that was silently left out.
"""

import re

TYPE = "type.googleapis.com/envoy."
MANAGER = TYPE + "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = TYPE + "extensions.filters.http.router.v3.Router"
FILE_LOG = TYPE + "extensions.access_loggers.file.v3.FileAccessLog"
PROTOCOL_OPTIONS = TYPE + "extensions.upstreams.http.v3.HttpProtocolOptions"
PREVIOUS_HOSTS = TYPE + "extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"

UNLIMITED = 4294967295
SERVER_ERRORS = [500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511]
# One field per thing that is compared; `stage` tells the two entries of a request apart.
LOG_FIELDS = {
    "code": "%RESPONSE_CODE%",
    "flags": "%RESPONSE_FLAGS%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "protocol": "%PROTOCOL%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "received": "%BYTES_RECEIVED%",
    "sent": "%BYTES_SENT%",
    "authority": "%REQ(:AUTHORITY)%",
    "port": "%DOWNSTREAM_DIRECT_REMOTE_PORT%",
}


class Untranslatable(Exception):
    """The definitions use what this translation does not cover."""


class Translation:
    """`ports` gives every listener its port: ("gateway", name), ("egress", node) and ("service", name).

    `log_format` is Envoy's SubstitutionFormatString, or None for JSON objects of LOG_FIELDS.
    """

    def __init__(
        self, mesh: dict, ports: dict[tuple[str, str], int], log: str, log_format: dict | None = None
    ):
        self.mesh, self.ports, self.log, self.log_format = mesh, ports, log, log_format
        self.name = mesh["mesh"]

    def bootstrap(self) -> dict:
        listeners, services = [], set()
        for gateway, spec in self.mesh.get("virtualGateways", {}).items():
            routes = sort_routes(spec.get("gatewayRoutes", {}), "httpRoute")
            services |= {
                route["httpRoute"]["action"]["target"]["virtualService"]["virtualServiceName"] for _, route in routes
            }
            hosts = [virtual_host("gateway", ["*"], [self.gateway_route(name, route) for name, route in routes])]
            listeners.append(self.listener("gateway", gateway, hosts, edge=True))
        for service in sorted(services):
            hosts = [virtual_host(service, ["*"], self.service_routes(service))]
            listeners.append(self.listener("service", service, hosts, edge=False))
        for node in self.egress_nodes():
            hosts = []
            for service in self.reachable(node):
                port = self.service_port(service)
                hosts.append(virtual_host(service, [service, f"{service}:{port}"], self.service_routes(service)))
            listeners.append(self.listener("egress", node, hosts, edge=False))
        clusters = [
            cluster(self.redirect(service), [("127.0.0.1", self.ports["service", service])], {})
            for service in sorted(services)
        ]
        for node, spec in self.mesh.get("virtualNodes", {}).items():
            if endpoints := self.endpoints(node):
                clusters.append(cluster(self.cluster_name(node), endpoints, spec["listeners"][0]))
        return {
            "admin": {"address": address("127.0.0.1", 0)},
            "static_resources": {"listeners": listeners, "clusters": clusters},
        }

    # Names

    def cluster_name(self, node: str) -> str:
        port = self.mesh["virtualNodes"][node]["listeners"][0]["portMapping"]["port"]
        return f"cds_egress_{self.name}_{node}_http_{port}"

    def redirect(self, service: str) -> str:
        return f"self_redirect_{service}"

    def endpoints(self, node: str) -> list[tuple[str, int]]:
        local = self.mesh.get("local", {}).get("nodes", {}).get(node, {})
        pairs = [one.rpartition(":") for one in local.get("endpoints", [])]
        return [(host, int(port)) for host, _, port in pairs]

    def egress_nodes(self) -> list[str]:
        """Nodes with a sidecar of ours, which therefore have an egress listener."""
        local = self.mesh.get("local", {}).get("nodes", {})
        return [node for node in self.mesh.get("virtualNodes", {}) if local.get(node, {}).get("instances")]

    def reachable(self, node: str) -> list[str]:
        backends = self.mesh["virtualNodes"][node].get("backends", [])
        return [backend["virtualService"]["virtualServiceName"] for backend in backends]

    def service_port(self, service: str) -> int:
        provider = self.provider(service)
        kind, owner = (
            ("virtualRouters", provider["virtualRouter"]["virtualRouterName"])
            if "virtualRouter" in provider
            else ("virtualNodes", provider["virtualNode"]["virtualNodeName"])
        )
        listeners = self.mesh[kind][owner]["listeners"]
        if len(listeners) != 1:
            raise Untranslatable(f"{owner} has {len(listeners)} listeners")
        return listeners[0]["portMapping"]["port"]

    def provider(self, service: str) -> dict:
        return self.mesh["virtualServices"][service].get("provider", {})

    # First stage

    def gateway_route(self, name: str, spec: dict) -> dict:
        route = spec["httpRoute"]
        match, action = route["match"], route["action"]
        service = action["target"]["virtualService"]["virtualServiceName"]
        forward: dict = {"cluster": self.redirect(service), "timeout": seconds(self.service_timeout_ms(service))}
        rewrite = action.get("rewrite", {})
        if rewrite.get("hostname", {}).get("defaultTargetHostname", "ENABLED") == "ENABLED":
            forward["host_rewrite_literal"] = service
        forward |= path_rewrite(match, rewrite)
        return {"name": name, "match": route_match(match), "route": forward}

    def service_timeout_ms(self, service: str) -> int:
        """The largest perRequest of the service's routes; 0, which is none, if any has 0. A node provider has 15 s."""
        timeouts = [timeout_ms(route["httpRoute"], "perRequest", 15_000) for _, route in self.routes_of(service)]
        if not timeouts:
            return 15_000
        return 0 if 0 in timeouts else max(timeouts)

    # Second stage

    def routes_of(self, service: str) -> list[tuple[str, dict]]:
        provider = self.provider(service)
        if "virtualRouter" not in provider:
            return []
        router = self.mesh["virtualRouters"][provider["virtualRouter"]["virtualRouterName"]]
        return sort_routes(router.get("routes", {}), "httpRoute")

    def service_routes(self, service: str) -> list[dict]:
        provider = self.provider(service)
        if "virtualNode" in provider:
            node = provider["virtualNode"]["virtualNodeName"]
            forward = {"cluster": self.cluster_name(node), "timeout": "15s", "retry_policy": retry_policy(None)}
            return [{"name": node, "match": {"prefix": "/"}, "route": forward}]
        return [self.route(name, spec["httpRoute"]) for name, spec in self.routes_of(service)]

    def route(self, name: str, spec: dict) -> dict:
        targets = spec["action"]["weightedTargets"]
        forward: dict = {
            "timeout": seconds(timeout_ms(spec, "perRequest", 15_000)),
            "retry_policy": retry_policy(spec.get("retryPolicy")),
        }
        if "idle" in spec.get("timeout", {}):
            forward["idle_timeout"] = seconds(timeout_ms(spec, "idle", 0))
        forward["weighted_clusters"] = {
            "clusters": [
                {"name": self.cluster_name(target["virtualNode"]), "weight": target["weight"]} for target in targets
            ]
        }
        return {"name": name, "match": route_match(spec["match"]), "route": forward}

    # Listeners

    def listener(self, kind: str, name: str, hosts: list[dict], edge: bool) -> dict:
        manager = {
            "@type": MANAGER,
            "stat_prefix": kind,
            "use_remote_address": edge,
            # App Mesh keeps the id that a client sent; Envoy at an edge would replace it.
            "preserve_external_request_id": True,
            "normalize_path": True,
            "merge_slashes": True,
            "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
            "http_protocol_options": {"accept_http_10": True, "enable_trailers": True},
            "upgrade_configs": [{"upgrade_type": "websocket"}],
            "stream_idle_timeout": "300s",
            "http_filters": [{"name": "router", "typed_config": {"@type": ROUTER}}],
            "route_config": {"name": f"{kind}-{name}", "virtual_hosts": hosts},
            "access_log": [
                {
                    "name": "file",
                    "typed_config": {
                        "@type": FILE_LOG,
                        "path": self.log,
                        "log_format": self.log_format
                        or {"json_format": {"stage": "second" if kind == "service" else "first"} | LOG_FIELDS},
                    },
                }
            ],
        }
        if kind == "service":
            # The first stage has added headers to what it admitted; the second must not count them against the client.
            manager["max_request_headers_kb"] = 192
            manager["common_http_protocol_options"] = {"max_headers_count": 400}
        return {
            "name": f"{kind}-{name}",
            "address": address("127.0.0.1", self.ports[kind, name]),
            "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
        }


def address(host: str, port: int) -> dict:
    return {"socket_address": {"address": host, "port_value": port}}


def virtual_host(name: str, domains: list[str], routes: list[dict]) -> dict:
    return {"name": name, "domains": domains, "routes": routes}


def cluster(name: str, endpoints: list[tuple[str, int]], listener: dict) -> dict:
    limits = {key: UNLIMITED for key in ("max_connections", "max_pending_requests", "max_requests", "max_retries")}
    made = {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "circuit_breakers": {"thresholds": [limits]},
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": PROTOCOL_OPTIONS,
                "explicit_http_config": {"http_protocol_options": {"enable_trailers": True}},
            }
        },
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [
                {"lb_endpoints": [{"endpoint": {"address": address(host, port)}} for host, port in endpoints]}
            ],
        },
    }
    if outlier := listener.get("outlierDetection"):
        made["outlier_detection"] = {
            "consecutive_5xx": outlier["maxServerErrors"],
            "interval": duration(outlier["interval"]),
            "base_ejection_time": duration(outlier["baseEjectionDuration"]),
            "max_ejection_percent": outlier["maxEjectionPercent"],
            "always_eject_one_host": True,
            "enforcing_success_rate": 0,
        }
    return made


def sort_routes(routes: dict, kind: str) -> list[tuple[str, dict]]:
    """App Mesh's order: priority (none last), exact path, regex, longer prefix, more conditions, method, name."""

    def key(entry: tuple[str, dict]) -> tuple:
        name, spec = entry
        if kind not in spec:
            raise Untranslatable(f"route {name} is not an {kind}")
        match = spec[kind]["match"]
        path = match.get("path", {})
        shape = 0 if "exact" in path else 1 if "regex" in path else 2
        conditions = len(match.get("headers", [])) + len(match.get("queryParameters", []))
        return (
            spec.get("priority", 1001),
            shape,
            -len(match.get("prefix", "")),
            -conditions,
            0 if "method" in match else 1,
            name,
        )

    return sorted(routes.items(), key=key)


def route_match(match: dict) -> dict:
    known = {"prefix", "path", "method", "headers", "queryParameters", "hostname"}
    if extra := set(match) - known:
        raise Untranslatable(f"match by {sorted(extra)}")
    made: dict = {}
    path = match.get("path", {})
    if "exact" in path:
        made["path"] = path["exact"]
    elif "regex" in path:
        made["safe_regex"] = {"regex": path["regex"]}
    else:
        made["prefix"] = match.get("prefix", "/")
    headers = []
    if "method" in match:
        headers.append({"name": ":method", "string_match": {"exact": match["method"]}})
    if hostname := match.get("hostname"):
        # Without case, with or without a port.
        name = re.escape(hostname["exact"]) if "exact" in hostname else ".*" + re.escape(hostname["suffix"])
        headers.append({"name": ":authority", "string_match": {"safe_regex": {"regex": f"(?i){name}(:[0-9]+)?"}}})
    headers += [header_match(header) for header in match.get("headers", [])]
    if headers:
        made["headers"] = headers
    if queries := match.get("queryParameters"):
        made["query_parameters"] = [query_match(query) for query in queries]
    return made


def header_match(header: dict) -> dict:
    made: dict = {"name": header["name"]}
    match = header.get("match")
    if match is None:
        made["present_match"] = True
    elif "range" in match:
        made["range_match"] = {"start": match["range"]["start"], "end": match["range"]["end"]}
    else:
        kind, value = next(iter(match.items()))
        made["string_match"] = {"safe_regex": {"regex": value}} if kind == "regex" else {kind: value}
    if header.get("invert"):
        made["invert_match"] = True
    return made


def query_match(query: dict) -> dict:
    if "match" in query:
        return {"name": query["name"], "string_match": {"exact": query["match"]["exact"]}}
    return {"name": query["name"], "present_match": True}


def path_rewrite(match: dict, rewrite: dict) -> dict:
    """Envoy's `prefix_rewrite` would give `//1` for `/chapter` -> `/`; App Mesh's documents promise `/1`."""
    if exact := rewrite.get("path", {}).get("exact"):
        return replace("^/.*$", exact)
    prefix = rewrite.get("prefix", {})
    if "prefix" not in match or prefix.get("defaultPrefix") == "DISABLED":
        return {}
    value = prefix.get("value", "/")
    if match["prefix"] == value:
        return {}
    stem = re.escape(match["prefix"].rstrip("/")) + ("/" if match["prefix"].endswith("/") else "/?")
    return replace(f"^{stem}(.*)$", value.rstrip("/") + r"/\1")


def replace(pattern: str, substitution: str) -> dict:
    return {"regex_rewrite": {"pattern": {"regex": pattern}, "substitution": substitution}}


def retry_policy(policy: dict | None) -> dict:
    """An explicit policy, or the one App Mesh applies where none is given."""
    avoid = {
        "host_selection_retry_max_attempts": 5,
        "retry_host_predicate": [
            {"name": "envoy.retry_host_predicates.previous_hosts", "typed_config": {"@type": PREVIOUS_HOSTS}}
        ],
    }
    if policy is None:
        return {
            "retry_on": "unavailable,connect-failure,refused-stream,reset,retriable-status-codes",
            "num_retries": 2,
            "retriable_status_codes": [503],
        } | avoid
    conditions, codes = [], []
    for event in policy.get("httpRetryEvents", []):
        match event:
            case "server-error":
                codes += SERVER_ERRORS
                conditions.append("reset")
            case "gateway-error":
                codes += [502, 503, 504]
                conditions.append("reset")
            case "client-error":
                codes.append(409)
            case "stream-error":
                conditions.append("refused-stream")
            case _:
                raise Untranslatable(f"retry event {event}")
    if policy.get("tcpRetryEvents"):
        conditions.append("connect-failure")
    if codes:
        conditions.append("retriable-status-codes")
    made = {
        "retry_on": ",".join(dict.fromkeys(conditions)),
        "num_retries": policy["maxRetries"],
        "per_try_timeout": duration(policy["perRetryTimeout"]),
    }
    if codes:
        made["retriable_status_codes"] = sorted(set(codes))
    return made | avoid


def timeout_ms(route: dict, kind: str, default: int) -> int:
    given = route.get("timeout", {}).get(kind)
    return default if given is None else milliseconds(given)


def milliseconds(given: dict) -> int:
    return given["value"] * (1000 if given["unit"] == "s" else 1)


def duration(given: dict) -> str:
    return seconds(milliseconds(given))


def seconds(count_ms: int) -> str:
    return f"{count_ms / 1000:.3f}s"
