// One DNS message and its answer on a socket of its own, so that the kernel chooses a new source port for each and takes
// datagrams from nobody but the server asked (RFC 5452 9). The resolver limits how long it may take.

import Discovery
import Glibc
import Reactor

final class NameExchange: Handler {
    enum Event {
        case received([UInt8])
        case broke(String)
    }

    private let loop: EventLoop
    private let report: (Event) -> Void
    private let transport: DNSTransport
    private var socket: Socket?
    /// What is left to send; over TCP with its length before it (RFC 7766 8).
    private var outbound: [UInt8]
    private var inbound: [UInt8] = []

    /// Opens the socket. The message goes when the loop finds it writable, so that no event comes before this returns.
    init(
        to server: ResolverSettings.Server, _ transport: DNSTransport, _ message: [UInt8], loop: EventLoop,
        report: @escaping (Event) -> Void
    ) throws(SystemError) {
        self.loop = loop
        self.transport = transport
        self.report = report
        let length = [UInt8(truncatingIfNeeded: message.count >> 8), UInt8(truncatingIfNeeded: message.count)]
        outbound = transport == .tcp ? length + message : message
        guard let address = SocketAddress(ip: server.address.description, port: server.port) else {
            throw SystemError("connect \(server)", code: EINVAL)
        }
        let socket = try transport == .udp ? Self.datagramSocket(address.family) : Socket(family: address.family)
        super.init()
        _ = try SocketOperations.connect(socket.fd, to: address)
        try loop.add(self, fd: socket.fd)
        self.socket = consume socket
    }

    private static func datagramSocket(_ family: Int32) throws(SystemError) -> Socket {
        let kind = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = Glibc.socket(family, kind, 0)
        guard descriptor >= 0 else { throw SystemError("socket") }
        return Socket(owning: descriptor)
    }

    /// No event follows.
    func close() {
        loop.remove(self)
        socket = nil
    }

    override func ready(_ events: ReadyEvents) {
        if events.contains(.output) { send() }
        if !events.isDisjoint(with: [.input, .peerEnd, .error, .hangUp]) { receive() }
    }

    private func send() {
        while let fd = socket?.fd, !outbound.isEmpty {
            switch outbound.withUnsafeBytes({ SocketOperations.send(fd, $0) }) {
            case .bytes(let count): outbound.removeFirst(min(count, outbound.count))
            case .wouldBlock: return
            case .endOfStream: broke("the connection ended")
            case .failed(let code): broke(SystemError("send", code: code).description)
            }
        }
    }

    private func receive() {
        var buffer = [UInt8](repeating: 0, count: DNSMessage.datagramBytesMax + 1)
        while let fd = socket?.fd {
            switch buffer.withUnsafeMutableBytes({ SocketOperations.receive(fd, into: $0) }) {
            case .bytes(let count): took(buffer[..<count])
            case .wouldBlock: return
            // An empty datagram is nobody's answer.
            case .endOfStream: if transport == .tcp { broke("the connection ended without an answer") }
            case .failed(let code): broke(SystemError("receive", code: code).description)
            }
        }
    }

    private func took(_ bytes: ArraySlice<UInt8>) {
        guard transport == .tcp else {
            if bytes.count <= DNSMessage.datagramBytesMax { report(.received(Array(bytes))) }
            return
        }
        inbound += bytes
        guard inbound.count >= 2 else { return }
        let length = Int(inbound[0]) << 8 | Int(inbound[1])
        if inbound.count >= 2 + length { report(.received(Array(inbound[2..<(2 + length)]))) }
    }

    private func broke(_ reason: String) {
        close()
        report(.broke(reason))
    }
}
