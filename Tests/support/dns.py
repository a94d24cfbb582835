"""A DNS server for tests, on a port of its own, over UDP and TCP: dnslib speaks the protocol, tests change the zone.

`zone["name."] = Records(a=[…], aaaa=[…], ttl=…)`; what is not in the zone does not exist (NXDOMAIN). `fail` makes every
answer SERVFAIL, `silent` leaves questions unanswered, `cut` answers UDP with the truncation bit alone.
"""

import dataclasses
import socket
import time

import dnslib
from dnslib.server import BaseResolver, DNSHandler, DNSLogger, DNSServer


@dataclasses.dataclass
class Records:
    a: list[str] = dataclasses.field(default_factory=list)
    aaaa: list[str] = dataclasses.field(default_factory=list)
    ttl: int = 1
    cname: str | None = None


class _Resolver(BaseResolver):
    def __init__(self, server: "NameServer"):
        self.server = server

    def resolve(self, request: dnslib.DNSRecord, handler: DNSHandler) -> dnslib.DNSRecord:
        question = str(request.q.qname).lower().rstrip(".")
        kind = dnslib.QTYPE[request.q.qtype]
        self.server.questions.append((time.monotonic(), question, kind, handler.protocol))
        reply = request.reply()
        if self.server.silent:
            raise dnslib.DNSError("silent")
        if self.server.delay:
            time.sleep(self.server.delay)
        if self.server.fail:
            reply.header.rcode = dnslib.RCODE.SERVFAIL
            return reply
        if self.server.cut and handler.protocol == "udp":
            reply.header.tc = 1
            return reply
        name, records = question, self.server.zone.get(question)
        while records is not None and records.cname:
            reply.add_answer(dnslib.RR(name, dnslib.QTYPE.CNAME, rdata=dnslib.CNAME(records.cname), ttl=records.ttl))
            name, records = records.cname, self.server.zone.get(records.cname)
        if records is None:
            reply.header.rcode = dnslib.RCODE.NXDOMAIN
            return reply
        for address in records.a if kind == "A" else records.aaaa if kind == "AAAA" else []:
            data = dnslib.A(address) if kind == "A" else dnslib.AAAA(address)
            reply.add_answer(dnslib.RR(name, getattr(dnslib.QTYPE, kind), rdata=data, ttl=records.ttl))
        return reply


class NameServer:
    """`option` is what `trellis run` needs to ask it; `questions` has (time, name, type, protocol) of all it was asked."""

    def __init__(self, host: str = "127.0.0.1"):
        self.zone: dict[str, Records] = {}
        self.questions: list[tuple[float, str, str, str]] = []
        self.fail = self.silent = self.cut = False
        self.delay = 0.0
        with socket.socket() as probe:
            probe.bind((host, 0))
            self.port = probe.getsockname()[1]
        self.host = host
        quiet = DNSLogger("-recv,-send,-request,-reply,-truncated,-error,-data")
        self._servers = [
            DNSServer(_Resolver(self), address=host, port=self.port, tcp=tcp, logger=quiet) for tcp in (False, True)
        ]
        for server in self._servers:
            server.start_thread()

    @property
    def option(self) -> list[str]:
        return ["--dns", f"{self.host}:{self.port}"]

    def asked(self, name: str, kind: str = "A", protocol: str | None = None) -> int:
        return sum(
            one[1] == name and one[2] == kind and protocol in (None, one[3]) for one in list(self.questions)
        )

    def stop(self) -> None:
        for server in self._servers:
            server.stop()
            server.server.server_close()
