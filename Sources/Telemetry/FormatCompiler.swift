// Compiles Envoy's access-log patterns (data plane reference 1.11). Grammar, as Envoy reads it: `%%`, or `%NAME%` with
// an optional `(argument)` up to the first closing parenthesis and an optional `:length`; everything else is literal.
// Whatever Envoy 1.40 rejects is rejected here too, with the place and, for a slip of the pen, the operator that was meant.

import Glibc
import Wire

/// Collects the pool and the time formats of one format while its patterns are compiled.
struct FormatCompiler {
    var pool: [UInt8] = []
    var times: [TimeFormat] = []
    /// Operators that compile and have no fact yet.
    var notInForce: [FormatError] = []

    enum Part: Equatable {
        case literal([UInt8])
        case operation(Operator, limit: Int32)
    }

    mutating func intern(_ bytes: [UInt8]) -> PoolRange {
        let range = PoolRange(start: Int32(clamping: pool.count), count: Int32(clamping: bytes.count))
        pool += bytes
        return range
    }

    /// Splits a pattern into literals and operators.
    mutating func parse(_ pattern: String) throws(FormatError) -> [Part] {
        let text = Array(pattern.utf8)
        guard text.count <= 1 << 20 else {
            throw FormatError(offset: 1 << 20, message: "a pattern has at most 1048576 bytes")
        }
        var parts: [Part] = []
        var literal: [UInt8] = []
        var index = 0
        while index < text.count {
            guard text[index] == UInt8(ascii: "%") else {
                literal.append(text[index])
                index += 1
                continue
            }
            if index + 1 < text.count, text[index + 1] == UInt8(ascii: "%") {
                literal.append(UInt8(ascii: "%"))
                index += 2
                continue
            }
            let token = try Token(text, at: index)
            if !literal.isEmpty { parts.append(.literal(literal)) }
            literal = []
            let operation = try compile(token)
            parts.append(.operation(operation, limit: token.length ?? .max))
            index = token.end
        }
        if !literal.isEmpty { parts.append(.literal(literal)) }
        return parts
    }

    /// `%NAME(argument):length%`.
    struct Token {
        var name: String
        var argument: [UInt8]?
        var length: Int32?
        /// Offsets of the percent sign, of the argument and behind the closing percent sign.
        var start: Int
        var argumentStart: Int
        var end: Int

        init(_ text: [UInt8], at start: Int) throws(FormatError) {
            self.start = start
            var index = start + 1
            while index < text.count, Self.isNameByte(text[index]) { index += 1 }
            name = String(decoding: text[(start + 1)..<index], as: UTF8.self)
            guard index > start + 1 else {
                throw Self.malformed(text, start)
            }
            argumentStart = index + 1
            if index < text.count, text[index] == UInt8(ascii: "(") {
                guard let close = text[index...].firstIndex(of: UInt8(ascii: ")")) else {
                    throw FormatError(offset: index, message: "%\(name)( has no closing parenthesis")
                }
                argument = Array(text[(index + 1)..<close])
                index = close + 1
            }
            if index < text.count, text[index] == UInt8(ascii: ":") {
                let digits = text[(index + 1)...].prefix { $0 >= 0x30 && $0 <= 0x39 }
                guard !digits.isEmpty, let value = Int32(String(decoding: digits, as: UTF8.self)) else {
                    throw FormatError(offset: index, message: "the length of %\(name)% after the colon is not a number")
                }
                length = value
                index += 1 + digits.count
            }
            guard index < text.count, text[index] == UInt8(ascii: "%") else {
                throw FormatError(
                    offset: index < text.count ? index : start,
                    message: "%\(name) has no closing percent sign; a literal percent sign is written %%")
            }
            end = index + 1
        }

        private static func isNameByte(_ byte: UInt8) -> Bool {
            byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") || byte >= 0x30 && byte <= 0x39
                || byte == UInt8(ascii: "_")
        }

        private static func malformed(_ text: [UInt8], _ start: Int) -> FormatError {
            let rest = text[(start + 1)...].prefix { isNameByte($0) || $0 >= 0x61 && $0 <= 0x7A }
            let word = String(decoding: rest, as: UTF8.self)
            if !word.isEmpty, OperatorTable.names.contains(word.uppercased()) {
                return FormatError(offset: start, message: "operators are written in capitals: %\(word.uppercased())%")
            }
            return FormatError(
                offset: start, message: "no operator after the percent sign; a literal percent sign is written %%")
        }
    }

    // MARK: Operators

