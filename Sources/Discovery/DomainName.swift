// A host name as DNS carries it (RFC 1035 2.3.4, 3.1): labels of 1 to 63 bytes, 255 bytes in all with their lengths and the
// final zero. Kept in lower case, as names compare without regard to case (RFC 4343). Every name is absolute: App Mesh's
// host names are full names, so the `search` list of resolv.conf(5) is never applied, and a trailing dot changes nothing.

/// A host name that may be looked up.
public struct DomainName: Sendable, Hashable, CustomStringConvertible {
    /// Labels with their lengths and the final zero, lower case: the form in a message without compression.
    public let wire: [UInt8]

    static let labelBytesMax = 63
    static let wireBytesMax = 255

    /// nil unless every label consists of 1 to 63 letters, digits, hyphens and underscores.
    public init?(_ text: String) {
        var bytes = Array(text.utf8)
        if bytes.last == UInt8(ascii: ".") { bytes.removeLast() }
        guard !bytes.isEmpty else { return nil }
        var wire: [UInt8] = []
        for label in bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            guard (1...Self.labelBytesMax).contains(label.count), label.allSatisfy(Self.isLabelByte) else { return nil }
            wire.append(UInt8(label.count))
            wire += label.map(Self.lower)
        }
        wire.append(0)
        guard wire.count <= Self.wireBytesMax else { return nil }
        self.wire = wire
    }

    /// A name from a message, where any byte may stand in a label. The caller has checked the lengths.
    init(checkedWire wire: [UInt8]) { self.wire = wire }

    private static func isLabelByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    static func lower(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }

    /// Without the trailing dot.
    public var description: String {
        var text: [UInt8] = []
        var offset = 0
        while offset < wire.count, wire[offset] > 0 {
            let end = min(offset + 1 + Int(wire[offset]), wire.count)
            if !text.isEmpty { text.append(UInt8(ascii: ".")) }
            text += wire[(offset + 1)..<end]
            offset = end
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// `localhost` and names under it mean this machine and are never asked for (RFC 6761 6.3).
    var isLocalhost: Bool {
        let suffix = [9] + Array("localhost".utf8) + [0]
        return wire == suffix || wire.count > suffix.count && wire.suffix(suffix.count).elementsEqual(suffix)
    }
}
