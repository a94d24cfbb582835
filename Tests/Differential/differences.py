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
        return (fnmatchcase(case, self.case) and fnmatchcase(aspect, self.aspect)
                and (self.trellis is ... or self.trellis == trellis))


TWO_STAGES = "Envoy's second stage is a listener of its own, whose local answers look like an upstream's to the first"
STRICTER = "stricter than Envoy where Envoy is lax"

ALLOWED = [
    # The emulation of App Mesh's two stages
    Allowed("*", "answer header x-envoy-upstream-service-time", TWO_STAGES, None),
    Allowed("*", "request* header x-envoy-external-address", "describes the peer; ours is never the machine's own address"),
    # Stricter by design
    Allowed("malformed: two different Hosts", "*", STRICTER + ": a repeated Host is refused"),
    Allowed("malformed: the same Host twice", "*", STRICTER + ": a repeated Host is refused"),
    Allowed("malformed: bare CR in a value", "*", STRICTER + ": a bare CR is not deleted but refused"),
    Allowed("malformed: chunk longer than its size", "*", STRICTER + ": chunk data must end with CRLF"),
    Allowed("malformed: chunk ended by a bare LF", "*", STRICTER + ": chunk data must end with CRLF"),
    # Decisions of the design's table of settled questions
    Allowed("egress service with a dot", "*", "a trailing dot of Host is ignored"),
    Allowed("host shop.example.com.", "*", "a trailing dot of Host is ignored"),
]
