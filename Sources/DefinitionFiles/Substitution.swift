// A text with its placeholders filled in, that still knows where everything stood in the file. An unknown placeholder becomes
// its name between two private-use characters, which cannot break the syntax around it (`{ host: ${NAME} }` would) and is
// found again in the scalar it ends up in; in a comment nobody minds it. Places are counted in characters (Unicode scalars), as
// libyaml counts them, so that each is found by two binary searches, however long its line is.

struct Substitution {
    /// What became of a placeholder, in characters from the start of the output and of the input.
    private struct Edit {
        var outputStart: Int
        var outputEnd: Int
        var inputStart: Int
        var inputEnd: Int
    }

    /// Stands before and after the name of an unknown placeholder.
    static let unknownStart: Character = "\u{E000}"
    static let unknownEnd: Character = "\u{E001}"

    private(set) var output: [UInt8]
    private var edits: [Edit] = []
    /// The first character of each line of the input; empty if nothing was filled in.
    private var lineStarts: [Int] = []

    init(_ input: [UInt8], variables: Variables) {
        output = []
        output.reserveCapacity(input.count)
        var index = 0
        var inputCharacters = 0
        var outputCharacters = 0
        while index < input.count {
            guard input[index] == UInt8(ascii: "$"), let found = variables.placeholder(in: input, at: index) else {
                if Self.startsCharacter(input[index]) {
                    inputCharacters += 1
                    outputCharacters += 1
                }
                output.append(input[index])
                index += 1
                continue
            }
            let start = output.count
            if found.isEscaped {
                output += input[(index + 1)..<(index + found.length)]
            } else if let value = variables.values[found.name] {
                output += Array(value.utf8)
            } else {
                output += Array("\(Self.unknownStart)\(found.name)\(Self.unknownEnd)".utf8)
            }
            let written = output[start...].count(where: Self.startsCharacter)
            // A placeholder is ASCII.
            edits.append(
                Edit(
                    outputStart: outputCharacters, outputEnd: outputCharacters + written,
                    inputStart: inputCharacters, inputEnd: inputCharacters + found.length))
            outputCharacters += written
            inputCharacters += found.length
            index += found.length
        }
        if !edits.isEmpty { lineStarts = Self.lineStarts(input) }
    }

    /// Where in the input something stood that has a place in the output.
    /// - Parameter index: its first character, counted from the start of the output.
    /// - Parameter location: the same place as line and column of the output.
    func inputLocation(at index: Int, _ location: Location) -> Location {
        guard !edits.isEmpty else { return location }
        let next = Self.firstIndex(in: edits.indices) { edits[$0].outputStart > index }
        guard next > 0 else { return inputLocation(at: index) }
        let edit = edits[next - 1]
        return inputLocation(
            at: index < edit.outputEnd ? edit.inputStart : edit.inputEnd + (index - edit.outputEnd))
    }

    /// The names of unknown placeholders in a scalar.
    static func unknownNames(in text: String) -> [String] {
        guard text.contains(unknownStart) else { return [] }
        return text.split(separator: unknownStart, omittingEmptySubsequences: false).dropFirst().compactMap { part in
            part.firstIndex(of: unknownEnd).map { String(part[..<$0]) }
        }
    }

    /// A scalar with its unknown placeholders as they were written.
    static func readable(_ text: String) -> String {
        String(text.compactMap { $0 == unknownStart ? "$" : $0 == unknownEnd ? nil : $0 })
    }

    private func inputLocation(at index: Int) -> Location {
        let line = Self.firstIndex(in: lineStarts.indices) { lineStarts[$0] > index }
        guard line > 0 else { return Location(line: 1, column: 1) }
        return Location(line: line, column: index - lineStarts[line - 1] + 1)
    }

    /// Lines end where libyaml ends them: LF, CR, CR LF, and the separators of Unicode (NEL, LS, PS).
    private static func lineStarts(_ bytes: [UInt8]) -> [Int] {
        var starts = [0]
        var characters = 0
        for index in bytes.indices {
            if startsCharacter(bytes[index]) { characters += 1 }
            let isBreak =
                switch bytes[index] {
                case 0x0A: true
                case 0x0D: index + 1 == bytes.count || bytes[index + 1] != 0x0A
                case 0x85: index > 0 && bytes[index - 1] == 0xC2
                case 0xA8, 0xA9: index > 1 && bytes[index - 1] == 0x80 && bytes[index - 2] == 0xE2
                default: false
                }
            if isBreak { starts.append(characters) }
        }
        return starts
    }

    private static func startsCharacter(_ byte: UInt8) -> Bool { byte & 0xC0 != 0x80 }

    /// Where a condition that stays true once it is true becomes true.
    private static func firstIndex(in range: Range<Int>, where condition: (Int) -> Bool) -> Int {
        var low = range.lowerBound
        var high = range.upperBound
        while low < high {
            let middle = low + (high - low) / 2
            if condition(middle) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
