// Values of the `local:` document that have a notation of their own: addresses, times, shares.

import Definitions
import Glibc

extension Shape where Value == NetworkAddress {
    /// `127.0.0.1:8080`, `[::1]:8080` or `unix:/run/app.sock`.
    static var networkAddress: Shape {
        Shape<String>.string(
            meaning: "an address", example: "`127.0.0.1:8080`, `[::1]:8080` or `unix:/run/app.sock`",
            correction: AddressText.correction
        ) { AddressText.network($0) != nil }
        .converted { text, _ in
            AddressText.network(text)
        } back: {
            $0.description
        }
    }
}

extension Shape where Value == String {
    /// An IPv4 or IPv6 address without a port.
    static var ipAddress: Shape {
        .string(meaning: "an IP address without a port", example: "`127.0.0.9`", matches: AddressText.isIP)
    }

    /// What the echo workload can call.
    static var httpURL: Shape {
        .string(meaning: "an `http://` URL", example: "`http://color.colors.local:8080/`") { text in
            guard text.hasPrefix("http://"), text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { return false }
            let authority = text.dropFirst(7).prefix { $0 != "/" && $0 != "?" }
            return !authority.isEmpty && !authority.hasPrefix(":")
        }
    }
}

extension Shape where Value == Duration {
    /// `200ms`, `1.5s`, `2m`; at most a day.
    static var duration: Shape {
        Shape<String>.string(meaning: "a time with its unit", example: "`200ms`, `1.5s` or `2m`") {
            DurationText.duration($0) != nil
        }
        .converted { text, _ in
            DurationText.duration(text)
        } back: {
            DurationText.text($0)
        }
    }
}

extension Shape where Value == Double {
    /// `0.3` or `30%`.
    static var share: Shape {
        Shape(form: .number(0...1)) { node, reader in
            guard case .scalar(let text, let style) = node.content, style != .boolean, style != .null else {
                reader.wrongType(node, expected: "a share from 0 to 1, or a percentage such as `30%`")
                return nil
            }
            let isPercentage = text.hasSuffix("%")
            let digits = isPercentage ? text.dropLast() : text[...]
            guard let number = Double(digits), number.isFinite, style != .text || isPercentage else {
                reader.wrongType(node, expected: "a share from 0 to 1, or a percentage such as `30%`")
                return nil
            }
            let share = isPercentage ? number / 100 : number
            if !(0...1).contains(share) {
                reader.report(
                    "out-of-range", "is \(SourceNode.shortened(text)), expected 0 to 1",
                    suggestion: number > 1 && number <= 100 && !isPercentage ? "did you mean `\(text)%`?" : nil)
            }
            return share
        } write: {
            .number($0)
        }
    }
}

extension Shape where Value == EchoSlowBody {
    /// `1024` (bytes per second) or `50ms` (a pause before each chunk).
    static var slowBody: Shape {
        Shape<String>.string(
            meaning: "bytes per second, or a pause before each chunk", example: "`50ms` or `1024`", takesNumbers: true
        ) { text in
            DurationText.duration(text) != nil || (Constraint.integer(text) ?? 0) > 0
        }
        .converted { text, _ in
            Constraint.integer(text).map { .bytesPerSecond($0) }
                ?? DurationText.duration(text).map { .chunkDelay($0) }
        } back: { slow in
            switch slow {
            case .bytesPerSecond(let bytes): String(bytes)
            case .chunkDelay(let delay): DurationText.text(delay)
            }
        }
    }
}

/// Socket addresses in text.
enum AddressText {
    static func network(_ text: String) -> NetworkAddress? {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            // The kernel's `sun_path` has 108 bytes with the final zero.
            return (1...107).contains(path.utf8.count) && !path.utf8.contains(0) ? .unix(path: path) : nil
        }
        guard let colon = text.lastIndex(of: ":"),
            let port = Constraint.integer(String(text[text.index(after: colon)...])),
            (1...65_535).contains(port)
        else { return nil }
        let host = String(text[..<colon])
        if isIP(host, family: AF_INET) { return .ip(host, port: port) }
        guard host.hasPrefix("["), host.hasSuffix("]"), host.utf8.count > 2 else { return nil }
        let literal = String(host.dropFirst().dropLast())
        return isIP(literal, family: AF_INET6) ? .ip(literal, port: port) : nil
    }

    /// What a port alone, or one of localhost, means.
    @Sendable static func correction(_ text: String) -> String? {
        let port =
            text.hasPrefix("localhost:") ? text.dropFirst(10) : text.hasPrefix(":") ? text.dropFirst() : text[...]
        let address = "127.0.0.1:\(port)"
        return network(address).map { _ in address }
    }

    @Sendable static func isIP(_ text: String) -> Bool { isIP(text, family: AF_INET) || isIP(text, family: AF_INET6) }

    private static func isIP(_ text: String, family: Int32) -> Bool {
        guard !text.utf8.contains(0) else { return false }
        return withUnsafeTemporaryAllocation(byteCount: 16, alignment: 4) {
            inet_pton(family, text, $0.baseAddress) == 1
        }
    }
}

/// Times in text, to the microsecond.
enum DurationText {
    private static let units: [(name: String, microseconds: Int)] = [
        ("us", 1), ("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000),
    ]
    private static let microsecondsMax = 86_400_000_000

    static func duration(_ text: String) -> Duration? {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard let unit = units.first(where: { $0.name == text[number.endIndex...] }) else { return nil }
        let parts = number.split(separator: ".", omittingEmptySubsequences: false)
        guard let whole = parts.first.flatMap({ Int($0) }), parts.count <= 2, whole <= microsecondsMax else {
            return nil
        }
        var (microseconds, overflow) = whole.multipliedReportingOverflow(by: unit.microseconds)
        if parts.count == 2 {
            guard (1...9).contains(parts[1].count), let fraction = Int(parts[1]) else { return nil }
            let scale = (0..<parts[1].count).reduce(1) { value, _ in value * 10 }
            guard (fraction * unit.microseconds).isMultiple(of: scale) else { return nil }
            microseconds += fraction * unit.microseconds / scale
        }
        overflow = overflow || microseconds > microsecondsMax
        return overflow ? nil : .microseconds(microseconds)
    }

    /// In the largest unit that needs no fraction.
    static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        let microseconds = overflow ? Int64.max : whole &+ attoseconds / 1_000_000_000_000
        if microseconds.isMultiple(of: 1_000_000) { return "\(microseconds / 1_000_000)s" }
        return microseconds.isMultiple(of: 1_000) ? "\(microseconds / 1_000)ms" : "\(microseconds)us"
    }
}