    private mutating func compile(_ token: Token) throws(FormatError) -> Operator {
        if let plain = OperatorTable.plain[token.name] {
            try refuseArgumentAndLength(token)
            return plain
        }
        if let part = OperatorTable.addressesWithoutPort[token.name] { return try network(token, part) }
        if let absent = try absent(token) { return absent }
        switch token.name {
        case "REQ", "REQUEST_HEADER":
            let names = try headers(token, isRequest: true)
            return .requestHeader(names.0, names.1)
        case "RESP", "RESPONSE_HEADER":
            let names = try headers(token, isRequest: false)
            return .responseHeader(names.0, names.1)
        case "TRAILER", "RESPONSE_TRAILER":
            let names = try headers(token, isRequest: false)
            return .responseTrailer(names.0, names.1)
        case "START_TIME": return .startTime(try time(token, isLocal: false))
        case "START_TIME_LOCAL": return .startTime(try time(token, isLocal: true))
        case "EMIT_TIME": return .emitTime(try time(token, isLocal: false))
        case "EMIT_TIME_LOCAL": return .emitTime(try time(token, isLocal: true))
        case "COMMON_DURATION": return try commonDuration(token)
        case "RESPONSE_CODE_DETAILS":
            try refuseLength(token)
            guard token.argument == nil || token.argument == Array("ALLOW_WHITESPACES".utf8) else {
                throw FormatError(
                    offset: token.argumentStart, message: "RESPONSE_CODE_DETAILS takes ALLOW_WHITESPACES or nothing")
            }
            return .responseDetails
        case "GRPC_STATUS": return try grpcStatus(token)
        case "PATH": return try path(token)
        case "QUERY_PARAM": return .queryParameter(intern(try argument(token)))
        case "ENVIRONMENT":
            let name = String(decoding: try argument(token), as: UTF8.self)
            return .constant(intern(getenv(name).map { Array(String(cString: $0).utf8) } ?? [UInt8(ascii: "-")]))
        case "HOSTNAME":
            try refuseArgumentAndLength(token)
            return .constant(intern(Self.hostname()))
        case "ACCESS_LOG_TYPE":
            // Every line is written when its exchange has ended.
            return .constant(intern(Array("DownstreamEnd".utf8)))
        default:
            throw unknown(token)
        }
    }

    private func unknown(_ token: Token) -> FormatError {
        let hint = nearest(to: token.name, in: OperatorTable.names).map { "; did you mean \($0)?" } ?? ""
        return FormatError(offset: token.start, message: "unknown operator \(token.name)\(hint)")
    }

    /// An operator of Envoy that has no value here; nil for any other.
    private mutating func absent(_ token: Token) throws(FormatError) -> Operator? {
        if let wantsArgument = OperatorTable.alwaysAbsent[token.name] {
            if wantsArgument {
                _ = try argument(token)
            } else {
                try refuseArgumentAndLength(token)
            }
            return .absent
        }
        guard OperatorTable.notInForce.contains(token.name) else { return nil }
        if !OperatorTable.notInForceWithArgument.contains(token.name) {
            try refuseArgumentAndLength(token)
        } else if token.name != "REQUESTED_SERVER_NAME" {
            _ = try argument(token)
        }
        note("\(token.name) is an operator of Envoy that is not in force yet", at: token.start)
        return .absent
    }

    private mutating func note(_ message: String, at offset: Int) {
        notInForce.append(FormatError(offset: offset, message: message, kind: .notInForce))
    }

    /// `(N)` shows the first N bits, as `127.0.0.0/24`. More bits than the address has are all of them.
    private func network(_ token: Token, _ part: AddressPart) throws(FormatError) -> Operator {
        try refuseLength(token)
        guard let argument = token.argument else { return .address(part) }
        guard let bits = UInt8(String(decoding: argument, as: UTF8.self)), bits <= 128 else {
            throw FormatError(
                offset: token.argumentStart, message: "\(token.name) takes the length of a prefix, 0 to 128")
        }
        return .network(part, bits)
    }

    private func refuseArgumentAndLength(_ token: Token) throws(FormatError) {
        guard token.argument == nil, token.length == nil else {
            throw FormatError(offset: token.start, message: "\(token.name) takes neither argument nor length")
        }
    }

    private func argument(_ token: Token) throws(FormatError) -> [UInt8] {
        guard let argument = token.argument, !argument.isEmpty else {
            throw FormatError(offset: token.start, message: "\(token.name) needs an argument in parentheses")
        }
        return argument
    }

    private func refuseLength(_ token: Token) throws(FormatError) {
        guard token.length == nil else {
            throw FormatError(offset: token.start, message: "\(token.name) takes no length")
        }
    }

    /// `X` or `X?Y`.
    private mutating func headers(_ token: Token, isRequest: Bool) throws(FormatError) -> (HeaderName, HeaderName) {
        let names = try argument(token).split(separator: UInt8(ascii: "?"), omittingEmptySubsequences: false)
        guard names.count <= 2 else {
            throw FormatError(
                offset: token.argumentStart,
                message: "\(token.name) takes one alternative header after the question mark")
        }
        var offset = token.argumentStart
        var found: [HeaderName] = []
        for name in names {
            found.append(try header(Array(name), isRequest: isRequest, offset: offset))
            offset += name.count + 1
        }
        return (found[0], found.count > 1 ? found[1] : .none)
    }

