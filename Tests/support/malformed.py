"""Requests and answers that are wrong, doubtful or only unusual, as data: raw bytes and the class of outcome.

Classes for requests (RFC 9112, RFC 9110, and the proxy's stricter choices where the RFCs leave one):
  refused   an error status, the connection closed, and not a byte of it reaches the upstream
  400 431 501 426  the same with this very status
  accepted  200, and the upstream sees the one request that the bytes mean
  400 open  400 for a request that was understood well enough to go on with the connection
  dropped   incomplete when the client ends it: no request reaches the upstream; closed with or without an error status
  either    refused, or accepted as the one request that the bytes mean: the RFCs leave it to the server
  404       well formed, but nothing it can be routed to
In every refused row the bytes end with a second, valid request to `/smuggled` where that makes sense: if the upstream
ever sees that target, the two sides disagree about where the first request ended.
"""

from dataclasses import dataclass

HOST = b"Host: mesh.test\r\n"
NEXT = b"GET /smuggled HTTP/1.1\r\nHost: mesh.test\r\n\r\n"


@dataclass(frozen=True)
class Wrong:
    name: str
    data: bytes
    outcome: str


def get(
    target: bytes = b"/ok", *lines: bytes, version: bytes = b"HTTP/1.1", method: bytes = b"GET", host: bytes = HOST
) -> bytes:
    return (
        method + b" " + target + b" " + version + b"\r\n" + host + b"".join(line + b"\r\n" for line in lines) + b"\r\n"
    )


def post(*lines: bytes, body: bytes = b"", target: bytes = b"/ok") -> bytes:
    return get(target, *lines, method=b"POST") + body


CHUNKED = b"Transfer-Encoding: chunked"

