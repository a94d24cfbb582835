"""The differences from Envoy that are meant, each with its reason. Anything else that differs is a defect.

`case` and `aspect` are shell patterns. With `trellis` given, only that value of ours is allowed, so that an allowance
cannot hide a new fault. With `until` given, it holds only as long as the binary says that this is not in force.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Allowed:
    case: str
    aspect: str
    reason: str
    trellis: object = ...
    until: str = ""

    def covers(self, case: str, aspect: str, trellis: object, missing: set[str]) -> bool:
        if self.until and self.until not in missing:
            return False
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
    *[
        Allowed(
            case,
            "log flags",
            "Envoy marks the end of a policy of no retries; ours has none yet",
            until="retry policies",
        )
        for case in ("fault *", "answer status-50?", "grpc to a dead node")
    ],
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
    # The words of a refusal. Envoy answers some refusals from its codec, with a body and DPE, and some from its
    # connection manager, without; ours all come from the codec. Status, closing and "not forwarded" are compared all
    # the same.
    *[
        Allowed(case, aspect, "one wording for all refusals of a request", value)
        for case in (
            "malformed: no version",
            "malformed: empty version",
            "malformed: fragment in target",
            "malformed: no Host",
            "match query exact ?a=1#",
        )
        for aspect, value in (
            ("answer body", "Bad Request"),
            ("answer header content-length", ["11"]),
            ("answer header content-type", ["text/plain"]),
            ("answer version", 1),
            ("log flags", ["DPE"]),
            ("log path", None),
            ("log method", None),
            ("log protocol", "HTTP/1.1"),
        )
    ],
    Allowed("malformed: *", "log method", "what was read of the head before the fault is logged", "GET"),
    Allowed("malformed: *", "log method", "what was read of the head before the fault is logged", "POST"),
    Allowed("malformed: *", "log method", "what was read of the head before the fault is logged", "CONNECT"),
    Allowed("malformed: *", "log path", "what was read of the head before the fault is logged", "/kept"),
    *[
        Allowed(f"malformed: {name}", "log *", "what never became a request has no record")
        for name in (
            "ends in the request line",
            "ends in a header",
            "ends before the empty line",
            "ends in the last CRLF",
            "nothing but an empty line",
        )
    ],
    # HTTP where the RFCs are clear or leave the choice
    Allowed("HTTP/1.0*", "answer version", "a server answers with its own version (RFC 9110 6.2)", 1),
    Allowed(
        "malformed: HTTP/1.0 with Host", "answer version", "a server answers with its own version (RFC 9110 6.2)", 1
    ),
    Allowed("HTTP/1.0 without Host", "*", "HTTP/1.0 needs no Host (RFC 9112 3.2)"),
    Allowed("malformed: length with leading zeros", "request header content-length", "written in one way only", ["5"]),
    Allowed("answer headers", "answer header x-drop", "headers named by Connection end here (RFC 9110 7.6.1)", None),
    Allowed("answer *", "answer reason", "the upstream's reason phrase is passed on"),
    Allowed("HEAD answered *", "answer reason", "the upstream's reason phrase is passed on"),
    *[
        Allowed(
            f"fault {how} before the answer, no retry", aspect, "the silent second try after a reused connection died"
        )
        for how in ("closed", "reset")
        for aspect in ("upstream requests", "request 2 *")
    ],
    # Decisions of the design's table of settled questions
    Allowed(
        "half-close after the request", "*", "a client that has sent its request may end its side; Envoy gives it up"
    ),
    Allowed("expect 100-continue on no route", "*", "the proxy answers 100 after routing, so not before a 404"),
    Allowed("egress service with a dot", "*", "a trailing dot of Host is ignored"),
    Allowed("host shop.example.com.", "*", "a trailing dot of Host is ignored"),
    Allowed(
        "request header client's attempt count",
        "request* header x-envoy-attempt-count",
        "all control headers of clients are stripped",
        None,
    ),
]
