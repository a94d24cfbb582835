// Access-log formats: compiled once when definitions are loaded, then run for every record. A format is a flat list of
// steps over a pool of bytes; running one allocates nothing and takes no lock.

import Wire

/// How the records of one log become lines.
public final class AccessLogFormat: Sendable {
    let steps: [Step]
    let pool: [UInt8]
    let times: [TimeFormat]
    /// Operators of the patterns whose facts do not exist yet: they print as absent.
    public let notInForce: [FormatError]

    init(steps: [Step], compiler: FormatCompiler) {
        self.steps = steps
        pool = compiler.pool
        times = compiler.times
        notInForce = compiler.notInForce
    }

    /// Envoy's default line, which is App Mesh's too.
    public static let standard = fixed { () throws(FormatError) in try AccessLogFormat.text(standardPattern) }

    /// The pattern of `standard`.
    public static let standardPattern = """
        [%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% \
        %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \
        "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"

        """

    /// A text pattern of Envoy's operators. A line ends with a newline even if the pattern does not, as anything else
    /// runs all records together.
    public static func text(_ pattern: String) throws(FormatError) -> AccessLogFormat {
        var compiler = FormatCompiler()
        var parts = try compiler.parse(pattern)
        if case .literal(let last) = parts.last {
            if last.last != 10 { parts[parts.count - 1] = .literal(last + [10]) }
        } else {
            parts.append(.literal([10]))
        }
        var steps: [Step] = []
        for part in parts {
            switch part {
            case .literal(let bytes): steps.append(Step(operation: .constant(compiler.intern(bytes)), mode: .raw))
            case .operation(let operation, let limit):
                steps.append(Step(operation: operation, mode: .text, limit: limit))
            }
        }
        return AccessLogFormat(steps: steps, compiler: compiler)
    }

    /// One JSON object per line, its keys sorted as Envoy sorts them. A value that is one operator keeps its type:
    /// numbers stay numbers and a missing fact is `null`; any other value is a string, in which a missing fact is `-`.
    public static func json(_ fields: [(key: String, value: String)]) throws(FormatError) -> AccessLogFormat {
        var builder = JSONSteps()
        var seen: Set<String> = []
        for field in fields where !seen.insert(field.key).inserted {
            throw FormatError(offset: 0, message: "the key \(field.key) is given twice", key: field.key)
        }
        for field in fields.sorted(by: { Array($0.key.utf8).lexicographicallyPrecedes(Array($1.key.utf8)) }) {
            do {
                try builder.add(key: field.key, pattern: field.value)
            } catch {
                throw FormatError(offset: error.offset, message: error.message, key: field.key)
            }
        }
        return builder.finish()
    }

    /// Adds the record's line to the buffer.
    public func append(_ record: Record, to buffer: LogBuffer) {
        var output = buffer.output
        steps.withUnsafeBufferPointer { steps in
            pool.withUnsafeBufferPointer { pool in
                let renderer = Renderer(record: record, pool: pool, times: times)
                for step in steps { renderer.run(step, &output) }
            }
        }
        buffer.output = output
        buffer.lines += 1
    }

    /// A format of the program's own, whose pattern is known to compile.
    static func fixed(_ make: () throws(FormatError) -> AccessLogFormat) -> AccessLogFormat {
        do {
            return try make()
        } catch {
            preconditionFailure("built-in access-log format: \(error)")
        }
    }
}

/// Builds the steps of a JSON line. Constant text is gathered, so that keys and punctuation cost one copy.
struct JSONSteps {
    private var compiler = FormatCompiler()
    private var steps: [Step] = []
    private var pending: [UInt8] = [UInt8(ascii: "{")]
    private var isFirst = true

    private mutating func flush() {
        guard !pending.isEmpty else { return }
        steps.append(Step(operation: .constant(compiler.intern(pending)), mode: .raw))
        pending = []
    }

    private mutating func begin(_ key: String) {
        if !isFirst { pending.append(UInt8(ascii: ",")) }
        isFirst = false
        pending += JSONText.value(key) + [UInt8(ascii: ":")]
    }

    mutating func add(key: String, pattern: String) throws(FormatError) {
        let noted = compiler.notInForce.count
        let parts = try compiler.parse(pattern)
        for index in noted..<compiler.notInForce.count { compiler.notInForce[index].key = key }
        begin(key)
        if parts.count == 1, case .operation(let operation, let limit) = parts[0] {
            flush()
            steps.append(Step(operation: operation, mode: .json, limit: limit))
            return
        }
        pending.append(UInt8(ascii: "\""))
        for part in parts {
            switch part {
            case .literal(let bytes):
                pending += JSONText.escaped(String(decoding: bytes, as: UTF8.self))
            case .operation(let operation, let limit):
                flush()
                steps.append(Step(operation: operation, mode: .jsonPart, limit: limit))
            }
        }
        pending.append(UInt8(ascii: "\""))
    }

    mutating func add(key: String, _ operation: Operator, mode: Step.Mode = .json) {
        begin(key)
        flush()
        steps.append(Step(operation: operation, mode: mode))
    }

    /// Members that an operator writes with their keys, each followed by a comma.
    mutating func addMembers(_ operation: Operator) {
        if !isFirst { pending.append(UInt8(ascii: ",")) }
        flush()
        steps.append(Step(operation: operation, mode: .raw))
        isFirst = true
    }

    mutating func finish() -> AccessLogFormat {
        pending += Array("}\n".utf8)
        flush()
        return AccessLogFormat(steps: steps, compiler: compiler)
    }
}
