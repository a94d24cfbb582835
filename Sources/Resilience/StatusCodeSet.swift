/// A set of HTTP status codes in 64 bytes, so that asking "is this code one of them?" on every answer is a shift and a mask.
public struct StatusCodeSet: Sendable, Hashable, ExpressibleByArrayLiteral {
    /// Codes that the set can hold; RFC 9110 section 15 knows 100 to 599. Others are never members.
    public static let codes = 100..<612

    private var words = SIMD8<UInt64>()

    public init() {}

    public init(arrayLiteral elements: Int...) {
        for code in elements { insert(code) }
    }

    public init(_ elements: some Sequence<Int>) {
        for code in elements { insert(code) }
    }

    /// - Returns: false if `code` is outside `codes` and was left out.
    @discardableResult
    public mutating func insert(_ code: Int) -> Bool {
        guard Self.codes.contains(code) else { return false }
        let bit = code &- Self.codes.lowerBound
        words[bit >> 6] |= 1 << UInt64(bit & 63)
        return true
    }

    public func contains(_ code: Int) -> Bool {
        guard Self.codes.contains(code) else { return false }
        let bit = code &- Self.codes.lowerBound
        return words[bit >> 6] & (1 << UInt64(bit & 63)) != 0
    }

    public mutating func formUnion(_ other: StatusCodeSet) { words |= other.words }

    public var isEmpty: Bool { words == SIMD8<UInt64>() }

    /// Members in ascending order, for `config_dump` and `explain`.
    public var sorted: [Int] { Self.codes.filter(contains) }
}
