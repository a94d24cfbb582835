import Testing

/// Rules of the house that a formatter does not know.
@Suite("The code reads as the house wants it")
struct StyleTests {
    /// Modules that run per request or are pure: Foundation's memory and start-up time would be everybody's.
    private static let withoutFoundation: Set<String> = [
        "Wire", "Reactor", "Routing", "Patterns", "Resilience", "DataPlane", "Telemetry", "Definitions",
    ]

    /// A codec or a state machine may be long if it is one thing; beyond this it is two.
    private static let linesMax = 650
    /// Tables may be longer.
    private static let tables: Set<String> = ["Sources/Patterns/UnicodeScriptTable.swift"]
    private static let columnsMax = 160

    static let sources = Repository.swiftFiles("Sources")
    static let all = sources + Repository.swiftFiles("Tests")

    @Test("The files are found")
    func found() { #expect(Self.sources.count > 100) }

    @Test("No file is too long, no line too wide")
    func sizes() {
        for file in Self.all {
            let lines = file.lines
            if !Self.tables.contains(file.path), file.path.hasPrefix("Sources/") {
                #expect(lines.count <= Self.linesMax, "\(file.path) has \(lines.count) lines")
            }
            // Tables of cases in tests may be wider, as one case stays on one line.
            guard file.path.hasPrefix("Sources/") else { continue }
            for (index, line) in lines.enumerated() where line.count > Self.columnsMax {
                Issue.record("\(file.path):\(index + 1) has \(line.count) columns")
            }
        }
    }

    @Test("Nothing is put off in a comment")
    func nothingPutOff() {
        let words = ["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"]
        for file in Self.all {
            for (index, line) in file.lines.enumerated() {
                for word in words where line.split(whereSeparator: { !$0.isLetter }).contains(word[...]) {
                    Issue.record("\(file.path):\(index + 1): \(word)")
                }
            }
        }
    }

    @Test("Every source file says at its top what it is")
    func headers() {
        for file in Self.sources {
            // The paragraph is the first comment of at least a sentence, before the second declaration at the latest.
            let top = file.lines.prefix(40)
            let hasParagraph = top.contains { line in
                line.hasPrefix("//") && line.drop(while: { $0 == "/" || $0 == " " }).count > 20
            }
            #expect(hasParagraph, "\(file.path) has no paragraph at its top")
        }
    }

    @Test("Modules of the data path do without Foundation")
    func withoutFoundation() {
        for file in Self.sources where Self.withoutFoundation.contains(file.module) {
            let imports = file.lines.contains {
                $0.hasPrefix("import Foundation") || $0.hasPrefix("@preconcurrency import Foundation")
            }
            #expect(!imports, "\(file.path)")
        }
    }

    @Test("Nothing that input decides may trap")
    func noTraps() {
        for file in Self.sources {
            for (index, line) in file.lines.enumerated() where !line.drop(while: { $0 == " " }).hasPrefix("//") {
                for word in ["try!", "as!", "fatalError(", ".force" + "Unwrap"] where line.contains(word) {
                    Issue.record("\(file.path):\(index + 1): \(word)")
                }
            }
        }
    }

    @Test("Types are nouns of the domain")
    func names() {
        let endings = ["Manager", "Helper", "Helpers", "Util", "Utils", "Utility", "Impl", "Base"]
        for file in Self.sources {
            for (index, line) in file.lines.enumerated() {
                let words = line.split { !$0.isLetter && !$0.isNumber && $0 != "_" }
                guard
                    let keyword = words.firstIndex(where: {
                        ["class", "struct", "enum", "protocol", "actor"].contains($0)
                    }),
                    keyword + 1 < words.count, keyword < 4, !line.drop(while: { $0 == " " }).hasPrefix("//")
                else { continue }
                let name = words[keyword + 1]
                for ending in endings where name.hasSuffix(ending) && name.first?.isUppercase == true {
                    Issue.record("\(file.path):\(index + 1): \(name)")
                }
            }
        }
    }

    @Test("Every `@unchecked Sendable` says why it is true")
    func unchecked() {
        for file in Self.sources {
            let lines = file.lines
            for (index, line) in lines.enumerated() where line.contains("@unchecked Sendable") && !line.contains("//") {
                let before = lines[max(0, index - 8)..<index]
                let hasReason = before.contains { line in
                    let line = line.drop { $0 == " " }
                    return line.hasPrefix("//")
                        && ["Sendable", "lock", "thread", "Written once"].contains { line.contains($0) }
                }
                #expect(hasReason, "\(file.path):\(index + 1)")
            }
        }
    }
}
