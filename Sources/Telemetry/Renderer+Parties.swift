// Facts of a record about where it went and what identifies it, that few formats ask for: the attempts one by one, parts
// of addresses, and identifiers that are made or taken apart while a line is written. Nothing here allocates.

import Glibc
import Wire

extension Renderer {
    /// One part of each attempt that got a connection, in order, comma between them. Envoy lists no attempt whose
    /// connection failed.
    func attempts(_ part: AttemptPart, _ output: inout Output) -> Bool {
        let start = output.count
        for attempt in record.earlierAttempts {
            self.attempt(part, attempt.endpoint, attempt.connectionID, &output)
            output.append(UInt8(ascii: ","))
        }
        if let endpoint = record.endpoint, let peer = record.upstreamPeer {
            attempt(part, endpoint, peer.connectionID, &output)
        } else if output.count > start {
            output.count -= 1
        }
        return output.count > start
    }

    private func attempt(
        _ part: AttemptPart, _ endpoint: EndpointLabel, _ connectionID: UInt64, _ output: inout Output
    ) {
        switch part {
        case .address: output.append(endpoint.addressBytes)
        case .addressWithoutPort: output.append(Self.host(endpoint.addressBytes))
        case .name: output.append(endpoint.nameBytes)
        case .nameWithoutPort: output.append(Self.withoutPort(endpoint.nameBytes))
        case .connectionID: output.append(decimal: connectionID)
        }
    }

    /// A name without the `:digits` at its end.
    static func withoutPort(_ name: [UInt8]) -> ArraySlice<UInt8> {
        guard let colon = name.lastIndex(of: UInt8(ascii: ":")), colon + 1 < name.count,
            name[(colon + 1)...].allSatisfy({ $0 >= 0x30 && $0 <= 0x39 })
        else { return name[...] }
        return name[..<colon]
    }

    /// An address without its port; IPv6 without brackets too.
    static func host(_ address: [UInt8]) -> ArraySlice<UInt8> {
        let host = withoutPort(address)
        guard host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]") else { return host }
        return host.dropFirst().dropLast()
    }

    /// The first bits of an address: `127.0.0.0/24`. Nothing for a unix socket.
    func network(_ part: AddressPart, _ bits: UInt8, _ output: inout Output) -> Bool {
        let start = output.count
        guard address(part, &output) else { return false }
        // A terminated copy of what was just written; no address is longer.
        var text = (UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0))
        let size = output.count - start
        output.count = start
        guard size < 46 else { return false }
        var raw = (UInt64(0), UInt64(0))
        return withUnsafeMutableBytes(of: &text) { text in
            text.copyMemory(from: UnsafeRawBufferPointer(start: output.base + start, count: size))
            return withUnsafeMutableBytes(of: &raw) { raw in
                guard let chars = text.baseAddress?.assumingMemoryBound(to: CChar.self), let bytes = raw.baseAddress
                else { return false }
                let family = inet_pton(AF_INET, chars, bytes) == 1 ? AF_INET : AF_INET6
                guard family == AF_INET || inet_pton(AF_INET6, chars, bytes) == 1 else { return false }
                let width = min(Int(bits), family == AF_INET ? 32 : 128)
                for index in 0..<(family == AF_INET ? 4 : 16) {
                    let kept = min(max(width - index * 8, 0), 8)
                    raw[index] &= UInt8(truncatingIfNeeded: 0xFF00 >> kept)
                }
                guard inet_ntop(family, bytes, chars, 46) != nil else { return false }
                output.append(
                    UnsafePointer(chars.withMemoryRebound(to: UInt8.self, capacity: 46) { $0 }), strlen(chars))
                output.append(UInt8(ascii: "/"))
                output.append(decimal: width)
                return true
            }
        }
    }

    /// Names and values of a head as it went on, the parts of its first line among them by their HTTP/2 names, and nothing
    /// between them: what Envoy counts for `%REQUEST_HEADERS_BYTES%`.
    func headBytes(_ head: HeaderBlock) -> UInt64 {
        var total = 0
        if head.status > 0 {
            total += 7 + 3
        } else if !head.path.isEmpty || !head.authority.isEmpty {
            let method = head.methodName.isEmpty ? head.method.name.utf8CodeUnitCount : Int(head.methodName.count)
            let query = head.hasQuery ? 1 + Int(head.query.count) : 0
            total += 7 + method + 5 + Int(head.path.count) + query + 7 + (head.scheme == .https ? 5 : 4)
            total += 10 + Int(head.authority.count)
        }
        return UInt64(total) + fieldBytes(head)
    }

    /// Names and values of the field lines; trailers have nothing else.
    func fieldBytes(_ head: HeaderBlock) -> UInt64 {
        var total = 0
        for index in 0..<head.count {
            let field = head.field(index)
            switch field.id {
            // Envoy knows it as `:authority` only.
            case .host: continue
            // The codec takes the length out to frame the message itself; Envoy's head keeps it.
            case .removed where !Self.isContentLength(head.bytes(field.name)): continue
            case .removed, .other: total += Int(field.name.count)
            default: total += field.id.name.utf8CodeUnitCount
            }
            total += Int(field.value.count)
        }
        return UInt64(total)
    }

    private static func isContentLength(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
        let wanted = HeaderID.contentLength.name
        return name.elementsEqual(UnsafeBufferPointer(start: wanted.utf8Start, count: wanted.utf8CodeUnitCount))
    }

    /// The trace id of the request's `traceparent` (W3C Trace Context 3.2), which went upstream with it.
    func traceID(_ output: inout Output) -> Bool {
        guard let range = request.value(.traceparent) else { return false }
        let value = request.bytes(range)
        let dash = UInt8(ascii: "-")
        guard value.count >= 55, value[2] == dash, value[35] == dash, value[52] == dash else { return false }
        let id = value[3..<35]
        guard id.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 || $0 >= 0x61 && $0 <= 0x66 }),
            !id.allSatisfy({ $0 == 0x30 })
        else { return false }
        output.append(UnsafeBufferPointer(rebasing: id))
        return true
    }
}

extension Output {
    mutating func append(_ bytes: ArraySlice<UInt8>) {
        bytes.withUnsafeBufferPointer { append($0) }
    }

    /// A random UUID (RFC 9562 5.4), new for each operator, as in Envoy.
    mutating func appendUniqueID() {
        var random = SystemRandomNumberGenerator()
        var high = random.next() & ~0xF000 | 0x4000
        var low = random.next() & ~(3 << 62) | 2 << 62
        for index in 0..<36 {
            switch index {
            case 8, 13, 18, 23: append(UInt8(ascii: "-"))
            case ..<18:
                append(Self.hexDigit(high >> 60))
                high <<= 4
            default:
                append(Self.hexDigit(low >> 60))
                low <<= 4
            }
        }
    }

    private static func hexDigit(_ value: UInt64) -> UInt8 {
        let value = UInt8(truncatingIfNeeded: value)
        return value < 10 ? value &+ 0x30 : value &+ 0x57
    }
}
