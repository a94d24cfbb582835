"""The workload of the soak test: a process that does what a request's query asks for, and may be killed at any time.

`bytes` and `chunked` shape the answer, `delay` and `slow` its pace, `status` its status, `fault` what goes wrong.
The answer says what arrived: `x-received: LENGTH CRC32`.
"""

import asyncio
import socket
import struct
import sys
import zlib
from urllib.parse import parse_qsl

if __name__ == "__main__":
    import pathlib

    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.bulk import expected

PIECE = 16_384


async def read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> tuple[int, int]:
    """Length and checksum of a request's body."""
    length = checksum = 0
    if headers.get("transfer-encoding") == "chunked":
        while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
            checksum = zlib.crc32(await reader.readexactly(size), checksum)
            length += size
            await reader.readexactly(2)
        while await reader.readuntil(b"\r\n") != b"\r\n":
            pass
    else:
        left = int(headers.get("content-length", "0"))
        while left:
            part = await reader.readexactly(min(left, 65_536))
            checksum, left, length = zlib.crc32(part, checksum), left - len(part), length + len(part)
    return length, checksum


def reset(writer: asyncio.StreamWriter) -> None:
    """Ends the connection so that the other side sees a reset."""
    made: socket.socket = writer.get_extra_info("socket")
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:-2])}
    asked = dict(parse_qsl(target.partition("?")[2]))
    fault, size, status = asked.get("fault"), int(asked.get("bytes", "16")), int(asked.get("status", "200"))
    if fault == "early":
        # An answer while the body is still on its way, as servers give to bodies that are too large.
        writer.write(b"HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)
        return False
    length, checksum = await read_body(reader, headers)
    await asyncio.sleep(float(asked.get("delay", "0")))
    if fault == "hang":
        await reader.read(1)
        return False
    if fault == "reset":
        reset(writer)
        return False
    if fault == "close":
        return False
    if fault == "nonsense":
        writer.write(b"this is not HTTP\r\n\r\n")
        await writer.drain()
        return False
    chunked = "chunked" in asked and status not in (204, 304)
    framing = "transfer-encoding: chunked\r\n" if chunked else f"content-length: {size}\r\n"
    if status in (204, 304):
        framing = ""
    head = f"HTTP/1.1 {status} Said\r\n{framing}x-received: {length} {checksum:08x}\r\n"
    # A pool meets connections that are closed behind the answer, announced or not.
    announced = "connection: close\r\n" if fault == "announced-close" else ""
    writer.write(f"{head}{announced}\r\n".encode())
    if not (method == "HEAD" or status in (204, 304)):
        sent, pause = 0, float(asked.get("slow", "0"))
        while sent < size:
            part = expected(sent, min(PIECE, size - sent))
            writer.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
            sent += len(part)
            await writer.drain()
            if pause:
                await asyncio.sleep(pause)
            if fault in ("cut", "reset-in-body") and sent >= size // 2:
                if fault == "reset-in-body":
                    # A reset throws away what is still queued, so the first half gets a moment.
                    await asyncio.sleep(0.05)
                    reset(writer)
                return False
        if chunked:
            writer.write(b"0\r\n\r\n")
    await writer.drain()
    return fault not in ("announced-close", "silent-close")


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while await one(reader, writer):
            pass
    except (asyncio.IncompleteReadError, OSError):
        pass
    finally:
        writer.close()


async def main(port: int) -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=512, reuse_address=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
