/// Why a pattern was refused, for the person who wrote it.
public struct PatternError: Error, Equatable, Sendable {
    /// Where the offending part begins: bytes of UTF-8 from the start of the pattern, 0...count.
    public let offset: Int
    /// What is wrong and, where there is one, the supported way to say it. One sentence, no final full stop.
    public let message: String

    public init(offset: Int, message: String) {
        self.offset = offset
        self.message = message
    }
}

extension PatternError: CustomStringConvertible {
    public var description: String { "\(message) (at byte \(offset))" }
}
