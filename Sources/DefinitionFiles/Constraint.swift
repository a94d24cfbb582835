// Numbers and ranges as people write and read them.

enum Constraint {
    /// `1 to 255`, `at least 1`, `at most 5`.
    static func text(_ range: ClosedRange<Int>) -> String {
        switch (range.lowerBound, range.upperBound) {
        case (Int.min, Int.max): "any whole number of 64 bits"
        case (let low, Int.max): "at least \(low)"
        case (Int.min, let high): "at most \(high)"
        case (let low, let high) where low == high: "exactly \(low)"
        case (0, let high) where high < 1_000: "0 to \(high)"
        case (let low, let high): "\(low) to \(high)"
        }
    }

    /// The value of a decimal integer as JSON has it: no `+`, no leading zeros, no point.
    static func integer(_ text: String) -> Int? { isInteger(text) ? Int(text) : nil }

    static func isInteger(_ text: String) -> Bool {
        let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
        guard let first = digits.utf8.first, digits.utf8.allSatisfy({ (48...57).contains($0) }) else { return false }
        return first != 48 || digits.utf8.count == 1
    }

    /// What to write instead of something that is a number in another notation.
    static func integerSuggestion(_ text: String) -> String? {
        if text.utf8.count > 1, text.utf8.allSatisfy({ (48...57).contains($0) }) {
            return "write it without leading zeros"
        }
        if let value = Double(text), let whole = Int(exactly: value) { return "write `\(whole)`" }
        return nil
    }
}
