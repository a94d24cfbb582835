import Testing

/// The arrows between modules are those of the design (section 2). They are read from the manifest, and again from the imports,
/// because SwiftPM lets a module import what stands anywhere below it.
@Suite("Arrows point downwards only")
struct ArrowTests {
    /// The design's table; a module may depend on fewer.
    static let allowed: [String: Set<String>] = [
        "trellis": ["ControlPlane", "ArgumentParser"],
        "ControlPlane": ["DefinitionFiles", "Compiler", "Discovery", "DataPlane"],
        "DefinitionFiles": ["Definitions", "Yams"],
        "Compiler": ["Definitions", "Routing", "Discovery"],
        "Definitions": [],
        "Discovery": ["Definitions"],
        "DataPlane": ["Routing", "Resilience", "Identity", "Wire", "TLS", "Telemetry", "Reactor"],
        "Routing": ["Patterns", "Wire"],
        "Patterns": [],
        "Resilience": [],
        "Identity": [],
        "Telemetry": ["Wire"],
        "Wire": [],
        "TLS": ["CTLSShim"],
        "Reactor": ["CLinux"],
        "CTLSShim": ["COpenSSL"],
        "CLinux": [],
        "LoadTest": ["DataPlane"],
    ]

    /// Everything a module can reach.
    private static func reachable(_ module: String) -> Set<String> {
        var reached: Set<String> = []
        var pending = [module]
        while let next = pending.popLast() {
            for target in allowed[next] ?? [] where reached.insert(target).inserted { pending.append(target) }
        }
        return reached
    }

    @Test("The manifest has no arrow that the design does not have")
    func manifest() {
        let targets = ManifestReader.targets(Repository.read("Package.swift"))
        #expect(targets.count > 10, "the manifest was not understood")
        for target in targets where !target.isTest {
            guard let allowed = Self.allowed[target.name] else {
                Issue.record("\(target.name) is not a module of the design")
                continue
            }
            let extra = target.dependencies.subtracting(allowed)
            #expect(extra.isEmpty, "\(target.name) gained \(extra.sorted())")
        }
    }

    @Test("The design's arrows have no circle")
    func acyclic() {
        for module in Self.allowed.keys { #expect(!Self.reachable(module).contains(module), "\(module)") }
    }

    @Test("No file imports a module that does not stand below its own")
    func imports() {
        for file in Repository.swiftFiles("Sources") {
            let reachable = Self.reachable(file.module)
            for line in file.lines {
                let words = line.split(separator: " ")
                guard let word = words.firstIndex(of: "import"), word < 2, word + 1 < words.count,
                    Self.allowed[String(words[word + 1])] != nil
                else { continue }
                #expect(reachable.contains(String(words[word + 1])), "\(file.path): \(line)")
            }
        }
    }

    /// Only the compiler sees both what was defined and what is served (design section 2), and whoever shows both.
    @Test("Definitions stay out of the data plane, and the data plane out of the definitions")
    func separation() {
        for (module, forbidden) in [
            ("DataPlane", ["Definitions", "DefinitionFiles", "Compiler"]), ("Routing", ["Definitions"]),
            ("DefinitionFiles", ["Routing", "DataPlane"]), ("Definitions", ["Routing", "Wire"]),
        ] {
            let reachable = Self.reachable(module)
            for name in forbidden { #expect(!reachable.contains(name), "\(module) reaches \(name)") }
        }
    }

    @Test("The manifest reader understands every form that the manifest uses")
    func reader() {
        let text = """
            targets: [
                .executableTarget(
                    name: "a",
                    dependencies: ["b", .product(name: "P", package: "p-package"), .target(name: "c")],
                    swiftSettings: plain),
                .target(name: "b"),
                .testTarget(name: "bTests", dependencies: ["b"]),
            ]
            """
        let targets = ManifestReader.targets(text)
        #expect(targets.map(\.name) == ["a", "b", "bTests"])
        #expect(targets.map(\.dependencies) == [["b", "P", "c"], [], ["b"]])
        #expect(targets.map(\.isTest) == [false, false, true])
    }
}

/// Reads target declarations from a manifest's text: enough Swift for that and no more.
enum ManifestReader {
    struct Target: Equatable {
        var name: String
        var dependencies: Set<String>
        var isTest: Bool
    }

    static func targets(_ manifest: String) -> [Target] {
        let text = Array(manifest)
        var targets: [Target] = []
        for (word, isTest) in [(".executableTarget(", false), (".target(", false), (".testTarget(", true)] {
            for start in positions(of: word, in: text) {
                let body = argumentList(text, from: start + word.count)
                // `.target(name:)` inside a list of dependencies has nothing but a name and stands inside another list.
                guard depth(text, at: start) == 2, let name = strings(body, after: "name:").first else { continue }
                targets.append(Target(name: name, dependencies: dependencies(body), isTest: isTest))
            }
        }
        return targets.sorted { ($0.isTest ? 1 : 0, $0.name) < ($1.isTest ? 1 : 0, $1.name) }
    }

    private static func positions(of word: String, in text: [Character]) -> [Int] {
        let word = Array(word)
        guard text.count >= word.count else { return [] }
        return (0...(text.count - word.count)).filter { Array(text[$0..<($0 + word.count)]) == word }
    }

    /// Brackets open at a place; `Package(` and `targets: [` are two.
    private static func depth(_ text: [Character], at end: Int) -> Int {
        let open = text[..<end].count { "([".contains($0) }
        let closed = text[..<end].count { ")]".contains($0) }
        let isFragment = !String(text).contains("let package")
        return open - closed + (isFragment ? 1 : 0)
    }

    private static func argumentList(_ text: [Character], from start: Int) -> String {
        var depth = 1
        var end = start
        while end < text.count, depth > 0 {
            if "([".contains(text[end]) { depth += 1 }
            if ")]".contains(text[end]) { depth -= 1 }
            end += 1
        }
        return String(text[start..<max(start, end - 1)])
    }

    private static func dependencies(_ body: String) -> Set<String> {
        let text = Array(body)
        guard let start = positions(of: "dependencies: [", in: text).first else { return [] }
        var list = argumentList(text, from: start + "dependencies: [".count)
        // The package of a product is not a module.
        while let range = Array(list).firstRange(of: Array("package: \"")) {
            let characters = Array(list)
            let end = characters[range.upperBound...].firstIndex(of: "\"") ?? characters.endIndex
            list = String(characters[..<range.lowerBound] + characters[min(end + 1, characters.count)...])
        }
        return Set(strings(list, after: ""))
    }

    /// String literals that follow a label.
    private static func strings(_ text: String, after label: String) -> [String] {
        let parts = text.split(separator: "\"", omittingEmptySubsequences: false)
        return parts.indices.filter { $0 % 2 == 1 }.compactMap { index in
            let before = parts[index - 1].drop { $0 == " " }
            return label.isEmpty || before.hasSuffix("\(label) ") ? String(parts[index]) : nil
        }
    }
}
