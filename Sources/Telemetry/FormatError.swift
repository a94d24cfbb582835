// What is wrong with a pattern, where, and what was probably meant.

/// A pattern that cannot be compiled, or an operator in it that has no fact yet.
public struct FormatError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: Sendable, Equatable {
        /// Not a pattern of Envoy's; it is thrown.
        case invalid
        /// Valid in Envoy; prints as absent here until its fact exists. It is listed by the compiled format.
        case notInForce
    }

    public var kind: Kind
    /// Bytes from the start of the pattern to the offending part.
    public var offset: Int
    /// One sentence, with the nearest operator if the name is unknown.
    public var message: String
    /// Key of the JSON member whose pattern it is.
    public var key: String?

    public init(offset: Int, message: String, key: String? = nil, kind: Kind = .invalid) {
        self.kind = kind
        self.offset = offset
        self.message = message
        self.key = key
    }

    public var description: String {
        let place = key.map { "\($0), offset \(offset)" } ?? "offset \(offset)"
        return "\(place): \(message)"
    }
}

/// The candidate with the smallest edit distance, if it is near enough to be a slip of the pen.
func nearest(to name: String, in candidates: [String]) -> String? {
    let wanted = Array(name.utf8.prefix(64))
    var best: (name: String, distance: Int)?
    for candidate in candidates.sorted() {
        let distance = editDistance(wanted, Array(candidate.utf8))
        if distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    guard let best, best.distance <= max(2, wanted.count / 3) else { return nil }
    return best.name
}

private func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, y) in b.enumerated() {
            let above = row[j + 1]
            row[j + 1] = min(above + 1, row[j] + 1, diagonal + (x == y ? 0 : 1))
            diagonal = above
        }
    }
    return row[b.count]
}
