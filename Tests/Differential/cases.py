"""The requests that both proxies get, as data. The name of a case is the key of allowances."""

from dataclasses import dataclass

from support import malformed
from support.http1 import chunked, request


@dataclass(frozen=True)
class Case:
    name: str
    data: bytes
    method: str = "GET"
    mesh: str = "gateway"
    # A raw case is read until the proxy falls silent; the others have one answer.
    raw: bool = False
    half_close: bool = False
    # What must be in force in Trellis for the case to mean anything, in the words of its findings.
    needs: str = ""
    seconds: float = 10


def plain(
    name: str,
    target: str,
    method: str = "GET",
    headers: dict[str, str] | list[tuple[str, str]] | None = None,
    body: bytes | None = None,
    host: str = "mesh.test",
    version: str = "HTTP/1.1",
    mesh: str = "gateway",
    needs: str = "",
) -> Case:
    return Case(name, request(method, target, headers, body, host, version), method, mesh, needs=needs)


RETRIES = "retry policies"
GATEWAY_PATHS = [
    "/chapter",
    "/chapter/",
    "/chapter/1",
    "/chapter/1/2?x=1",
    "/chapters",
    "/chapter?x=1",
    "/chapter//1",
    "/Chapter",
    "/slashed/",
    "/slashed/x",
    "/slashed",
    "/kept",
    "/kept/1",
    "/keptx",
    "/maroon/tell",
    "/maroon/",
    "/maroon",
    "/maroon/a/b?c=d",
    "/own-host/1",
    "/exact",
    "/exact/",
    "/exact?x=1",
    "/EXACT",
    "/here",
    "/here?x=1",
    "/item/12",
    "/item/12/parts?x=1",
    "/item/12x",
    "/item/",
    "/user/bob",
    "/user/bob?x=1",
    "/user/Bob",
    "/nothing",
    "/",
]
NORMALISED = [
    "/kept/./a",
    "/kept/a/../b",
    "/kept/../../etc",
    "/other/../kept/1",
    "/kept//a///b",
    "/kept/%2e%2e/x",
    "/kept/a%2Fb",
    "/kept/a%5Cb",
    "/kept/a\\b",
    "/kept/%41",
    "/kept/a%20b",
    "/kept/;v=1",
    "/kept/a+b",
    "/kept/.hidden",
    "/kept/a/.",
    "/kept/a/..",
    "/kept/%zz",
    "/kept/?a//b/../c",
    "/kept/~x",
    "/kept/@:!$&'()*,=",
]
MATCHES: list[tuple[str, str, list[tuple[str, str]], str]] = [
    # name, target, headers, method
    ("prefix", "/m/prefix", [], "GET"),
    ("prefix runs on", "/m/prefixed", [], "GET"),
    ("longer prefix wins", "/m/prefix/long/x", [], "GET"),
    ("prefix in another case", "/m/PREFIX", [], "GET"),
    ("exact", "/m/exact", [], "GET"),
    ("exact with a slash", "/m/exact/", [], "GET"),
    ("exact with a query", "/m/exact?a", [], "GET"),
    ("regex", "/m/re/abc12", [], "GET"),
    ("regex with a rest", "/m/re/abc1234", [], "GET"),
    ("regex with a query", "/m/re/a12?x", [], "GET"),
    ("regex mismatch", "/m/re/b12", [], "GET"),
    ("method", "/m/method", [], "POST"),
    ("another method", "/m/method", [], "GET"),
    ("header exact", "/m/h/exact", [("x-a", "one")], "GET"),
    ("header exact mismatch", "/m/h/exact", [("x-a", "two")], "GET"),
    ("header exact missing", "/m/h/exact", [], "GET"),
    ("header exact in capitals", "/m/h/exact", [("X-A", "one")], "GET"),
    ("header exact, value in capitals", "/m/h/exact", [("x-a", "ONE")], "GET"),
    ("header exact with space around", "/m/h/exact", [("x-a", "  one  ")], "GET"),
    ("header exact twice the same", "/m/h/exact", [("x-a", "one"), ("x-a", "one")], "GET"),
    ("header exact twice, first fits", "/m/h/exact", [("x-a", "one"), ("x-a", "two")], "GET"),
    ("header exact twice, second fits", "/m/h/exact", [("x-a", "two"), ("x-a", "one")], "GET"),
    ("header prefix", "/m/h/prefix", [("x-a", "one")], "GET"),
    ("header prefix mismatch", "/m/h/prefix", [("x-a", "none")], "GET"),
    ("header suffix", "/m/h/suffix", [("x-a", "one")], "GET"),
    ("header suffix mismatch", "/m/h/suffix", [("x-a", "ones")], "GET"),
    ("header regex", "/m/h/regex", [("x-a", "ode")], "GET"),
    ("header regex is a full match", "/m/h/regex", [("x-a", "xodex")], "GET"),
    *[
        (f"header range {value or 'empty'}", "/m/h/range", [("x-a", value)], "GET")
        for value in ("9", "10", "19", "20", "1x", "", "+15", "-15", "015", "15.0", " 15 ", "99999999999999999999")
    ],
    ("header range missing", "/m/h/range", [], "GET"),
    ("header present", "/m/h/present", [("x-a", "any")], "GET"),
    ("header present but empty", "/m/h/present", [("x-a", "")], "GET"),
    ("header not present", "/m/h/present", [], "GET"),
    ("inverted exact, other value", "/m/h/not-exact", [("x-a", "two")], "GET"),
    ("inverted exact, same value", "/m/h/not-exact", [("x-a", "one")], "GET"),
    ("inverted exact, missing", "/m/h/not-exact", [], "GET"),
    ("inverted range, inside", "/m/h/not-range", [("x-a", "15")], "GET"),
    ("inverted range, outside", "/m/h/not-range", [("x-a", "25")], "GET"),
    ("inverted range, not a number", "/m/h/not-range", [("x-a", "abc")], "GET"),
    ("inverted range, missing", "/m/h/not-range", [], "GET"),
    ("inverted presence, absent", "/m/h/absent", [], "GET"),
    ("inverted presence, present", "/m/h/absent", [("x-a", "1")], "GET"),
    ("two headers", "/m/h/two", [("x-a", "one"), ("x-b", "1")], "GET"),
    ("one of two headers", "/m/h/two", [("x-a", "one")], "GET"),
    *[
        (f"query exact {query or 'missing'}", f"/m/q/exact{query}", [], "GET")
        for query in (
            "?a=1",
            "?a=2",
            "?a=1&a=2",
            "?a=2&a=1",
            "?b=1",
            "",
            "?a=%31",
            "?A=1",
            "?a",
            "?a=",
            "?b=2&a=1",
            "?a=1;b",
            "?x;a=1",
            "?a==1",
            "?aa=1",
            "?&a=1",
            "?a=1#",
        )
    ],
    *[
        (f"query present {query or 'missing'}", f"/m/q/present{query}", [], "GET")
        for query in ("?a", "?a=", "?a=1", "?b", "", "?ab=1")
    ],
    ("priority before specificity", "/m/priority/exact", [], "GET"),
    ("priority", "/m/priority/x", [], "GET"),
    ("weight zero", "/m/zero", [], "GET"),
]
REQUEST_HEADERS: list[tuple[str, list[tuple[str, str]]]] = [
    ("mixed case names", [("X-Mixed-Case", "1"), ("ACCEPT", "*/*")]),
    ("repeated header", [("x-r", "1"), ("x-r", "2"), ("X-R", "3")]),
    ("cookies on two lines", [("cookie", "a=1"), ("cookie", "b=2")]),
    ("underscore in a name", [("x_under", "1")]),
    (
        "hop-by-hop",
        [("connection", "keep-alive, x-drop"), ("x-drop", "1"), ("keep-alive", "timeout=5"), ("proxy-connection", "x")],
    ),
    ("connection close", [("connection", "close")]),
    ("te trailers", [("te", "trailers")]),
    ("te gzip", [("te", "gzip, trailers;q=0.5")]),
    ("te named by connection", [("te", "trailers"), ("connection", "te")]),
    ("proxy-authorization", [("proxy-authorization", "Basic eA==")]),
    ("via", [("via", "1.1 a")]),
    ("forwarded", [("forwarded", "for=198.51.100.1")]),
    ("trailer", [("trailer", "x-sum")]),
    ("expect something else", [("expect", "something")]),
    ("x-forwarded-for", [("x-forwarded-for", "198.51.100.1, 198.51.100.2")]),
    ("x-forwarded-for twice", [("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "198.51.100.2")]),
    ("x-forwarded-proto https", [("x-forwarded-proto", "https")]),
    ("x-forwarded-host and port", [("x-forwarded-host", "h"), ("x-forwarded-port", "1")]),
    ("request id", [("x-request-id", "mine")]),
    ("empty request id", [("x-request-id", "")]),
    (
        "client's envoy control headers",
        [
            ("x-envoy-max-retries", "5"),
            ("x-envoy-retry-on", "5xx"),
            ("x-envoy-upstream-rq-timeout-ms", "1"),
            ("x-envoy-upstream-rq-per-try-timeout-ms", "1"),
            ("x-envoy-upstream-rq-timeout-alt-response", "1"),
        ],
    ),
    ("client's original path", [("x-envoy-original-path", "/fake")]),
    ("client's expected timeout", [("x-envoy-expected-rq-timeout-ms", "7")]),
    ("client's internal flag", [("x-envoy-internal", "true")]),
    ("client's external address", [("x-envoy-external-address", "198.51.100.9")]),
    ("client's attempt count", [("x-envoy-attempt-count", "9")]),
    (
        "traceparent",
        [("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), ("tracestate", "a=b")],
    ),
    ("x-amzn-trace-id", [("x-amzn-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")]),
    (
        "b3",
        [
            ("x-b3-traceid", "463ac35c9f6413ad48485a3953bb6124"),
            ("x-b3-spanid", "a2fb4a1d1a96d312"),
            ("x-b3-sampled", "1"),
        ],
    ),
    ("user agent", [("user-agent", "probe/1.0")]),
    ("empty value", [("x-empty", "")]),
    ("value with bytes above 127", [("x-b", "caf\xe9")]),
    ("long value", [("x-long", "v" * 8000)]),
    ("range", [("range", "bytes=0-1")]),
    ("accept-encoding", [("accept-encoding", "gzip, br")]),
    (
        "upgrade that is not offered",
        [("connection", "upgrade"), ("upgrade", "h2c"), ("http2-settings", "AAMAAABkAAQCAAAAAAIAAAAA")],
    ),
]
ANSWERS = [
    "chunked",
    "chunked-trailers",
    "until-close",
    "http10",
    "http10-length",
    "early-hints",
    "continue-first",
    "connection-close",
    "no-body-204",
    "not-modified",
    "not-modified-length",
    "headers",
    "own-date",
    "empty-reason",
    "odd-reason",
    "half-close-after",
    "status-201",
    "status-301",
    "status-400",
    "status-404",
    "status-409",
    "status-418",
    "status-429",
    "status-500",
    "status-502",
    "status-503",
    "status-504",
    "status-599",
]


def answer(name: str) -> list[tuple[str, str]]:
    return [("x-answer", name)]


def _all() -> list[Case]:
    cases = [plain(f"path {target}", target) for target in GATEWAY_PATHS]
    cases += [plain(f"normalised {target}", target) for target in NORMALISED]
    cases += [
        plain(f"match {name}", target, method, headers, b"" if method == "POST" else None)
        for name, target, headers, method in MATCHES
    ]
    cases += [
        *[
            plain(f"host {host}", "/x", host=host)
            for host in (
                "shop.example.com",
                "SHOP.example.com",
                "shop.example.com:8080",
                "other.example.com",
                "example.com",
                "a.b.example.com",
                "other.example.com:99",
                "shop.example.com.",
                "example.org",
            )
        ],
        plain("gateway by method", "/method/x", "DELETE"),
        plain("gateway by another method", "/method/x"),
        plain("gateway by header", "/tier", headers={"x-tier": "gold"}),
        plain("gateway by header mismatch", "/tier", headers={"x-tier": "tin"}),
        plain("gateway by query", "/q?v=2&debug"),
        plain("gateway by query, one missing", "/q?v=2"),
        plain("gateway by query, other value", "/q?v=1&debug"),
    ]
    cases += [plain(f"request header {name}", "/kept/h", headers=headers) for name, headers in REQUEST_HEADERS]
    for method in ("HEAD", "OPTIONS", "DELETE", "TRACE"):
        cases.append(plain(f"method {method} without a body", "/kept/x", method))
    for method in ("POST", "PUT", "PATCH"):
        cases.append(plain(f"method {method} with a body", "/kept/x", method, body=b"hello"))
        cases.append(plain(f"method {method} without a body", "/kept/x", method))
    cases += [
        plain("POST with an empty body", "/kept/x", "POST", body=b""),
        plain("GET with a body", "/kept/x", body=b"hello"),
        plain("POST of 300 KB", "/kept/x", "POST", body=b"b" * 300_000),
        Case(
            "chunked request",
            request("POST", "/kept/x", {"transfer-encoding": "chunked"}, chunked(b"hello ", b"world")),
            "POST",
        ),
        Case(
            "chunked request with trailers",
            request(
                "POST",
                "/kept/x",
                {"transfer-encoding": "chunked", "trailer": "x-sum"},
                chunked(b"hello", trailers={"x-sum": "42"}),
            ),
            "POST",
        ),
        Case("empty chunked request", request("POST", "/kept/x", {"transfer-encoding": "chunked"}, chunked()), "POST"),
        Case("expect 100-continue", request("POST", "/kept/x", {"expect": "100-continue"}, b"hello"), "POST"),
        Case(
            "expect 100-continue on no route", request("POST", "/nothing", {"expect": "100-continue"}, b"hello"), "POST"
        ),
        Case("absolute form", request("GET", "http://mesh.test/kept/a?b=c"), "GET"),
        Case("malformed: https in absolute form on a plain listener", request("GET", "https://mesh.test/kept"), "GET"),
        Case(
            "header for one hop on a header route",
            request("GET", "/m/h/exact", {"x-a": "one", "connection": "x-a"}),
            "GET",
        ),
        Case("Connection names Host on no route", request("GET", "/nothing", {"connection": "host"}), "GET"),
        Case("absolute form wins over Host", request("GET", "http://shop.example.com/x", host="other.test"), "GET"),
        Case("HTTP/1.0", request("GET", "/kept/old", version="HTTP/1.0"), "GET"),
        Case(
            "HTTP/1.0 keep-alive", request("GET", "/kept/old", {"connection": "keep-alive"}, version="HTTP/1.0"), "GET"
        ),
        Case("HTTP/1.0 chunked answer", request("GET", "/kept/old", answer("chunked"), version="HTTP/1.0"), "GET"),
        Case("HTTP/1.0 without Host", request("GET", "/kept/old", host=None, version="HTTP/1.0"), "GET"),
        Case("half-close after the request", request("GET", "/kept/x"), "GET", half_close=True),
        Case("two pipelined requests", request("GET", "/kept/1") + request("GET", "/kept/2"), raw=True),
        Case(
            "grpc to no route",
            request("POST", "/nothing", {"content-type": "application/grpc", "te": "trailers"}, b""),
            "POST",
        ),
        Case(
            "grpc to a dead node",
            request("POST", "/f/deadonce", {"content-type": "application/grpc", "te": "trailers"}, b""),
            "POST",
        ),
        Case("CONNECT", request("CONNECT", "mesh.test:443", host="mesh.test:443"), "CONNECT"),
        Case("OPTIONS *", request("OPTIONS", "*"), "OPTIONS"),
    ]
    cases += [plain(f"answer {name}", "/f/once", headers=answer(name)) for name in ANSWERS]
    cases += [
        Case(f"HEAD answered {name}", request("HEAD", "/f/once", answer(name)), "HEAD")
        for name in ("echo", "no-body-204", "not-modified-length", "status-404")
    ]
    cases += [
        plain("fault closed before the answer, no retry", "/f/once", headers=answer("close")),
        plain("fault reset before the answer, no retry", "/f/once", headers=answer("reset")),
        plain("fault connection refused, no retry", "/f/deadonce"),
        plain("fault connection refused, default retries", "/f/dead", needs=RETRIES),
        plain("fault connection refused, one retry", "/f/connection", needs=RETRIES),
        plain("fault closed before the answer, default retries", "/f/default", headers=answer("close"), needs=RETRIES),
        plain("fault 503, default retries", "/f/default", headers=answer("status-503"), needs=RETRIES),
        plain("fault 500, default retries", "/f/default", headers=answer("status-500"), needs=RETRIES),
        plain("fault 500, server-error", "/f/server", headers=answer("status-500"), needs=RETRIES),
        plain("fault 504 on POST, server-error", "/f/server", "POST", answer("status-504"), b"hello", needs=RETRIES),
        plain("fault 409, client-error", "/f/client", headers=answer("status-409"), needs=RETRIES),
        plain("fault 404, client-error", "/f/client", headers=answer("status-404"), needs=RETRIES),
        plain("fault route timeout", "/f/slow", headers=answer("hang")),
        plain("fault per-try timeout", "/f/pertry", headers=answer("hang"), needs=RETRIES),
    ]
    cases += [
        plain(f"egress {name}", target, host=host, mesh="egress")
        for name, target, host in [
            ("service", "/api/1", "color.test"),
            ("service with its port", "/web", "color.test:8080"),
            ("service with another port", "/web", "color.test:81"),
            ("service in capitals", "/api", "COLOR.test"),
            ("service with a dot", "/api", "color.test."),
            ("no route", "/none", "color.test"),
            ("node provider", "/any?x=1", "node.test"),
            ("undeclared backend", "/api", "hidden.test"),
            ("unknown host", "/api", "unknown.test"),
            ("absolute form", "http://color.test/api/1", "proxy.test"),
            ("path to normalise", "/x/../api//1", "color.test"),
        ]
    ]
    cases += [
        plain(f"egress header {name}", "/api/1", headers=headers, host="color.test", mesh="egress")
        for name, headers in [
            ("x-forwarded-for", [("x-forwarded-for", "198.51.100.1")]),
            ("request id", [("x-request-id", "mine")]),
            ("x-forwarded-proto", [("x-forwarded-proto", "https")]),
            (
                "client's envoy control headers",
                [("x-envoy-max-retries", "5"), ("x-envoy-retry-on", "5xx"), ("x-envoy-upstream-rq-timeout-ms", "1")],
            ),
        ]
    ]
    # The table is written for any server; here its requests go through the gateway's route that keeps paths.
    cases += [
        Case(
            f"malformed: {row.name}",
            row.data.replace(b" /ok", b" /kept").replace(b"test/ok", b"test/kept").replace(b" /a", b" /kept/a"),
            raw=True,
            half_close=row.outcome == "dropped",
        )
        for row in malformed.REQUESTS
    ]
    return cases


CASES = _all()
assert len({case.name for case in CASES}) == len(CASES), "case names are keys"
