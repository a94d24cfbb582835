// Limits and small closed sets of the HTTP/1.1 codec.

/// Bounds of one message, each counted in bytes or lines as received. The defaults are those Envoy was seen to apply.
public struct HTTP1Limits: Sendable {
    /// The head in all: start line, fields and the empty line. A request beyond it is answered 431.
    public var headBytesMax = 61_440
    /// Header fields of a message, Host included; the same bound holds for the trailer fields of one message.
    public var fieldsMax = 100
    /// The trailer section in all, from behind the last chunk's line.
    public var trailerBytesMax = 16_384
    /// One chunk-size line with its extensions.
    public var chunkLineBytesMax = 4_096
    /// The chunk extensions of one body in all. Without it a peer could send extensions for ever, with hardly a body.
    public var chunkExtensionBytesMax = 65_536

    public init() {}

    public static let request = HTTP1Limits()
    /// Answers come from the mesh's own workloads and are known to carry larger heads (70 KB were seen to pass).
    public static let response: HTTP1Limits = {
        var limits = HTTP1Limits()
        limits.headBytesMax = 131_072
        return limits
    }()
}

/// How the end of a body is known (RFC 9112 6.3).
public enum BodyFraming: Equatable, Sendable {
    /// There is no body.
    case none
    /// Content-Length; never more than `Int.max`.
    case length(UInt64)
    case chunked
    /// The body ends with the connection; responses only.
    case untilClose
}

/// What a head parser found at the start of its input.
public enum HeadStep: Equatable, Sendable {
    /// More bytes are needed; the next call starts with the same bytes.
    case incomplete
    /// The head takes up this many bytes of the input; the block holds it.
    case complete(bytes: Int)
    /// The message is malformed or beyond a limit; the connection cannot be used further.
    case refused(HTTP1Error)
}

/// Which request methods pass.
public enum MethodPolicy: Sendable {
    /// Only the methods of `Method`, as App Mesh's Envoy does; others are answered 400.
    case known
    /// Any token, as VPC Lattice does, which lets rules match custom methods.
    case anyToken
}

/// The Connection field that a response gets.
public enum ConnectionHeader: Sendable { case none, close, keepAlive }