    private mutating func header(_ name: [UInt8], isRequest: Bool, offset: Int) throws(FormatError) -> HeaderName {
        let text = String(decoding: name, as: UTF8.self).lowercased()
        switch text {
        case "": return .none
        case ":method" where isRequest: return .method
        case ":path" where isRequest: return .path
        // Envoy knows the Host field as `:authority` only, and answers for both.
        case ":authority" where isRequest, "host" where isRequest: return .authority
        case ":scheme" where isRequest: return .scheme
        case ":status" where !isRequest: return .status
        case "x-envoy-original-path" where isRequest: return .originalPath
        default: break
        }
        if let bad = name.firstIndex(where: { !Self.isToken($0) }), !(bad == 0 && name[0] == UInt8(ascii: ":")) {
            throw FormatError(offset: offset + bad, message: "a header name holds no such character")
        }
        if let id = HeaderID.allCases.first(where: { $0.isKnown && "\($0.name)" == text }) { return .known(id) }
        return .other(intern(Array(text.utf8)))
    }

    /// RFC 9110 5.6.2.
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    private mutating func time(_ token: Token, isLocal: Bool) throws(FormatError) -> Int32 {
        try refuseLength(token)
        let format = try TimeFormat.parse(token.argument ?? [], isLocal: isLocal, offset: token.argumentStart)
        times.append(format)
        return Int32(times.count - 1)
    }

    /// `START:END` or `START:END:PRECISION`. Envoy takes unknown points and always prints `-`; that helps nobody.
    private mutating func commonDuration(_ token: Token) throws(FormatError) -> Operator {
        try refuseLength(token)
        let words = try argument(token).split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard words.count == 2 || words.count == 3 else {
            throw FormatError(
                offset: token.argumentStart, message: "COMMON_DURATION takes START:END or START:END:PRECISION")
        }
        var points: [TimePoint] = []
        var offset = token.argumentStart
        for word in words.prefix(2) {
            guard let point = TimePoint.allCases.first(where: { $0.name == word }) else {
                let names = TimePoint.allCases.compactMap(\.name)
                let hint = nearest(to: word, in: names).map { "; did you mean \($0)?" } ?? ""
                throw FormatError(offset: offset, message: "unknown point in time \(word)\(hint)")
            }
            if point == .upstreamHandshakeEnd {
                note("US_HS_END is a point of TLS that is not in force yet", at: offset)
            }
            points.append(point)
            offset += word.utf8.count + 1
        }
        let unit: DurationUnit
        switch words.count == 3 ? words[2] : "ms" {
        case "ms": unit = .milliseconds
        case "us": unit = .microseconds
        case "ns": unit = .nanoseconds
        default: throw FormatError(offset: offset, message: "precision \(words[2]) is none of ms, us, ns")
        }
        return .duration(points[0], points[1], unit)
    }

    private func grpcStatus(_ token: Token) throws(FormatError) -> Operator {
        try refuseLength(token)
        switch String(decoding: token.argument ?? [], as: UTF8.self) {
        case "", "CAMEL_STRING": return .grpcStatus(.camel)
        case "SNAKE_STRING": return .grpcStatus(.snake)
        case "NUMBER": return .grpcStatus(.number)
        default:
            throw FormatError(
                offset: token.argumentStart, message: "GRPC_STATUS takes CAMEL_STRING, SNAKE_STRING or NUMBER")
        }
    }

    /// `WQ` or `NQ` (with or without query), then `ORIG`, `PATH` or `ORIG_OR_PATH`.
    private func path(_ token: Token) throws(FormatError) -> Operator {
        let words = String(decoding: token.argument ?? [], as: UTF8.self).split(
            separator: ":", omittingEmptySubsequences: false)
        let withQuery: Bool
        switch words.first ?? "" {
        case "", "WQ": withQuery = true
        case "NQ": withQuery = false
        default: throw FormatError(offset: token.argumentStart, message: "PATH takes WQ or NQ first")
        }
        let offset = token.argumentStart + (words.first?.utf8.count ?? 0) + 1
        guard words.count <= 2 else {
            throw FormatError(offset: offset, message: "PATH takes two options at most")
        }
        switch words.count == 2 ? words[1] : "" {
        case "", "ORIG_OR_PATH": return .path(.originalOrCurrent, withQuery: withQuery)
        case "ORIG": return .path(.original, withQuery: withQuery)
        case "PATH": return .path(.current, withQuery: withQuery)
        default: throw FormatError(offset: offset, message: "PATH takes ORIG, PATH or ORIG_OR_PATH second")
        }
    }

    private static func hostname() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 256)
        let status = bytes.withUnsafeMutableBytes { buffer in
            guard let start = buffer.baseAddress else { return Int32(-1) }
            return gethostname(start.assumingMemoryBound(to: CChar.self), buffer.count - 1)
        }
        guard status == 0 else { return [UInt8(ascii: "-")] }
        return Array(bytes.prefix { $0 != 0 })
    }
}
