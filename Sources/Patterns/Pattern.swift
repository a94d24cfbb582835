import Synchronization

/// Regular expressions in RE2's syntax, matched in time linear in the text.
///
/// Patterns come from route and header matches, where the reference means RE2 with full match (Envoy's
/// `safe_regex`). Matching works on raw bytes, allocates nothing once a scratch is warm, and cannot be made slow by
/// any pattern or text: there is no backtracking. Two engines share one step (`Simulation`): a deterministic
/// automaton built as texts need it and kept in the worker's `PatternScratch`, and, when that would thrash, plain
/// simulation. Unlike RE2, Unicode categories follow the standard library's Unicode version, groups nest at most
/// `PatternLimits.nesting` deep, and programs have at most `PatternLimits.instructions` instructions.

/// A compiled pattern; immutable.
public final class Pattern: Sendable {
    /// As it was written.
    public let source: String

    private let program: Program
    /// Never reused, so that a scratch cannot confuse a new pattern with one whose memory it took over.
    private let identity: UInt64

    private static let identities = Atomic<UInt64>(0)

    /// Parses and compiles.
    ///
    /// - Throws: the first thing that RE2 would refuse, or a program above the limits.
    public init(_ source: String) throws(PatternError) {
        self.source = source
        program = try Program(Parser.parse(source))
        identity = Self.identities.wrappingAdd(1, ordering: .relaxed).newValue
    }

    deinit { program.deallocate() }

    /// Whether the pattern matches the text from end to end (RE2::FullMatch).
    ///
    /// The text may be any bytes; ill-formed UTF-8 is matched as RE2 does, byte by byte.
    public func matchesWhole(_ text: UnsafeBufferPointer<UInt8>, _ scratch: PatternScratch) -> Bool {
        guard program.hasPrefix(text) else { return false }
        if program.isLiteral { return text.count == program.prefixCount }
        return scratch.core.pointee.run(program, identity, text, searching: false)
    }

    /// Whether the pattern matches the text from end to end. For tests and explanations: every call begins cold.
    public func matchesWhole(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { matchesWhole($0, PatternScratch()) }
    }

    /// Whether a text that begins with the byte can match from end to end. `false` is certain; `true` is not, because
    /// assertions such as `\b` are taken to hold.
    public func mayBegin(with byte: UInt8) -> Bool { program.mayBegin(with: byte) }

    /// Whether the pattern matches some part of the text (RE2::PartialMatch).
    public func find(_ text: UnsafeBufferPointer<UInt8>, _ scratch: PatternScratch) -> Bool {
        scratch.core.pointee.run(program, identity, text, searching: true)
    }
}
