// IP addresses as text, without names, ports, brackets or zones. IPv4 is strict dotted decimal: `127.1` and `010.0.0.1` mean
// different things to different programs, so they are refused.

import Glibc

enum IPLiteral {
    /// The 32 bits of a dotted-decimal address.
    static func ipv4(_ text: String) -> UInt32? {
        let octets = text.split(separator: ".", omittingEmptySubsequences: false)
        guard octets.count == 4 else { return nil }
        var bits: UInt32 = 0
        for octet in octets {
            guard (1...3).contains(octet.utf8.count), octet.utf8.allSatisfy({ (48...57).contains($0) }),
                octet.utf8.count == 1 || octet.utf8.first != 48, let value = UInt32(octet), value < 256
            else { return nil }
            bits = bits << 8 | value
        }
        return bits
    }

    static func isIPv6(_ text: String) -> Bool { ipv6(text) != nil }

    private static func ipv6(_ text: String) -> [UInt8]? {
        var address = [UInt8](repeating: 0, count: 16)
        return text.contains(":") && inet_pton(AF_INET6, text, &address) == 1 ? address : nil
    }

    static func isValid(_ text: String) -> Bool { ipv4(text) != nil || isIPv6(text) }

    /// Every address of the machine: a place to listen, not one to call from or to show as a peer.
    static func isWildcard(_ text: String) -> Bool {
        ipv4(text) == 0 || ipv6(text) == [UInt8](repeating: 0, count: 16)
    }

    /// 127.0.0.0/8 and ::1.
    static func isLoopback(_ text: String) -> Bool {
        ipv4(text).map { $0 >> 24 == 127 } ?? (ipv6(text) == [UInt8](repeating: 0, count: 15) + [1])
    }
}
