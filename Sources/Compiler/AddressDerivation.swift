// The loopback address of everything that listens, computed from its name alone (design section 6): every process that reads
// the same definitions gets the same addresses, and editing one resource never moves another. The price is that two names
// may hash to one address; that is reported, never probed around, because probing would depend on what else exists.
//
// The hash is FNV-1a with 64 bits over the UTF-8 of `mesh 0x00 kind 0x00 name 0x00 instance`; it is part of the format of a
// placement and must never change. The slot is the hash modulo the number of slots; slots count through the even last octets
// 2...252 fastest, then the third octet, then the second. The odd address after a slot belongs to it as well (a sidecar's
// egress). Octets 0, 254 and 255 are left out: they read like network and broadcast addresses.

/// The part of 127.0.0.0/8 that derived addresses are taken from.
public struct AddressRange: Sendable, Equatable {
    /// 127.16.0.0 to 127.239.255.255.
    public static let standard = AddressRange(first: 127 << 24 | 16 << 16, networks: 224 * 256)

    /// First address, a multiple of 256.
    let first: UInt32
    /// How many blocks of 256 addresses follow.
    let networks: UInt64

    static let slotsPerNetwork: UInt64 = 126

    init(first: UInt32, networks: UInt64) {
        self.first = first
        self.networks = networks
    }

    /// A base address with an optional prefix length of 9 to 24 bits, 16 without: `127.50.0.0` is 127.50.0.0/16.
    /// nil unless it lies in 127.0.0.0/8 and keeps clear of 127.0.0.0/24, where everybody's own services are.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let base = parts.first.flatMap({ LoopbackAddress(String($0)) }) else { return nil }
        var bits: UInt32 = 16
        if parts.count == 2 {
            guard let given = UInt32(parts[1]), (9...24).contains(given) else { return nil }
            bits = given
        }
        let size = UInt32(1) << (32 - bits)
        let first = base.bits & ~(size - 1)
        guard first == base.bits, first != 127 << 24 else { return nil }
        self.init(first: first, networks: UInt64(size / 256))
    }

    /// The even address of a named thing.
    func address(mesh: String, kind: String, name: String, instance: String) -> LoopbackAddress {
        let slot = AddressHash.of([mesh, kind, name, instance]) % (networks * Self.slotsPerNetwork)
        let network = UInt32(truncatingIfNeeded: slot / Self.slotsPerNetwork)
        let host = UInt32(truncatingIfNeeded: slot % Self.slotsPerNetwork) * 2 + 2
        return LoopbackAddress(bits: first &+ network &* 256 &+ host)
    }
}

/// FNV-1a, 64 bits, over parts separated by a zero byte.
enum AddressHash {
    static func of(_ parts: [String]) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for (index, part) in parts.enumerated() {
            if index > 0 { hash = step(hash, 0) }
            for byte in part.utf8 { hash = step(hash, byte) }
        }
        return hash
    }

    private static func step(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
        (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
    }
}

/// An IPv4 address in 127.0.0.0/8.
struct LoopbackAddress: Hashable, CustomStringConvertible {
    var bits: UInt32

    init(bits: UInt32) { self.bits = bits }

    init?(_ text: String) {
        guard let bits = IPLiteral.ipv4(text), bits >> 24 == 127 else { return nil }
        self.bits = bits
    }

    /// The address after this one; the last one (a broadcast address) has none.
    var next: LoopbackAddress? {
        bits >= 0x7fff_fffe ? nil : LoopbackAddress(bits: bits + 1)
    }

    var description: String {
        "\(bits >> 24).\(bits >> 16 & 255).\(bits >> 8 & 255).\(bits & 255)"
    }
}
