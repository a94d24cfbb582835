// Placeholders of published examples: `$NAME` and `${NAME}`, which their scripts fill in, and `--var NAME=VALUE` fills in here.
// The braced form is always a placeholder; the bare one if the name is in upper case or has a value. `$$NAME` stands for the
// text `$NAME`. Every other dollar sign (a regex, a price) is text. A placeholder without a value is a finding.

import Definitions

/// One placeholder in a text.
struct Placeholder {
    var name: String
    /// Length in bytes, dollar sign included.
    var length: Int
    /// `$$NAME`: the text `$NAME` is meant.
    var isEscaped: Bool
}

struct Variables: Sendable {
    var values: [String: String] = [:]
    /// False if dollar signs mean what the file's format says, as in templates.
    var areFilledIn = true

    /// For texts in which nothing is filled in.
    static let none = Variables(areFilledIn: false)

    /// The placeholder that starts at the dollar sign at `start`, if it is one.
    func placeholder(in bytes: [UInt8], at start: Int) -> Placeholder? {
        guard areFilledIn else { return nil }
        var index = start + 1
        let isEscaped = index < bytes.count && bytes[index] == UInt8(ascii: "$")
        if isEscaped { index += 1 }
        let isBraced = index < bytes.count && bytes[index] == UInt8(ascii: "{")
        if isBraced { index += 1 }
        let nameStart = index
        while index < bytes.count, Self.isNameByte(bytes[index], first: index == nameStart) { index += 1 }
        guard index > nameStart else { return nil }
        let name = String(decoding: bytes[nameStart..<index], as: UTF8.self)
        if isBraced {
            guard index < bytes.count, bytes[index] == UInt8(ascii: "}") else { return nil }
            index += 1
        } else if values[name] == nil, name.utf8.contains(where: Self.isLowercase) {
            return nil
        }
        return Placeholder(name: name, length: index - start, isEscaped: isEscaped)
    }

    /// The finding for a placeholder without a value.
    func unknown(_ name: String, at location: Location) -> SourceProblem {
        let near = Suggestion.nearest(to: name, among: values.keys)
        return SourceProblem(
            code: "unknown-variable", location: location,
            message: "the placeholder `$\(name)` has no value",
            suggestion: near.map { "did you mean `$\($0)`?" }
                ?? "give it one with `--var \(name)=VALUE`, or write `$$\(name)` if the text itself is meant")
    }

    private static func isNameByte(_ byte: UInt8, first: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"): !first
        default: false
        }
    }

    private static func isLowercase(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
}
