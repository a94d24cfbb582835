import Glibc

/// Something on the wire was not as a test expected; carries what had arrived.
struct WireFailure: Error, CustomStringConvertible {
    enum Kind { case timeout, ended, reset, refused, malformed }
    var kind: Kind
    var during: String
    var received = ""

    var description: String { "\(kind) while \(during); received: \(received.debugDescription)" }
}

/// A message as it was on the wire. Names are in lower case; a chunked body is joined.
struct Message {
    var start: String
    var fields: [(name: String, value: String)]
    var body = ""
    var trailers: [(name: String, value: String)] = []

    var status: Int { start.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0 }
    func values(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }
    subscript(name: String) -> String? { values(name).first }
}

/// A blocking TCP connection on which every wait ends at a deadline; the same for a test's clients and its upstreams.
///
/// `@unchecked Sendable`: it is made on one thread and used by one thread; upstreams hand theirs to the thread that serves it.
final class Connection: @unchecked Sendable {
    private let fd: Int32
    private var isOpen = true
    /// Received and not used yet.
    private var buffer: [UInt8] = []

    /// Long enough for a busy machine; a test that waits for it fails anyway.
    static let limit = 20

    init(owning fd: Int32) {
        self.fd = fd
        var time = timeval(tv_sec: Self.limit, tv_usec: 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        var on: Int32 = 1
        setsockopt(fd, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
    }

    /// - Parameter receiveBytes: the kernel's receive buffer, small for a reader that shall be slow.
    convenience init(to port: Int, receiveBytes: Int32? = nil) throws {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if var size = receiveBytes { setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, 4) }
        self.init(owning: fd)
        var address = loopback(port: port)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            close()
            throw WireFailure(kind: .refused, during: "connecting to port \(port)")
        }
    }

    deinit { close() }

    // MARK: Sending

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw failure("sending", errno) }
            sent += count
        }
    }

    /// No more will be sent; the peer reads an orderly end.
    func finishSending() { shutdown(fd, Int32(SHUT_WR)) }

    func close() {
        guard isOpen else { return }
        isOpen = false
        Glibc.close(fd)
    }

    /// Closes so that the peer sees a reset.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    // MARK: Receiving

    private func failure(_ during: String, _ code: Int32) -> WireFailure {
        let kind: WireFailure.Kind =
            switch code {
            case EAGAIN: .timeout
            case ECONNRESET, EPIPE: .reset
            default: .ended
            }
        return WireFailure(kind: kind, during: during, received: String(decoding: buffer.suffix(2_000), as: UTF8.self))
    }

    /// Receives once; false at the end of the stream.
    private func fill(_ during: String) throws -> Bool {
        var space = [UInt8](repeating: 0, count: 65_536)
        let count = recv(fd, &space, space.count, 0)
        guard count >= 0 else { throw failure(during, errno) }
        buffer += space[..<count]
        return count > 0
    }

    private func need(_ during: String) throws {
        guard try fill(during) else { throw failure(during, 0) }
    }

    func bytes(_ count: Int) throws -> [UInt8] {
        while buffer.count < count { try need("waiting for \(count) bytes") }
        defer { buffer.removeFirst(count) }
        return Array(buffer[..<count])
    }

    func line() throws -> String {
        while true {
            if let end = buffer.firstIndex(of: 10) {
                let line = String(decoding: buffer[..<end], as: UTF8.self)
                buffer.removeSubrange(...end)
                guard line.hasSuffix("\r") else {
                    throw WireFailure(kind: .malformed, during: "reading a line", received: line)
                }
                return String(line.dropLast())
            }
            try need("waiting for a line")
        }
    }

    /// What comes until the peer ends the connection in an orderly way.
    func rest() throws -> String {
        while try fill("waiting for the end") {}
        defer { buffer = [] }
        return String(decoding: buffer, as: UTF8.self)
    }

    /// Waits until the peer resets the connection; whatever comes before is dropped.
    func waitForReset() throws {
        do {
            while try fill("waiting for a reset") {}
        } catch let error as WireFailure where error.kind == .reset {
            return
        }
        throw WireFailure(kind: .ended, during: "waiting for a reset")
    }

    /// Whether the peer sends nothing and keeps the connection for the given time.
    func isSilent(milliseconds: Int32) -> Bool {
        guard buffer.isEmpty else { return false }
        var poller = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
        return poll(&poller, 1, milliseconds) == 0
    }

    // MARK: Messages

    func fields() throws -> [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        while true {
            let line = try line()
            if line.isEmpty { return fields }
            guard let colon = line.firstIndex(of: ":") else {
                throw WireFailure(kind: .malformed, during: "reading fields", received: line)
            }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            fields.append((line[..<colon].lowercased(), String(value)))
        }
    }

    /// A head alone.
    func head() throws -> Message { Message(start: try line(), fields: try fields()) }

    /// A request with its body.
    func request() throws -> Message {
        var message = try head()
        try readBody(&message, untilEnd: false)
        return message
    }

    /// An answer with its body, `method` being that of its request.
    func answer(to method: String = "GET") throws -> Message {
        var message = try head()
        let hasNoBody = method == "HEAD" || message.status < 200 || message.status == 204 || message.status == 304
        if !hasNoBody { try readBody(&message, untilEnd: true) }
        return message
    }

    private func readBody(_ message: inout Message, untilEnd: Bool) throws {
        if message["transfer-encoding"] == "chunked" {
            var body: [UInt8] = []
            while let size = Int(try line(), radix: 16), size > 0 {
                body += try bytes(size)
                _ = try line()
            }
            message.body = String(decoding: body, as: UTF8.self)
            message.trailers = try fields()
        } else if let length = message["content-length"].flatMap({ Int($0) }) {
            message.body = String(decoding: try bytes(length), as: UTF8.self)
        } else if untilEnd {
            message.body = try rest()
        }
    }

    /// Sends a request and reads its answer.
    func ask(_ request: String, method: String = "GET") throws -> Message {
        try send(request)
        return try answer(to: method)
    }
}

func loopback(port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port).bigEndian)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    return address
}
