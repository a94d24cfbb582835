public final class Pattern: Sendable { public let source: String; public init(_ s: String) { source = s } }
