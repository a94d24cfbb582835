// JSON text (RFC 8259, strictly) to nodes with the place of each. Beyond the standard it takes placeholders: inside a text they
// are filled in, and unquoted, as published examples have them (`"hostname": $DNS_HOSTNAME`), they are a value whose type the
// field decides; a variable that holds JSON itself (an array, a map, a quoted text) becomes that. Limit: 100 levels.

struct JSONReader {
    static let depthMax = 100

    private struct Failure: Error {
        var problem: SourceProblem
    }

    private let bytes: [UInt8]
    private let variables: Variables
    /// Where everything is said to stand, if this is the value of a variable.
    private let fixedLocation: Location?
    private var index = 0
    private var line = 1
    /// How far columns were counted in this line.
    private var columnIndex = 0
    private var column = 1
    private var problems: [SourceProblem] = []

    static func read(_ bytes: [UInt8], variables: Variables) -> SourceText {
        var reader = JSONReader(bytes, variables: variables, fixedLocation: nil)
        return reader.readText()
    }

    private init(_ bytes: [UInt8], variables: Variables, fixedLocation: Location?) {
        self.bytes = bytes
        self.variables = variables
        self.fixedLocation = fixedLocation
    }

    private mutating func readText() -> SourceText {
        do throws(Failure) {
            skipSpace()
            guard index < bytes.count else { return SourceText() }
            let root = try value(depth: 0)
            skipSpace()
            guard index == bytes.count else { throw failure("only one JSON value is possible, then \(here) follows") }
            return SourceText(documents: [SourceDocument(root: root, problems: problems)])
        } catch {
            return SourceText(failure: error.problem)
        }
    }

    private mutating func value(depth: Int) throws(Failure) -> SourceNode {
        let place = location
        guard depth < Self.depthMax else {
            throw failure("nested deeper than \(Self.depthMax) levels", code: "too-deep")
        }
        switch current ?? 0 {
        case UInt8(ascii: "{"): return SourceNode(content: .mapping(try entries(depth: depth)), location: place)
        case UInt8(ascii: "["): return SourceNode(content: .sequence(try elements(depth: depth)), location: place)
        case UInt8(ascii: "\""):
            let problemsBefore = problems.count
            let text = try text()
            let style = problems.count == problemsBefore ? SourceNode.ScalarStyle.text : .unresolved
            return SourceNode(content: .scalar(text, style), location: place)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return SourceNode(content: .scalar(try number(), .number), location: place)
        case UInt8(ascii: "$"): return try placeholder(depth: depth)
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): return try literal()
        default: throw failure("expected a value, found \(here)")
        }
    }

    private mutating func entries(depth: Int) throws(Failure) -> [SourceNode.Entry] {
        var entries: [SourceNode.Entry] = []
        var places: [String: Location] = [:]
        index += 1
        skipSpace()
        if take("}") { return entries }
        while true {
            let keyLocation = location
            guard current == UInt8(ascii: "\"") else { throw failure("expected a key in double quotes, found \(here)") }
            let key = try text()
            skipSpace()
            guard take(":") else { throw failure("expected `:` after the key `\(key)`, found \(here)") }
            skipSpace()
            let value = try value(depth: depth + 1)
            if let first = places[key] {
                problems.append(.duplicateKey(key, at: keyLocation, first: first))
            } else {
                places[key] = keyLocation
                entries.append(SourceNode.Entry(key: key, keyLocation: keyLocation, value: value))
            }
            skipSpace()
            if take("}") { return entries }
            guard take(",") else { throw failure("expected `,` or `}` after the value of `\(key)`, found \(here)") }
            skipSpace()
            if current == UInt8(ascii: "}") { throw failure("JSON allows no `,` before `}`") }
        }
    }

    private mutating func elements(depth: Int) throws(Failure) -> [SourceNode] {
        var elements: [SourceNode] = []
        index += 1
        skipSpace()
        if take("]") { return elements }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            if take("]") { return elements }
            guard take(",") else { throw failure("expected `,` or `]` after a value, found \(here)") }
            skipSpace()
            if current == UInt8(ascii: "]") { throw failure("JSON allows no `,` before `]`") }
        }
    }

    private mutating func placeholder(depth: Int) throws(Failure) -> SourceNode {
        let place = location
        guard let found = variables.placeholder(in: bytes, at: index), !found.isEscaped else {
            throw failure("expected a value, found \(here)")
        }
        index += found.length
        guard let value = variables.values[found.name] else {
            problems.append(variables.unknown(found.name, at: place))
            return SourceNode(content: .scalar("$\(found.name)", .unresolved), location: place)
        }
        guard let first = value.utf8.first, [UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "\"")].contains(first)
        else { return SourceNode(content: .scalar(value, .plain), location: place) }
        var nested = JSONReader(Array(value.utf8), variables: Variables(), fixedLocation: place)
        let read = nested.readText()
        if var failure = read.failure {
            failure.message = "in the value of `\(found.name)`: \(failure.message)"
            throw Failure(problem: failure)
        }
        guard let document = read.documents.first else {
            return SourceNode(content: .scalar(value, .plain), location: place)
        }
        problems += document.problems
        return document.root
    }

    private mutating func literal() throws(Failure) -> SourceNode {
        let place = location
        let start = index
        while let byte = current, Self.isLetter(byte) { index += 1 }
        let word = String(decoding: bytes[start..<index], as: UTF8.self)
        switch word {
        case "true", "false": return SourceNode(content: .scalar(word, .boolean), location: place)
        case "null": return SourceNode(content: .scalar("", .null), location: place)
        default:
            index = start
            throw failure(
                "`\(SourceNode.shortened(word))` is not a JSON value", suggestion: "a text needs double quotes")
        }
    }

    private mutating func number() throws(Failure) -> String {
        let start = index
        _ = take("-")
        if current == UInt8(ascii: "0") {
            index += 1
            if let byte = current, Self.isDigit(byte) { throw failure("a JSON number has no leading zeros") }
        } else {
            try digits()
        }
        if take(".") { try digits() }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            try digits()
        }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    private mutating func digits() throws(Failure) {
        guard let byte = current, Self.isDigit(byte) else { throw failure("expected a digit, found \(here)") }
        while let byte = current, Self.isDigit(byte) { index += 1 }
    }
}

