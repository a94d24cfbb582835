"""The differences from Envoy that are meant, each with its reason. Anything else that differs is a defect.

`case` and `aspect` are shell patterns. With `trellis` given, only that value of ours is allowed, so that an allowance
cannot hide a new fault.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Allowed:
    case: str
    aspect: str
    reason: str
    trellis: object = ...

    def covers(self, case: str, aspect: str, _envoy: object, trellis: object) -> bool:
        return (
            fnmatchcase(case, self.case)
            and fnmatchcase(aspect, self.aspect)
            and (self.trellis is ... or self.trellis == trellis)
        )


TWO_STAGES = "Envoy's second stage is a listener of its own, whose local answers look like an upstream's to the first"
STRICTER = "stricter than Envoy where Envoy is lax"

ALLOWED = [
    # The emulation of App Mesh's two stages
    Allowed("*", "answer header x-envoy-upstream-service-time", TWO_STAGES, None),
    Allowed(
        "*", "request* header x-envoy-external-address", "describes the peer; ours is never the machine's own address"
    ),
    # Stricter by design: malformed requests that Envoy repairs and forwards. That ours refuses each, and how, is
    # asserted in the integration tests over the same table.
    *[
        Allowed(f"malformed: {name}", "*", f"{STRICTER}: {what}")
        for name, what in [
            ("two different Hosts", "a repeated Host is refused"),
            ("the same Host twice", "a repeated Host is refused"),
            ("Host with userinfo", "Host must be a host and a port (RFC 9112 3.2)"),
            ("Host with a word as port", "Host must be a host and a port (RFC 9112 3.2)"),
            ("Host with a comma", "two merged Hosts look like this"),
            ("absolute target with userinfo", "userinfo is an error (RFC 9110 4.2.4)"),
            ("bare CR in a value", "a bare CR is not deleted but refused"),
            ("bare LF after the request line", "a line ends with CRLF"),
            ("bare LF ends a header line", "a line ends with CRLF"),
            ("head ends with bare LFs", "a line ends with CRLF"),
            ("folded header", "obsolete line folding is refused (RFC 9112 5.2)"),
            ("folded header with a tab", "obsolete line folding is refused (RFC 9112 5.2)"),
            ("folded coding", "obsolete line folding is refused (RFC 9112 5.2)"),
            ("two spaces before target", "exactly one space (RFC 9112 3)"),
            ("two spaces before version", "exactly one space (RFC 9112 3)"),
            ("tab instead of space", "exactly one space (RFC 9112 3)"),
            ("space after version", "exactly one space (RFC 9112 3)"),
            ("chunk longer than its size", "chunk data must end with CRLF"),
            ("chunk ended by a bare LF", "chunk data must end with CRLF"),
            ("chunk extension of 100,000 bytes", "chunk extensions have a limit"),
            ("length beyond 63 bits", "no body is that long"),
            ("chunk size of 64 bits", "no chunk is that long"),
            ("HTTP/1.0 with chunked", "its framing is faulty (RFC 9112 6.1)"),
            ("HTTP/0.9 with version", "an unknown version is refused, not read as 1.0"),
            ("HTTP/1.2", "an unknown version is refused, not read as 1.0"),
            ("HTTP/2.0 in a request line", "an unknown version is refused, not read as 1.0"),
            ("HTTP/9.9", "an unknown version is refused, not read as 1.0"),
        ]
    ],
    # Decisions of the design's table of settled questions
    Allowed(
        "half-close after the request", "*", "a client that has sent its request may end its side; Envoy gives it up"
    ),
    Allowed("expect 100-continue on no route", "*", "the proxy answers 100 after routing, so not before a 404"),
    Allowed("egress service with a dot", "*", "a trailing dot of Host is ignored"),
    Allowed("host shop.example.com.", "*", "a trailing dot of Host is ignored"),
    Allowed(
        "request header client's envoy control headers",
        "request* header x-envoy-upstream-alt-response",
        "all control headers of clients are stripped",
        None,
    ),
    Allowed(
        "request header client's attempt count",
        "request* header x-envoy-attempt-count",
        "all control headers of clients are stripped",
        None,
    ),
]
