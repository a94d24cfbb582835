import Foundation
import Testing

@testable import Patterns

/// Compares with RE2 itself. `Tests/Differential/patterns/generate.py` makes the cases and holds the list of deliberate
/// differences. Needs `python3` with the PyPI package `google-re2`; without it the suite is skipped, visibly.
@Suite(
    "Patterns agree with RE2",
    .enabled(if: Generator.isAvailable, "skipped: `python3 -c 'import re2'` fails; install google-re2 to compare"))
struct DifferentialTests {
    @Test("on random patterns and texts", arguments: 1...5)
    func randomCases(seed: Int) throws {
        let lines = try Generator.lines("cases", "\(seed)", "2400", "20")
        // All cases for the automaton, some for one that is emptied all the time and for the simulation.
        let scratches = [
            PatternScratch(),
            PatternScratch(automatonBytes: 6_000, scratchBytes: 1 << 20),
            PatternScratch(automatonBytes: 1 << 20, scratchBytes: 0),
        ]
        var source = ""
        var pattern: Pattern?
        var pairs = 0
        var differences: [String] = []
        for line in lines {
            let fields = line.split(separator: " ")
            if fields[0] == "p" {
                source = String(decoding: bytes(fields[1]), as: UTF8.self)
                let size = Int(fields[2]) ?? 0
                pattern = nil
                do {
                    pattern = try Pattern(source)
                    if size == 0 { differences.append("accepted, refused by RE2: \(source.debugDescription)") }
                } catch {
                    let tooLarge = error.message.contains("instructions") && size >= 2_500
                    if size != 0 && !tooLarge {
                        differences.append("refused, accepted by RE2: \(source.debugDescription): \(error)")
                    }
                }
            } else if let pattern {
                pairs += 1
                let text = bytes(fields[1])
                text.withUnsafeBufferPointer { text in
                    for (engine, scratch) in scratches.prefix(pairs % 4 == 0 ? 3 : 1).enumerated() {
                        for (what, ours, theirs) in [
                            ("whole", pattern.matchesWhole(text, scratch), fields[2]),
                            ("find", pattern.find(text, scratch), fields[3]),
                        ] where ours != (theirs == "1") {
                            let which = "\(what) with engine \(engine)"
                            differences.append(
                                "\(which): \(source.debugDescription) on \(fields[1]), RE2 says \(theirs)")
                        }
                    }
                }
            }
        }
        #expect(differences.isEmpty, "\(differences.count): \(differences.prefix(20).joined(separator: "\n"))")
        #expect(pairs > 40_000)
    }

    @Test("on the members of Unicode classes and case-folding classes")
    func classes() throws {
        var differences: [String] = []
        var compared = 0
        for line in try Generator.lines("classes") {
            let fields = line.split(separator: " ")
            let name = String(fields[1])
            let ranges = fields.dropFirst(2).map { field in
                let ends = field.split(separator: "-").compactMap { UInt32($0, radix: 16) }
                return ScalarRange(lo: ends[0], hi: ends[ends.count - 1])
            }
            let theirs = ScalarSet(ranges)
            let ours: ScalarSet
            if fields[0] == "c" {
                ours = try #require(UnicodeCategories.set(named: name) ?? UnicodeScripts.set(named: name))
            } else {
                ours = CaseFolding.closure(of: try #require(UInt32(name, radix: 16)))
            }
            compared += 1
            let different = difference(ours, theirs).filter(isComparable)
            if !different.isEmpty {
                differences.append("\(line.prefix(40)): \(different.prefix(10).map { String($0, radix: 16) })")
            }
        }
        #expect(differences.isEmpty, "\(differences.count): \(differences.prefix(40).joined(separator: "\n"))")
        #expect(compared > 2_500)
    }

    /// Unicode version RE2's tables are of.
    private static let age = (15, 0)
    /// Assigned before, but in another category since Unicode 16: the pharyngeal voiced fricative and an Ahom vowel sign.
    private static let changed: Set<UInt32> = [0x295, 0x1171E]

    private func isComparable(_ value: UInt32) -> Bool {
        if Self.changed.contains(value) { return false }
        guard let scalar = Unicode.Scalar(value) else { return true }
        guard let age = scalar.properties.age else { return true }
        return (age.major, age.minor) <= Self.age
    }

    private func difference(_ left: ScalarSet, _ right: ScalarSet) -> [UInt32] {
        func minus(_ left: ScalarSet, _ right: ScalarSet) -> [UInt32] {
            left.ranges.flatMap { range in (range.lo...range.hi).filter { !right.contains($0) } }
        }
        return left == right ? [] : minus(left, right) + minus(right, left)
    }

    private func bytes(_ field: Substring) -> [UInt8] {
        if field == "-" { return [] }
        func digit(_ byte: UInt8) -> UInt8 { byte < 0x3A ? byte - 0x30 : byte - 0x57 }
        let digits = Array(field.utf8)
        return stride(from: 0, to: digits.count - 1, by: 2).map { digit(digits[$0]) << 4 | digit(digits[$0 + 1]) }
    }
}

/// The generator script and its interpreter.
private enum Generator {
    static let isAvailable: Bool = {
        guard let process = try? start(["-c", "import re2"], output: FileHandle.nullDevice) else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }()

    static func lines(_ arguments: String...) throws -> [Substring] {
        let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Differential/patterns/generate.py")
        let pipe = Pipe()
        let process = try start([script.path] + arguments, output: pipe)
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "the generator failed")
        return String(decoding: output, as: UTF8.self).split(separator: "\n")
    }

    private static func start(_ arguments: [String], output: Any) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3"] + arguments
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }
}
