/// The tree of a parsed pattern.
///
/// Groups, greediness and names are gone: they decide which text a group captures, and the module only answers
/// whether a text matches.
indirect enum Node {
    case empty
    case scalar(UInt32)
    case set(ScalarSet)
    /// `\C`: one byte, whatever it is.
    case anyByte
    case look(Look)
    case concatenation([Node])
    case alternation([Node])
    /// `max` nil means without end.
    case repetition(Node, min: Int, max: Int?)
}

/// Conditions on a position between two bytes. Words are ASCII words in RE2, whatever the text's script.
struct Look: OptionSet, Hashable {
    let rawValue: UInt8
    static let beginText = Look(rawValue: 1)
    static let endText = Look(rawValue: 2)
    static let beginLine = Look(rawValue: 4)
    static let endLine = Look(rawValue: 8)
    static let wordBoundary = Look(rawValue: 16)
    static let notWordBoundary = Look(rawValue: 32)
}

/// The ASCII classes that have names (RE2 syntax, "Perl character classes" and "ASCII character classes").
enum NamedClasses {
    static let digit = ScalarSet((0x30, 0x39))
    static let word = ScalarSet((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
    /// `\s`, which unlike `[[:space:]]` has no vertical tab.
    static let perlSpace = ScalarSet((0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20))

    static let posix: [String: ScalarSet] = [
        "alnum": ScalarSet((0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)),
        "alpha": ScalarSet((0x41, 0x5A), (0x61, 0x7A)),
        "ascii": ScalarSet((0x00, 0x7F)),
        "blank": ScalarSet((0x09, 0x09), (0x20, 0x20)),
        "cntrl": ScalarSet((0x00, 0x1F), (0x7F, 0x7F)),
        "digit": digit,
        "graph": ScalarSet((0x21, 0x7E)),
        "lower": ScalarSet((0x61, 0x7A)),
        "print": ScalarSet((0x20, 0x7E)),
        "punct": ScalarSet((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)),
        "space": ScalarSet((0x09, 0x0D), (0x20, 0x20)),
        "upper": ScalarSet((0x41, 0x5A)),
        "word": word,
        "xdigit": ScalarSet((0x30, 0x39), (0x41, 0x46), (0x61, 0x66)),
    ]
}