extension JSONReader {
    /// A text in quotes, with escapes and placeholders resolved.
    private mutating func text() throws(Failure) -> String {
        index += 1
        var result: [UInt8] = []
        while true {
            guard let byte = current else { throw failure("the text is not closed by `\"`") }
            switch byte {
            case UInt8(ascii: "\""):
                index += 1
                return String(decoding: result, as: UTF8.self)
            case UInt8(ascii: "\\"):
                result += Array(String(try escape()).utf8)
            case UInt8(ascii: "$"):
                resolvePlaceholder(into: &result)
            case 0..<0x20:
                let name = byte == UInt8(ascii: "\n") ? "a line break" : "a control character"
                throw failure("\(name) inside a text", suggestion: "write it as an escape such as `\\n`")
            default:
                result.append(byte)
                index += 1
            }
        }
    }

    private mutating func resolvePlaceholder(into result: inout [UInt8]) {
        guard let found = variables.placeholder(in: bytes, at: index) else {
            result.append(UInt8(ascii: "$"))
            index += 1
            return
        }
        if found.isEscaped {
            result += bytes[(index + 1)..<(index + found.length)]
        } else if let value = variables.values[found.name] {
            result += Array(value.utf8)
        } else {
            problems.append(variables.unknown(found.name, at: location))
            result += bytes[index..<(index + found.length)]
        }
        index += found.length
    }

    private mutating func escape() throws(Failure) -> Unicode.Scalar {
        index += 1
        let simple: [UInt8: Unicode.Scalar] = [
            UInt8(ascii: "\""): "\"", UInt8(ascii: "\\"): "\\", UInt8(ascii: "/"): "/", UInt8(ascii: "b"): "\u{8}",
            UInt8(ascii: "f"): "\u{C}", UInt8(ascii: "n"): "\n", UInt8(ascii: "r"): "\r", UInt8(ascii: "t"): "\t",
        ]
        guard let byte = current else { throw failure("the text is not closed by `\"`") }
        if let scalar = simple[byte] {
            index += 1
            return scalar
        }
        guard byte == UInt8(ascii: "u") else {
            throw failure("`\\\(Character(Unicode.Scalar(byte)))` is not an escape of JSON")
        }
        index += 1
        let unit = try hexadecimal()
        if (0xD800..<0xDC00).contains(unit), take("\\"), take("u") {
            let low = try hexadecimal()
            if (0xDC00..<0xE000).contains(low),
                let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
            {
                return scalar
            }
            throw failure("half of a surrogate pair in a text")
        }
        guard let scalar = Unicode.Scalar(unit) else { throw failure("half of a surrogate pair in a text") }
        return scalar
    }

    private mutating func hexadecimal() throws(Failure) -> UInt32 {
        guard index + 4 <= bytes.count, bytes[index..<(index + 4)].allSatisfy(Self.isHexadecimal),
            let unit = UInt32(String(decoding: bytes[index..<(index + 4)], as: UTF8.self), radix: 16)
        else { throw failure("`\\u` needs four hexadecimal digits") }
        index += 4
        return unit
    }
}

extension JSONReader {
    private var current: UInt8? { index < bytes.count ? bytes[index] : nil }

    /// The place of `index`. Columns are counted on from the last question, so that one long line costs no more than many.
    private var location: Location {
        mutating get {
            if let fixedLocation { return fixedLocation }
            while columnIndex < index {
                if bytes[columnIndex] & 0xC0 != 0x80 { column += 1 }
                columnIndex += 1
            }
            return Location(line: line, column: column)
        }
    }

    /// What stands at `index`, for texts.
    private var here: String {
        guard let byte = current else { return "the end of the file" }
        let rest = String(decoding: bytes[index..<min(index + 4, bytes.count)], as: UTF8.self)
        if byte == UInt8(ascii: "/") { return "`/` (JSON has no comments)" }
        if byte == UInt8(ascii: "'") { return "`'` (JSON texts have double quotes)" }
        return rest.first.map { "`\($0)`" } ?? "an odd byte"
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard current == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = current {
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): index += 1
            case UInt8(ascii: "\n"):
                index += 1
                line += 1
                columnIndex = index
                column = 1
            default: return
            }
        }
    }

    private mutating func failure(
        _ message: String, code: String = "syntax", suggestion: String? = nil
    ) -> Failure {
        Failure(problem: SourceProblem(code: code, location: location, message: message, suggestion: suggestion))
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
    }
}
