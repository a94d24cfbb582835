// IP addresses as values, and which of the two families somebody wants.

import Definitions
import Glibc

/// An IPv4 or IPv6 address.
public struct IPAddress: Sendable, Hashable, CustomStringConvertible {
    public enum Family: Sendable, Hashable, CaseIterable { case v4, v6 }

    /// 4 or 16 bytes in network order.
    public let bytes: [UInt8]

    /// nil unless there are 4 or 16 bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        self.bytes = Array(bytes)
    }

    /// A literal without brackets and zone: dotted decimal, or IPv6 text (RFC 4291 2.2).
    public init?(_ text: String) {
        var v4 = in_addr()
        var v6 = in6_addr()
        if inet_pton(AF_INET, text, &v4) == 1 {
            bytes = withUnsafeBytes(of: v4) { Array($0) }
        } else if text.contains(":"), inet_pton(AF_INET6, text, &v6) == 1 {
            bytes = withUnsafeBytes(of: v6) { Array($0) }
        } else {
            return nil
        }
    }

    public var family: Family { bytes.count == 4 ? .v4 : .v6 }

    /// In the form of RFC 5952.
    public var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let made = bytes.withUnsafeBytes {
            inet_ntop(family == .v4 ? AF_INET : AF_INET6, $0.baseAddress, &text, socklen_t(text.count))
        }
        guard made != nil else { return "?" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// IPv4 before IPv6, then by number.
    static func isOrdered(_ a: IPAddress, _ b: IPAddress) -> Bool {
        (a.bytes.count, b.bytes.count) == (b.bytes.count, a.bytes.count)
            ? a.bytes.lexicographicallyPrecedes(b.bytes) : a.bytes.count < b.bytes.count
    }
}

/// Which addresses of a name are used (`ipPreference`; appmesh.md 2, "ipPreference"). A preferred family is used alone
/// whenever the name has it; the other one is used, alone too, when it does not. This is Envoy's `AUTO` and `V4_PREFERRED`.
public enum FamilyPreference: String, Sendable, Hashable, CaseIterable {
    case v6Preferred, v4Preferred, v4Only, v6Only

    /// Of a node, whose own preference comes before the mesh's. Without any, DNS prefers IPv6.
    public init(node: IpPreference?, mesh: IpPreference?) {
        switch node ?? mesh {
        case .ipv6Preferred, nil: self = .v6Preferred
        case .ipv4Preferred: self = .v4Preferred
        case .ipv4Only: self = .v4Only
        case .ipv6Only: self = .v6Only
        }
    }

    /// In order of preference.
    public var families: [IPAddress.Family] {
        switch self {
        case .v6Preferred: [.v6, .v4]
        case .v4Preferred: [.v4, .v6]
        case .v4Only: [.v4]
        case .v6Only: [.v6]
        }
    }

    /// Of addresses that are all known: those of the first family that there is one of.
    public func choose(from addresses: [IPAddress]) -> [IPAddress] {
        for family in families {
            let chosen = addresses.filter { $0.family == family }
            if !chosen.isEmpty { return chosen }
        }
        return []
    }
}
