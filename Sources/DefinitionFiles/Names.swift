// What resources may be called.

enum Names {
    /// The name of an App Mesh resource: 1 to 255 characters without `/` and white space (`appmesh` 1.1: a name with `/`, such as
    /// an ARN, is refused). Nil if it is one, else what it must be.
    static func appMeshProblem(_ name: String) -> String? {
        let isClean = name.unicodeScalars.allSatisfy { $0 != "/" && $0.value > 0x20 && $0.value != 0x7F }
        let count = name.unicodeScalars.count
        if (1...255).contains(count), isClean { return nil }
        return "a name has 1 to 255 characters, without `/` and spaces"
    }

    /// The name of a Lattice resource (`lattice` 1.3): lower-case letters, digits and single hyphens in between, and not starting
    /// like an identifier.
    static func latticeProblem(_ name: String, length: ClosedRange<Int>, reservedPrefix: String?) -> String? {
        let bytes = Array(name.utf8)
        let isLetterOrDigit = { (byte: UInt8) in (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) }
        let isClean =
            bytes.allSatisfy { isLetterOrDigit($0) || $0 == 0x2D } && bytes.first != 0x2D && bytes.last != 0x2D
            && !name.contains("--")
        let isReserved = reservedPrefix.map { name.hasPrefix($0) } ?? false
        if length.contains(bytes.count), isClean, !isReserved { return nil }
        return "a name has \(Constraint.text(length)) lower-case letters, digits and single hyphens between them"
            + (reservedPrefix.map { ", and does not start with `\($0)`" } ?? "")
    }

    /// A host name (RFC 1123, 2.1), in which the first label may be `*` if others follow. Underscores, which host names in
    /// practice have, are taken.
    @Sendable static func isDomainName(_ text: String) -> Bool {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        return labels.enumerated().allSatisfy { index, label in
            if index == 0, label == "*" { return labels.count > 1 }
            return (1...63).contains(label.utf8.count) && label.utf8.allSatisfy(isLabelByte)
                && label.utf8.first != 0x2D && label.utf8.last != 0x2D
        }
    }

    /// Letters, digits, hyphen, underscore: what stands between the dots of a domain name in practice.
    static func isLabelByte(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte) || byte == 0x2D || byte == 0x5F
    }
}
