// Values as people write them on a command line.

import Glibc
import Routing

extension NetworkAddress {
    /// `127.0.0.1:80`, `[::1]:80`, `unix:/run/x.sock`, or a port alone, which is on 127.0.0.1. Port 0 lets the kernel choose.
    public init?(argument: String) {
        if argument.hasPrefix("unix:") {
            let path = String(argument.dropFirst(5))
            // The limit of the kernel's address structure (unix(7)).
            guard !path.isEmpty, path.utf8.count < 108 else { return nil }
            self = .unix(path: path)
            return
        }
        guard let colon = argument.lastIndex(of: ":") else {
            guard let port = Self.port(argument[...]) else { return nil }
            self = .ip(host: "127.0.0.1", port: port)
            return
        }
        guard let port = Self.port(argument[argument.index(after: colon)...]) else { return nil }
        var host = argument[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        if isBracketed { host = host.dropFirst().dropLast() }
        if host == "localhost" { host = "127.0.0.1" }
        var v4 = in_addr()
        var v6 = in6_addr()
        let isLiteral =
            isBracketed ? inet_pton(AF_INET6, String(host), &v6) == 1 : inet_pton(AF_INET, String(host), &v4) == 1
        guard isLiteral else { return nil }
        self = .ip(host: String(host), port: port)
    }

    private static func port(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.count <= 5, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int(text).flatMap { $0 <= 65_535 ? $0 : nil }
    }
}

extension Duration {
    /// A number with a unit: `250ms`, `1.5s`, `2m`, `100us`. Not negative, at most a day.
    public init?(argument: String) {
        let units: [(String, Double)] = [("ms", 1e-3), ("us", 1e-6), ("s", 1), ("m", 60), ("h", 3600)]
        guard let (unit, factor) = units.first(where: { argument.hasSuffix($0.0) }) else { return nil }
        let number = argument.dropLast(unit.count)
        guard number.utf8.allSatisfy({ (48...57).contains($0) || $0 == UInt8(ascii: ".") }), let value = Double(number),
            value * factor <= 86_400
        else { return nil }
        self = .nanoseconds(Int64((value * factor * 1e9).rounded()))
    }
}
