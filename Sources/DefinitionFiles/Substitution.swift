// A text with its placeholders filled in, that still knows where everything stood in the file. An unknown placeholder becomes
// its name between two private-use characters, which cannot break the syntax around it (`{ host: ${NAME} }` would) and is
// found again in the scalar it ends up in; in a comment nobody minds it.

struct Substitution {
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
    private let input: [UInt8]
    private var edits: [Edit] = []
    private var inputLines: [Int] = []
    private var outputLines: [Int] = []

    init(_ input: [UInt8], variables: Variables) {
        self.input = input
        output = []
        output.reserveCapacity(input.count)
        var index = 0
        while index < input.count {
            guard input[index] == UInt8(ascii: "$"), let found = variables.placeholder(in: input, at: index) else {
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
            edits.append(
                Edit(
                    outputStart: start, outputEnd: output.count, inputStart: index, inputEnd: index + found.length))
            index += found.length
        }
        guard !edits.isEmpty else { return }
        inputLines = Self.lineStarts(input)
        outputLines = Self.lineStarts(output)
    }

    /// Where something in the output stood in the input.
    func inputLocation(of location: Location) -> Location {
        guard !edits.isEmpty else { return location }
        let offset = offset(of: location)
        let next = Self.firstIndex(in: edits.indices) { edits[$0].outputStart > offset }
        guard next > 0 else { return location }
        let edit = edits[next - 1]
        return inputLocation(
            at: offset < edit.outputEnd ? edit.inputStart : edit.inputEnd + (offset - edit.outputEnd))
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

    private func offset(of location: Location) -> Int {
        guard location.line <= outputLines.count else { return output.count }
        var index = outputLines[location.line - 1]
        var column = 1
        while column < location.column, index < output.count {
            index += 1
            while index < output.count, output[index] & 0xC0 == 0x80 { index += 1 }
            column += 1
        }
        return index
    }

    private func inputLocation(at offset: Int) -> Location {
        let line = Self.firstIndex(in: inputLines.indices) { inputLines[$0] > offset }
        guard line > 0 else { return Location(line: 1, column: 1) }
        let characters = input[inputLines[line - 1]..<min(offset, input.count)].count { $0 & 0xC0 != 0x80 }
        return Location(line: line, column: characters + 1)
    }

    private static func lineStarts(_ bytes: [UInt8]) -> [Int] {
        [0] + bytes.indices.filter { bytes[$0] == UInt8(ascii: "\n") }.map { $0 + 1 }
    }

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
