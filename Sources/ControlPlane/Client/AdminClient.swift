// Talks to a running process through its admin address: blocking, one connection for one request, as commands do. The
// answer is read by the parser that upstreams' answers go through.

import Glibc
import Reactor
import Routing
import Wire

/// Why a running process could not be asked; the text is for whoever asked.
public struct AdminClientError: Error, Sendable, CustomStringConvertible {
    public var description: String
}

public struct AdminClient: Sendable {
    public struct Answer: Sendable {
        public var status: Int
        public var body: [UInt8]

        public init(status: Int, body: [UInt8]) {
            self.status = status
            self.body = body
        }

        public var text: String { String(decoding: body, as: UTF8.self) }
        /// What the body says went wrong.
        public var problem: String {
            let json = try? JSONValue(parsing: body)
            return json?["error"]?.text ?? text.split(separator: "\n").first.map(String.init) ?? "status \(status)"
        }
    }

    public let address: NetworkAddress
    /// The bearer token, if the process wants one.
    public let token: String?

    public init(_ address: NetworkAddress, token: String? = nil) {
        self.address = address
        self.token = token
    }

    /// Sends a request and reads the whole answer.
    public func send(
        _ method: String, _ target: String, body: String? = nil, seconds: Int = 30
    ) throws(AdminClientError) -> Answer {
        var collected: [UInt8] = []
        let status = try exchange(method, target, body: body, seconds: seconds) { _, bytes in
            collected += bytes
            return true
        }
        return Answer(status: status, body: collected)
    }

    /// Sends a request and hands on the parts of the body as they come, until its end or until `part` returns false.
    /// - Parameter seconds: how long the process may say nothing; 0 is any time.
    /// - Returns: the status.
    @discardableResult
    public func exchange(
        _ method: String, _ target: String, body: String? = nil, seconds: Int,
        _ part: (_ status: Int, UnsafeBufferPointer<UInt8>) -> Bool
    ) throws(AdminClientError) -> Int {
        let socket = try connect(seconds: seconds)
        let content = Array((body ?? "").utf8)
        var head = "\(method) \(target) HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nuser-agent: trellis\r\n"
        if let token { head += "authorization: Bearer \(token)\r\n" }
        if body != nil { head += "content-length: \(content.count)\r\n" }
        try write(Array((head + "\r\n").utf8) + content, to: socket.fd)
        return try read(from: socket.fd, method: method, part)
    }

    private func failure(_ text: String) -> AdminClientError { AdminClientError(description: "\(address): \(text)") }

    private func connect(seconds: Int) throws(AdminClientError) -> Socket {
        guard let target = SocketAddress(network: address) else { throw failure("not an address") }
        let descriptor = Glibc.socket(target.family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw failure("\(SystemError("socket"))") }
        let socket = Socket(owning: descriptor)
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        do throws(SystemError) {
            _ = try SocketOperations.connect(descriptor, to: target)
        } catch {
            guard error.code == ECONNREFUSED || error.code == ENOENT else { throw failure("\(error)") }
            throw failure("nobody answers there; is `trellis run` running, and is this its admin address?")
        }
        return socket
    }

    private func write(_ bytes: [UInt8], to descriptor: Int32) throws(AdminClientError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            switch rest.withUnsafeBytes({ SocketOperations.send(descriptor, $0) }) {
            case .bytes(let count): rest = rest.dropFirst(count)
            case .wouldBlock, .endOfStream: continue
            case .failed(let code): throw failure("\(SystemError("send", code: code))")
            }
        }
    }

    private func read(
        from descriptor: Int32, method: String, _ part: (Int, UnsafeBufferPointer<UInt8>) -> Bool
    ) throws(AdminClientError) -> Int {
        let space = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 65_536)
        defer { space.deallocate() }
        let block = HeaderBlock()
        let trailers = HeaderBlock()
        var parser = ResponseParser()
        var decoder: BodyDecoder?
        var pending: [UInt8] = []
        var status = 0
        while true {
            let count: Int
            switch SocketOperations.receive(descriptor, into: UnsafeMutableRawBufferPointer(space)) {
            case .bytes(let received): count = received
            case .endOfStream:
                if let decoder, decoder.closed() { return status }
                throw failure("the connection ended before the answer did")
            case .wouldBlock: throw failure("no answer in time")
            case .failed(let code): throw failure("\(SystemError("receive", code: code))")
            }
            pending += space[..<count]
            if decoder == nil {
                let wireMethod: Method = method == "HEAD" ? .head : .get
                switch pending.withUnsafeBufferPointer({ parser.parse($0, requestMethod: wireMethod, into: block) }) {
                case .incomplete: continue
                case .refused(let error): throw failure("this is no HTTP answer: \(error)")
                case .complete(let bytes):
                    status = Int(block.status)
                    pending.removeFirst(bytes)
                    decoder = BodyDecoder(parser.framing, limits: .response)
                }
            }
            guard var body = decoder else { continue }
            let outcome = pending.withUnsafeBufferPointer { bytes -> BodyOutcome in
                Self.decode(bytes, &body, trailers) { part(status, $0) }
            }
            decoder = body
            pending.removeAll(keepingCapacity: true)
            switch outcome {
            case .goesOn: continue
            case .ended: return status
            case .broken(let error): throw failure("the answer is malformed: \(error)")
            }
        }
    }

    private enum BodyOutcome { case goesOn, ended, broken(HTTP1Error) }

    private static func decode(
        _ bytes: UnsafeBufferPointer<UInt8>, _ decoder: inout BodyDecoder, _ trailers: HeaderBlock,
        _ part: (UnsafeBufferPointer<UInt8>) -> Bool
    ) -> BodyOutcome {
        var offset = 0
        while true {
            let rest = UnsafeBufferPointer(rebasing: bytes[offset...])
            switch decoder.next(rest, trailers: trailers) {
            case .needMore(let consumed):
                offset += consumed
                if offset >= bytes.count { return .goesOn }
            case .data(let skip, let count):
                offset += skip + count
                if !part(UnsafeBufferPointer(rebasing: rest[skip..<(skip + count)])) { return .ended }
            case .end: return .ended
            case .refused(let error): return .broken(error)
            }
        }
    }
}

extension SocketAddress {
    /// nil if the address is none that a socket has.
    fileprivate init?(network address: NetworkAddress) {
        switch address {
        case .ip(let host, let port): self.init(ip: host, port: port)
        case .unix(let path): self.init(unixPath: path)
        }
    }
}

/// Percent-encoding for a query's values (RFC 3986 2.1).
public enum QueryText {
    public static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"), UInt8(ascii: "/"), UInt8(ascii: ":"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return result
    }
}

/// Bytes into whole lines.
public struct LineSplitter: Sendable {
    private var rest: [UInt8] = []

    public init() {}

    /// The lines that the bytes complete, without their ends.
    public mutating func add(_ bytes: some Sequence<UInt8>) -> [ArraySlice<UInt8>] {
        rest += bytes
        var lines: [ArraySlice<UInt8>] = []
        var start = rest.startIndex
        while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
            lines.append(rest[start..<end])
            start = end + 1
        }
        if start > rest.startIndex { rest = Array(rest[start...]) }
        return lines
    }
}