REQUESTS: list[Wrong] = [
    # Request line (RFC 9112 3)
    Wrong("no version", b"GET /ok\r\n" + HOST + b"\r\n", "refused"),
    Wrong("empty version", b"GET /ok \r\n" + HOST + b"\r\n", "refused"),
    Wrong("two spaces before target", b"GET  /ok HTTP/1.1\r\n" + HOST + b"\r\n" + NEXT, "400"),
    Wrong("two spaces before version", b"GET /ok  HTTP/1.1\r\n" + HOST + b"\r\n" + NEXT, "400"),
    Wrong("tab instead of space", b"GET\t/ok\tHTTP/1.1\r\n" + HOST + b"\r\n" + NEXT, "400"),
    Wrong("space at the start", b" GET /ok HTTP/1.1\r\n" + HOST + b"\r\n" + NEXT, "400"),
    Wrong("space in target", b"GET /o k HTTP/1.1\r\n" + HOST + b"\r\n" + NEXT, "400"),
    Wrong("space after version", b"GET /ok HTTP/1.1 \r\n" + HOST + b"\r\n" + NEXT, "400"),
    Wrong("lower-case method", get(method=b"get") + NEXT, "400"),
    Wrong("unknown method", get(method=b"FOO") + NEXT, "400"),
    Wrong("method with a control character", get(method=b"G\x01T") + NEXT, "400"),
    Wrong("method with a slash", get(method=b"GE/T") + NEXT, "400"),
    Wrong("empty method", b" /ok HTTP/1.1\r\n" + HOST + b"\r\n" + NEXT, "400"),
    Wrong("very long method", get(method=b"A" * 9000) + NEXT, "refused"),
    Wrong("lower-case protocol", get(version=b"http/1.1") + NEXT, "400"),
    Wrong("wrong protocol name", get(version=b"HTTX/1.1") + NEXT, "400"),
    Wrong("protocol without a slash", get(version=b"HTTP 1.1") + NEXT, "400"),
    Wrong("protocol without a minor", get(version=b"HTTP/1") + NEXT, "refused"),
    Wrong("HTTP/1.2", get(version=b"HTTP/1.2") + NEXT, "either"),
    Wrong("HTTP/2.0 in a request line", get(version=b"HTTP/2.0") + NEXT, "refused"),
    Wrong("HTTP/9.9", get(version=b"HTTP/9.9") + NEXT, "refused"),
    Wrong("HTTP/11.1", get(version=b"HTTP/11.1") + NEXT, "refused"),
    Wrong("HTTP/1.10", get(version=b"HTTP/1.10") + NEXT, "refused"),
    Wrong("HTTP/+1.1", get(version=b"HTTP/+1.1") + NEXT, "refused"),
    Wrong("HTTP/0.9 with version", get(version=b"HTTP/0.9") + NEXT, "refused"),
    Wrong("bare LF after the request line", b"GET /ok HTTP/1.1\n" + HOST + b"\r\n" + NEXT, "400"),
    Wrong("bare CR after the request line", b"GET /ok HTTP/1.1\r" + HOST + b"\r\n" + NEXT, "400"),
    Wrong("NUL in the request line", b"GET /o\0k HTTP/1.1\r\n" + HOST + b"\r\n" + NEXT, "400"),
    Wrong("TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(64)), "refused"),
    Wrong("binary garbage", bytes(range(128, 256)) * 2 + b"\r\n\r\n", "refused"),
    Wrong("only garbage words", b"hello world\r\n\r\n", "refused"),
    # Target (RFC 9112 3.2)
    Wrong("target without a slash", get(b"ok") + NEXT, "400"),
    Wrong("empty target", get(b"") + NEXT, "400"),
    Wrong("fragment in target", get(b"/ok#frag") + NEXT, "400"),
    Wrong("non-ASCII byte in target", get(b"/\xc3\xa9") + NEXT, "400"),
    Wrong("DEL in target", get(b"/a\x7fb") + NEXT, "400"),
    Wrong("control character in target", get(b"/a\x08b") + NEXT, "400"),
    Wrong("encoded NUL in path", get(b"/a%00b"), "400 open"),
    Wrong("target longer than the head may be", get(b"/" + b"a" * 70_000), "431"),
    Wrong("absolute target without authority", get(b"http:///ok") + NEXT, "400"),
    Wrong("absolute target of another scheme", get(b"ftp://mesh.test/ok") + NEXT, "refused"),
    Wrong("absolute target with userinfo", get(b"http://user:pass@mesh.test/ok") + NEXT, "either"),
    Wrong("absolute target with a bad port", get(b"http://mesh.test:99999/ok") + NEXT, "400"),
    Wrong("absolute target with a word as port", get(b"http://mesh.test:abc/ok") + NEXT, "400"),
    Wrong("asterisk with GET", get(b"*") + NEXT, "400"),
    Wrong("authority form with GET", get(b"mesh.test:80") + NEXT, "400"),
    Wrong("CONNECT with a path", get(b"/ok", method=b"CONNECT") + NEXT, "refused"),
    # Host (RFC 9112 3.2)
    Wrong("no Host", get(host=b"") + NEXT, "400"),
    Wrong("two different Hosts", get(host=HOST + b"Host: evil.test\r\n") + NEXT, "400"),
    Wrong("the same Host twice", get(host=HOST + HOST) + NEXT, "400"),
    Wrong("Host with a space", get(host=b"Host: mesh test\r\n") + NEXT, "400"),
    Wrong("Host with a path", get(host=b"Host: mesh.test/path\r\n") + NEXT, "400"),
    Wrong("Host with userinfo", get(host=b"Host: user@mesh.test\r\n") + NEXT, "400"),
    Wrong("Host with a comma", get(host=b"Host: mesh.test,evil.test\r\n") + NEXT, "either"),
    Wrong("Host with a control character", get(host=b"Host: mesh\x01.test\r\n") + NEXT, "400"),
    Wrong("Host with a word as port", get(host=b"Host: mesh.test:abc\r\n") + NEXT, "400"),
    # Header lines (RFC 9112 5, RFC 9110 5.5)
    Wrong("space before colon", get(b"/ok", b"X-A : 1") + NEXT, "400"),
    Wrong("tab before colon", get(b"/ok", b"X-A\t: 1") + NEXT, "400"),
    Wrong("header without a colon", get(b"/ok", b"X-A") + NEXT, "400"),
    Wrong("empty header name", get(b"/ok", b": 1") + NEXT, "400"),
    Wrong("folded header", get(b"/ok", b"X-A: 1", b" folded") + NEXT, "400"),
    Wrong("folded header with a tab", get(b"/ok", b"X-A: 1", b"\tfolded") + NEXT, "400"),
    Wrong("first header line begins with a space", b"GET /ok HTTP/1.1\r\n X-A: 1\r\n" + HOST + b"\r\n" + NEXT, "400"),
    Wrong("NUL in a value", get(b"/ok", b"X-A: a\0b") + NEXT, "400"),
    Wrong("bare CR in a value", get(b"/ok", b"X-A: a\rb") + NEXT, "400"),
    Wrong("bare LF ends a header line", b"GET /ok HTTP/1.1\r\n" + HOST + b"X-A: 1\n\r\n" + NEXT, "400"),
    Wrong("control character in a value", get(b"/ok", b"X-A: a\x01b") + NEXT, "400"),
    Wrong("DEL in a value", get(b"/ok", b"X-A: a\x7fb") + NEXT, "400"),
    Wrong("space in a header name", get(b"/ok", b"X A: 1") + NEXT, "400"),
    Wrong("parenthesis in a header name", get(b"/ok", b"X(A): 1") + NEXT, "400"),
    Wrong("non-ASCII byte in a header name", get(b"/ok", b"X-\xc3\xa9: 1") + NEXT, "400"),
    Wrong("NUL in a header name", get(b"/ok", b"X\0A: 1") + NEXT, "400"),
    Wrong("quote in a header name", get(b"/ok", b'"X": 1') + NEXT, "400"),
    Wrong("head ends with bare LFs", b"GET /ok HTTP/1.1\nHost: mesh.test\n\n" + NEXT, "400"),
    Wrong("101 headers", get(b"/ok", *[b"X-%d: 1" % n for n in range(100)]), "431"),
    Wrong("head of 62,000 bytes", get(b"/ok", b"X-A: " + b"a" * 62_000), "431"),
    Wrong("many empty headers", get(b"/ok", *[b"X:" for _ in range(20_000)]), "431"),
    Wrong("header name of 70,000 bytes", get(b"/ok", b"X" * 70_000 + b": 1"), "431"),
    Wrong("Connection names Host", get(b"/ok", b"Connection: host") + NEXT, "400"),
    # Content-Length (RFC 9112 6.2, 6.3)
    Wrong("negative length", post(b"Content-Length: -1") + NEXT, "400"),
    Wrong("signed length", post(b"Content-Length: +5", body=b"hello") + NEXT, "400"),
    Wrong("hexadecimal length", post(b"Content-Length: 0x5", body=b"hello") + NEXT, "400"),
    Wrong("length with a point", post(b"Content-Length: 5.0", body=b"hello") + NEXT, "400"),
    Wrong("empty length", post(b"Content-Length:") + NEXT, "400"),
    Wrong("word as length", post(b"Content-Length: five", body=b"hello") + NEXT, "400"),
    Wrong("length with inner space", post(b"Content-Length: 5 5", body=b"hello") + NEXT, "400"),
    Wrong("length list of equal values", post(b"Content-Length: 5, 5", body=b"hello") + NEXT, "400"),
    Wrong("length list of different values", post(b"Content-Length: 5, 6", body=b"hello") + NEXT, "400"),
    Wrong("equal lengths twice", post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello") + NEXT, "400"),
    Wrong("different lengths", post(b"Content-Length: 5", b"Content-Length: 6", body=b"hello") + NEXT, "400"),
    Wrong("length beyond 64 bits", post(b"Content-Length: 18446744073709551621", body=b"hello") + NEXT, "400"),
    Wrong("length beyond 63 bits", post(b"Content-Length: 9223372036854775808", body=b"hello") + NEXT, "400"),
    Wrong("length of a hundred digits", post(b"Content-Length: " + b"1" * 100, body=b"hello") + NEXT, "400"),
    Wrong("length with other digits", post(b"Content-Length: \xd9\xa5", body=b"hello") + NEXT, "400"),
    Wrong(
        "length and a second one with a space",
        post(b"Content-Length: 5", b"Content-Length : 0", body=b"hello") + NEXT,
        "400",
    ),
    # Transfer-Encoding (RFC 9112 6.1, 7)
    Wrong("length and chunked", post(b"Content-Length: 5", CHUNKED, body=b"0\r\n\r\n") + NEXT, "400"),
    Wrong("chunked and length", post(CHUNKED, b"Content-Length: 5", body=b"0\r\n\r\n") + NEXT, "400"),
    Wrong("unknown coding", post(b"Transfer-Encoding: gzip", body=b"x") + NEXT, "501"),
    Wrong(
        "chunked is not the last coding", post(b"Transfer-Encoding: chunked, gzip", body=b"0\r\n\r\n") + NEXT, "refused"
    ),
    Wrong("gzip, chunked", post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n") + NEXT, "refused"),
    Wrong("identity", post(b"Transfer-Encoding: identity", body=b"") + NEXT, "refused"),
    Wrong("chunked twice in a list", post(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n") + NEXT, "refused"),
    Wrong("chunked in two lines", post(CHUNKED, CHUNKED, body=b"0\r\n\r\n") + NEXT, "refused"),
    Wrong("chunked with a vertical tab", post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n") + NEXT, "refused"),
    Wrong("chunked in quotes", post(b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n") + NEXT, "refused"),
    Wrong("chunked with a parameter", post(b"Transfer-Encoding: chunked;a=b", body=b"0\r\n\r\n") + NEXT, "refused"),
    Wrong("xchunked", post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n") + NEXT, "refused"),
    Wrong("empty coding", post(b"Transfer-Encoding:", body=b"0\r\n\r\n") + NEXT, "refused"),
    Wrong(
        "space before the colon of the coding", post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n") + NEXT, "400"
    ),
    Wrong("folded coding", post(b"Transfer-Encoding:", b" chunked", body=b"0\r\n\r\n") + NEXT, "400"),
    Wrong(
        "HTTP/1.0 with chunked",
        get(b"/ok", CHUNKED, method=b"POST", version=b"HTTP/1.0") + b"0\r\n\r\n" + NEXT,
        "either",
    ),
    # Chunks (RFC 9112 7.1)
    Wrong("chunk size is a word", post(CHUNKED, body=b"xyz\r\nabc\r\n0\r\n\r\n") + NEXT, "refused"),
    Wrong("empty chunk size", post(CHUNKED, body=b"\r\nabc\r\n0\r\n\r\n") + NEXT, "refused"),
    Wrong("negative chunk size", post(CHUNKED, body=b"-1\r\nabc\r\n0\r\n\r\n") + NEXT, "refused"),
    Wrong("chunk size with 0x", post(CHUNKED, body=b"0x3\r\nabc\r\n0\r\n\r\n") + NEXT, "refused"),
    Wrong("chunk size with a plus", post(CHUNKED, body=b"+3\r\nabc\r\n0\r\n\r\n") + NEXT, "refused"),
    Wrong("chunk size with an underscore", post(CHUNKED, body=b"0_3\r\nabc\r\n0\r\n\r\n") + NEXT, "refused"),
    Wrong("space before the chunk size", post(CHUNKED, body=b" 3\r\nabc\r\n0\r\n\r\n") + NEXT, "refused"),
    Wrong("chunk size beyond 64 bits", post(CHUNKED, body=b"10000000000000003\r\nabc\r\n0\r\n\r\n") + NEXT, "refused"),
    Wrong("chunk size of 64 bits", post(CHUNKED, body=b"ffffffffffffffff\r\nabc\r\n0\r\n\r\n") + NEXT, "refused"),
    Wrong("bare LF after the chunk size", post(CHUNKED, body=b"3\nabc\r\n0\r\n\r\n") + NEXT, "refused"),
    Wrong("bare CR after the chunk size", post(CHUNKED, body=b"3\rabc\r\n0\r\n\r\n") + NEXT, "refused"),
    Wrong("chunk longer than its size", post(CHUNKED, body=b"3\r\nabcd\r\n0\r\n\r\n") + NEXT, "refused"),
    Wrong("chunk ended by a bare LF", post(CHUNKED, body=b"3\r\nabc\n0\r\n\r\n") + NEXT, "refused"),
    Wrong("chunk without its end", post(CHUNKED, body=b"3\r\nabc0\r\n\r\n") + NEXT, "refused"),
    Wrong("bare LF in a chunk extension", post(CHUNKED, body=b"3;a\nb\r\nabc\r\n0\r\n\r\n") + NEXT, "refused"),
    Wrong("bare CR in a chunk extension", post(CHUNKED, body=b"3;a\rb\r\nabc\r\n0\r\n\r\n") + NEXT, "refused"),
    Wrong(
        "chunk extension of 100,000 bytes",
        post(CHUNKED, body=b"3;" + b"a" * 100_000 + b"\r\nabc\r\n0\r\n\r\n") + NEXT,
        "refused",
    ),
    Wrong("trailer without a colon", post(CHUNKED, body=b"3\r\nabc\r\n0\r\nbad\r\n\r\n") + NEXT, "refused"),
    Wrong("trailer with a space before the colon", post(CHUNKED, body=b"0\r\nX-A : 1\r\n\r\n") + NEXT, "refused"),
    Wrong(
        "trailers of 100,000 bytes", post(CHUNKED, body=b"0\r\nX-A: " + b"a" * 100_000 + b"\r\n\r\n") + NEXT, "refused"
    ),
    # Incomplete when the client ends it
    Wrong("ends in the request line", b"GET /o", "dropped"),
    Wrong("ends in a header", b"GET /ok HTTP/1.1\r\nHost: me", "dropped"),
    Wrong("ends before the empty line", b"GET /ok HTTP/1.1\r\n" + HOST, "dropped"),
    Wrong("ends in the last CRLF", b"GET /ok HTTP/1.1\r\n" + HOST + b"\r", "dropped"),
    Wrong("nothing but an empty line", b"\r\n", "dropped"),
    # Unusual but right
    Wrong("empty line before the request", b"\r\n" + get(), "accepted"),
    Wrong("tab around a value", get(b"/ok", b"X-A:\t1\t"), "accepted"),
    Wrong("no space after the colon", get(b"/ok", b"X-A:1"), "accepted"),
    Wrong("empty value", get(b"/ok", b"X-A:"), "accepted"),
    Wrong("every token character in a name", get(b"/ok", b"!#$%&'*+-.^_`|~09azAZ: 1"), "accepted"),
    Wrong("bytes above 127 in a value", get(b"/ok", b"X-A: caf\xc3\xa9"), "accepted"),
    Wrong("98 headers beside Host", get(b"/ok", *[b"X-%d: 1" % n for n in range(98)]), "accepted"),
    Wrong("head of 50,000 bytes", get(b"/ok", b"X-A: " + b"a" * 50_000), "accepted"),
    Wrong("Host with a port", get(host=b"Host: mesh.test:8080\r\n"), "accepted"),
    Wrong("Host in another case", get(host=b"hOsT: MESH.test\r\n"), "accepted"),
    Wrong("absolute target", get(b"http://mesh.test/ok"), "accepted"),
    Wrong("absolute target wins over Host", get(b"http://mesh.test/ok", host=b"Host: other.test\r\n"), "accepted"),
    Wrong("length with leading zeros", post(b"Content-Length: 0005", body=b"hello"), "accepted"),
    Wrong("chunked in capitals", post(b"Transfer-Encoding: CHUNKED", body=b"3\r\nabc\r\n0\r\n\r\n"), "accepted"),
    Wrong("chunk size with zeros", post(CHUNKED, body=b"0003\r\nabc\r\n000\r\n\r\n"), "accepted"),
    Wrong("chunk size in capitals", post(CHUNKED, body=b"A\r\n0123456789\r\n0\r\n\r\n"), "accepted"),
    Wrong("chunk extension", post(CHUNKED, body=b"3;name=value\r\nabc\r\n0;last\r\n\r\n"), "accepted"),
    Wrong("GET with a body", get(b"/ok", b"Content-Length: 5") + b"hello", "accepted"),
    Wrong("HTTP/1.0 with Host", get(version=b"HTTP/1.0"), "accepted"),
    Wrong("TRACE", get(method=b"TRACE"), "accepted"),
    Wrong("query with odd characters", get(b"/ok?a=%zz&b=[]{}|^`<>\"\\"), "accepted"),
    Wrong("percent without digits in path", get(b"/a%zzb"), "accepted"),
    Wrong("OPTIONS with an asterisk", get(b"*", method=b"OPTIONS"), "404"),
    Wrong("CONNECT to an authority", b"CONNECT mesh.test:443 HTTP/1.1\r\nHost: mesh.test:443\r\n\r\n", "404"),
]


@dataclass(frozen=True)
class WrongAnswer:
    """What an upstream sends. `outcome`: `502` protocol error before the answer began, `503` the connection ended
    before any of the answer came, `cut` the answer began and the connection to the client is ended without its end,
    `ok` right, though unusual; then `body` is what the client gets."""

    name: str
    data: bytes
    outcome: str
    body: bytes = b""


OK = b"HTTP/1.1 200 OK\r\n"

ANSWERS: list[WrongAnswer] = [
    WrongAnswer("garbage", b"\x00\x01\x02 what is this\r\n\r\n", "502"),
    WrongAnswer("a request instead of an answer", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "502"),
    WrongAnswer("TLS alert", b"\x15\x03\x01\x00\x02\x02\x46", "502"),
    WrongAnswer("SSH banner", b"SSH-2.0-OpenSSH_9.2p1\r\n", "502"),
    WrongAnswer("no version", b"200 OK\r\ncontent-length: 0\r\n\r\n", "502"),
    WrongAnswer("lower-case protocol", b"http/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "502"),
    WrongAnswer("HTTP/2.0 status line", b"HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n", "502"),
    WrongAnswer("status of two digits", b"HTTP/1.1 20 OK\r\ncontent-length: 0\r\n\r\n", "502"),
    WrongAnswer("status 99", b"HTTP/1.1 099 Low\r\ncontent-length: 0\r\n\r\n", "502"),
    WrongAnswer("status of four digits", b"HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n", "502"),
    WrongAnswer("status is a word", b"HTTP/1.1 abc OK\r\ncontent-length: 0\r\n\r\n", "502"),
    WrongAnswer("no status", b"HTTP/1.1\r\ncontent-length: 0\r\n\r\n", "502"),
    WrongAnswer("space before colon", OK + b"X-A : 1\r\ncontent-length: 0\r\n\r\n", "502"),
    WrongAnswer("header without a colon", OK + b"nonsense\r\ncontent-length: 0\r\n\r\n", "502"),
    WrongAnswer("empty header name", OK + b": 1\r\ncontent-length: 0\r\n\r\n", "502"),
    WrongAnswer("NUL in a value", OK + b"X-A: a\0b\r\ncontent-length: 0\r\n\r\n", "502"),
    WrongAnswer("NUL in a name", OK + b"X\0A: 1\r\ncontent-length: 0\r\n\r\n", "502"),
    WrongAnswer("bad length", OK + b"content-length: five\r\n\r\nhello", "502"),
    WrongAnswer("negative length", OK + b"content-length: -5\r\n\r\nhello", "502"),
    WrongAnswer("length beyond 64 bits", OK + b"content-length: 18446744073709551621\r\n\r\nhello", "502"),
    WrongAnswer("different lengths", OK + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello", "502"),
    WrongAnswer("equal lengths twice", OK + b"content-length: 5\r\ncontent-length: 5\r\n\r\nhello", "502"),
    WrongAnswer("length and chunked", OK + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "502"),
    WrongAnswer("unknown coding", OK + b"transfer-encoding: gzip\r\n\r\nxx", "502"),
    WrongAnswer("chunked is not the last coding", OK + b"transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n", "502"),
    WrongAnswer("101 headers", OK + b"".join(b"x-%d: 1\r\n" % n for n in range(101)) + b"\r\n", "502"),
    WrongAnswer("head of 2 MB", OK + b"x-a: " + b"a" * 2_000_000 + b"\r\n\r\n", "502"),
    WrongAnswer("101 that nobody asked for", b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n", "502"),
    WrongAnswer("closed at once", b"", "503"),
    WrongAnswer("closed in the status line", b"HTTP/1.1 20", "502"),
    WrongAnswer("closed in a header", OK + b"content-len", "502"),
    WrongAnswer("closed after an interim answer", b"HTTP/1.1 100 Continue\r\n\r\n", "503"),
    WrongAnswer("closed in the body", OK + b"content-length: 10\r\n\r\nhalf", "cut", b"half"),
    WrongAnswer("closed in a chunk", OK + b"transfer-encoding: chunked\r\n\r\na\r\nhalf", "cut", b"half"),
    WrongAnswer("closed between chunks", OK + b"transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n", "cut", b"half"),
    WrongAnswer(
        "closed before the last empty line",
        OK + b"transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
        "cut",
        b"half",
    ),
    WrongAnswer("bad chunk size", OK + b"transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n", "cut", b"half"),
    WrongAnswer(
        "chunk longer than its size",
        OK + b"transfer-encoding: chunked\r\n\r\n4\r\nhalfway\r\n0\r\n\r\n",
        "cut",
        b"half",
    ),
    WrongAnswer("until close", OK + b"\r\nto the end", "ok", b"to the end"),
    WrongAnswer("HTTP/1.0 until close", b"HTTP/1.0 200 OK\r\n\r\nold", "ok", b"old"),
    WrongAnswer("no reason phrase", b"HTTP/1.1 200 \r\ncontent-length: 2\r\n\r\nok", "ok", b"ok"),
    WrongAnswer("neither reason phrase nor space", b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok", "ok", b"ok"),
    WrongAnswer("more body than its length", OK + b"content-length: 2\r\n\r\nok and more", "ok", b"ok"),
    WrongAnswer(
        "several interim answers",
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 3 + OK + b"content-length: 2\r\n\r\nok",
        "ok",
        b"ok",
    ),
    WrongAnswer(
        "100 headers",
        OK + b"content-length: 2\r\n" + b"".join(b"x-%d: 1\r\n" % n for n in range(90)) + b"\r\nok",
        "ok",
        b"ok",
    ),
    WrongAnswer(
        "head of 50,000 bytes", OK + b"x-a: " + b"a" * 50_000 + b"\r\ncontent-length: 2\r\n\r\nok", "ok", b"ok"
    ),
]
