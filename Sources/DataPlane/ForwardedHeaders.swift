import Reactor
import Routing
import Telemetry
import Wire

/// The header lines that a proxy adds to what it forwards and to what it answers (dataplane.md 1.9, lattice.md 2.7).
///
/// What is added depends on the listener's dialect alone. Values are written into the block's own buffer.
enum ForwardedHeaders {
    // MARK: Requests

    static func complete(_ head: HeaderBlock, dialect: Dialect, record: Record, timeout: Int64, worker: Worker) {
        addForwardedFor(head, dialect, record)
        if dialect.forwardedFor == .leave {
            // A sidecar believes the proxy in front of it.
            if !head.contains(.xForwardedProto) { head.add(.xForwardedProto, head.scheme == .https ? "https" : "http") }
        } else {
            head.set(.xForwardedProto, head.append(head.scheme == .https ? "https" : "http"))
        }
        if dialect.addsForwardedPort, let peer = record.peer {
            head.set(.xForwardedPort, decimal(Int64(peer.localPort), in: head))
        }
        switch dialect.requestID {
        case .none: break
        case .xRequestID:
            if head.value(.xRequestID)?.isEmpty ?? true { head.set(.xRequestID, uuid(in: head, worker)) }
        case .xAmznRequestID:
            if let index = head.firstIndex(of: .xAmznRequestID) {
                var value = head.field(index).value
                value.count = min(value.count, 512)
                head.set(.xAmznRequestID, value)
            } else {
                head.set(.xAmznRequestID, uuid(in: head, worker))
            }
        }
        if let span = record.trace { TraceHeaders.write(span, to: head) }
        if dialect.usesEnvoyHeaders, timeout > 0 { head.set(.xEnvoyExpectedTimeout, decimal(timeout, in: head)) }
        for header in dialect.requestHeaders { set(header, in: head) }
    }

    private static func addForwardedFor(_ head: HeaderBlock, _ dialect: Dialect, _ record: Record) {
        guard dialect.forwardedFor != .leave, let peer = record.peer, !peer.remoteIP.isEmpty else { return }
        let old = dialect.forwardedFor == .appendPeer ? joined(.xForwardedFor, in: head) : nil
        let value = head.append(upTo: Int(old?.count ?? 0) + 1 + peer.remoteIP.utf8.count) { space in
            var used = 0
            if let old, old.count > 0 {
                for byte in head.bytes(old) {
                    space[used] = byte
                    used += 1
                }
                space[used] = UInt8(ascii: ",")
                used += 1
            }
            for byte in peer.remoteIP.utf8 {
                space[used] = byte
                used += 1
            }
            return used
        }
        head.set(.xForwardedFor, value)
    }

    /// All values of a repeated field as one list; the common single line costs nothing.
    private static func joined(_ id: HeaderID, in head: HeaderBlock) -> HeaderBlock.Range? {
        guard let first = head.firstIndex(of: id) else { return nil }
        var bound = 0
        var lines = 0
        for index in first..<head.count where head.field(index).id == id {
            bound += Int(head.field(index).value.count) + 1
            lines += 1
        }
        if lines == 1 { return head.field(first).value }
        return head.append(upTo: bound) { space in
            var used = 0
            for index in first..<head.count where head.field(index).id == id {
                if used > 0 {
                    space[used] = UInt8(ascii: ",")
                    used += 1
                }
                for byte in head.bytes(head.field(index).value) {
                    space[used] = byte
                    used += 1
                }
            }
            return used
        }
    }

    /// Replaces a header that the vocabulary knows; adds any other.
    static func set(_ header: Dialect.ConstantHeader, in head: HeaderBlock) {
        var name = header.name
        var value = header.value
        name.withUTF8 { nameBytes in
            let id = HeaderID.named(nameBytes)
            let range = value.withUTF8 { head.append($0) }
            if id.isKnown {
                head.set(id, range)
            } else {
                head.add(id: .other, name: head.append(nameBytes), value: range)
            }
        }
    }

    // MARK: Answers

    static func completeAnswer(
        _ head: HeaderBlock, request: HeaderBlock, dialect: Dialect, record: Record, worker: Worker
    ) {
        // Envoy counts from the end of the request and says nothing about an answer that came before it.
        if dialect.usesEnvoyHeaders, record.downstreamRxEnd > 0 {
            let milliseconds = max(0, worker.loop.now - record.downstreamRxEnd) / 1_000_000
            head.set(.xEnvoyUpstreamServiceTime, decimal(milliseconds, in: head))
        }
        if !head.contains(.date) { head.add(.date, worker.date) }
        finishAnswer(head, request, dialect)
    }

    /// An answer that the proxy makes itself.
    static func completeLocalAnswer(_ head: HeaderBlock, request: HeaderBlock, dialect: Dialect, worker: Worker) {
        head.add(.date, worker.date)
        finishAnswer(head, request, dialect)
    }

    private static func finishAnswer(_ head: HeaderBlock, _ request: HeaderBlock, _ dialect: Dialect) {
        if let server = dialect.serverHeader {
            var text = server
            let range = text.withUTF8 { head.append($0) }
            head.set(.server, range)
        }
        if dialect.requestID == .xAmznRequestID, let id = request.value(.xAmznRequestID) {
            head.set(.xAmznRequestID, head.append(request.bytes(id)))
        }
    }

    static func isGRPC(_ head: HeaderBlock) -> Bool {
        guard let range = head.value(.contentType) else { return false }
        let value = head.bytes(range)
        let name: StaticString = "application/grpc"
        guard value.count >= name.utf8CodeUnitCount else { return false }
        for index in 0..<name.utf8CodeUnitCount where value[index] != name.utf8Start[index] { return false }
        return value.count == name.utf8CodeUnitCount || value[name.utf8CodeUnitCount] == UInt8(ascii: "+")
    }

    // MARK: Values

    private static func decimal(_ number: Int64, in head: HeaderBlock) -> HeaderBlock.Range {
        head.append(upTo: 20) { space in
            var digits = 1
            var rest = UInt64(max(0, number))
            while rest >= 10 {
                rest /= 10
                digits += 1
            }
            rest = UInt64(max(0, number))
            var index = digits
            while index > 0 {
                index -= 1
                space[index] = UInt8(48 + rest % 10)
                rest /= 10
            }
            return digits
        }
    }

    /// A random UUID, version 4 (RFC 9562 5.4).
    private static func uuid(in head: HeaderBlock, _ worker: Worker) -> HeaderBlock.Range {
        let high = worker.random.next() & 0xFFFF_FFFF_FFFF_0FFF | 0x0000_0000_0000_4000
        let low = worker.random.next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        let digits: StaticString = "0123456789abcdef"
        let hex = digits.utf8Start
        return head.append(upTo: 36) { space in
            guard let text = space.baseAddress else { return 0 }
            func put(_ word: UInt64, from shift: UInt64, count: Int, at start: Int) {
                for index in 0..<count {
                    text[start + index] = hex[Int(truncatingIfNeeded: word >> (shift - 4 * UInt64(index)) & 15)]
                }
            }
            put(high, from: 60, count: 8, at: 0)
            put(high, from: 28, count: 4, at: 9)
            put(high, from: 12, count: 4, at: 14)
            put(low, from: 60, count: 4, at: 19)
            put(low, from: 44, count: 12, at: 24)
            for dash in stride(from: 8, through: 23, by: 5) { text[dash] = UInt8(ascii: "-") }
            return 36
        }
    }
}
