// JSON read strictly (RFC 8259): bodies of admin requests, answers of a running process, lines of a structured log. Whatever
// the bytes are, reading ends: nesting is bounded, and a number that no integer holds becomes a double.

/// Why a text is not JSON.
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Bytes before the place.
    public var offset: Int
    public var message: String
    public var description: String { "\(message) at byte \(offset)" }
}

extension JSONValue {
    /// Reads one value; nothing but blanks may follow it. Of a key that is given twice the first value counts.
    public init(parsing text: some Sequence<UInt8>) throws(JSONError) {
        var parser = JSONParser(bytes: Array(text))
        self = try parser.whole()
    }

    public var text: String? { if case .string(let text) = self { text } else { nil } }
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var elements: [JSONValue] { if case .array(let elements) = self { elements } else { [] } }
    public var members: [Member] { if case .object(let members) = self { members } else { [] } }

    public var int: Int? {
        switch self {
        case .int(let value): value
        case .double(let value): Int(exactly: value)
        default: nil
        }
    }

    public var double: Double? {
        switch self {
        case .int(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }
}

private struct JSONParser {
    let bytes: [UInt8]
    private var index = 0
    static let depthMax = 100

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func whole() throws(JSONError) -> JSONValue {
        let value = try value(depth: 0)
        skipBlanks()
        guard index == bytes.count else { throw failure("something follows the value") }
        return value
    }

    private func failure(_ message: String) -> JSONError { JSONError(offset: index, message: message) }
    private var current: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipBlanks() {
        while let byte = current, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { index += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard current == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        guard depth < Self.depthMax else { throw failure("nested deeper than \(Self.depthMax) levels") }
        skipBlanks()
        switch current {
        case UInt8(ascii: "{"): return .object(try members(depth: depth))
        case UInt8(ascii: "["): return .array(try elements(depth: depth))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case nil: throw failure("the text ends where a value is expected")
        case let byte? where byte == UInt8(ascii: "-") || isDigit(byte): return try number()
        default: throw failure("no value begins like this")
        }
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
        guard bytes[index...].starts(with: word.utf8) else { throw failure("no value begins like this") }
        index += word.utf8.count
        return value
    }

    private mutating func members(depth: Int) throws(JSONError) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        index += 1
        skipBlanks()
        if take("}") { return members }
        while true {
            skipBlanks()
            guard current == UInt8(ascii: "\"") else { throw failure("a key in quotes is expected") }
            let key = try string()
            skipBlanks()
            guard take(":") else { throw failure("`:` is expected after a key") }
            let value = try value(depth: depth + 1)
            members.append(JSONValue.Member(key: key, value: value))
            skipBlanks()
            if take("}") { return members }
            guard take(",") else { throw failure("`,` or `}` is expected after a member") }
        }
    }

    private mutating func elements(depth: Int) throws(JSONError) -> [JSONValue] {
        var elements: [JSONValue] = []
        index += 1
        skipBlanks()
        if take("]") { return elements }
        while true {
            elements.append(try value(depth: depth + 1))
            skipBlanks()
            if take("]") { return elements }
            guard take(",") else { throw failure("`,` or `]` is expected after an element") }
        }
    }

    private mutating func number() throws(JSONError) -> JSONValue {
        let start = index
        _ = take("-")
        guard let first = current, isDigit(first) else { throw failure("a digit is expected") }
        if take("0") {
            if let next = current, isDigit(next) { throw failure("a number has no leading zeros") }
        } else {
            skipDigits()
        }
        var isWhole = true
        if take(".") {
            isWhole = false
            try digits()
        }
        if take("e") || take("E") {
            isWhole = false
            if !take("+") { _ = take("-") }
            try digits()
        }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        if isWhole, let value = Int(text) { return .int(value) }
        guard let value = Double(text) else { throw failure("the number cannot be held") }
        return .double(value)
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
    private mutating func skipDigits() { while let byte = current, isDigit(byte) { index += 1 } }

    private mutating func digits() throws(JSONError) {
        guard let byte = current, isDigit(byte) else { throw failure("a digit is expected") }
        skipDigits()
    }

    private mutating func string() throws(JSONError) -> String {
        index += 1
        var result: [UInt8] = []
        while let byte = current {
            switch byte {
            case UInt8(ascii: "\""):
                index += 1
                guard let text = String(validating: result, as: UTF8.self) else { throw failure("not UTF-8") }
                return text
            case UInt8(ascii: "\\"): result += Array(String(try escape()).utf8)
            case 0..<0x20: throw failure("a control character stands in a string")
            default:
                result.append(byte)
                index += 1
            }
        }
        throw failure("the string does not end")
    }

    private mutating func escape() throws(JSONError) -> Unicode.Scalar {
        index += 1
        let letter = current
        index += 1
        switch letter {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): break
        default: throw failure("no escape begins like this")
        }
        let unit = try hexadecimal()
        if (0xD800..<0xDC00).contains(unit), take("\\"), take("u") {
            let low = try hexadecimal()
            guard (0xDC00..<0xE000).contains(low),
                let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
            else { throw failure("half of a surrogate pair") }
            return scalar
        }
        guard let scalar = Unicode.Scalar(unit) else { throw failure("half of a surrogate pair") }
        return scalar
    }

    private mutating func hexadecimal() throws(JSONError) -> UInt32 {
        guard index + 4 <= bytes.count else { throw failure("`\\u` needs four hexadecimal digits") }
        var value: UInt32 = 0
        for byte in bytes[index..<(index + 4)] {
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x41...0x46: digit = byte - 0x41 + 10
            case 0x61...0x66: digit = byte - 0x61 + 10
            default: throw failure("`\\u` needs four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
        }
        index += 4
        return value
    }
}
