// Damaged definitions: whatever the bytes, loading ends and says what is wrong.

import DefinitionFiles
import Definitions
import Testing

@Suite struct MutationTests {
    /// xorshift64*, so that a failure can be repeated.
    private struct Random: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state ^= state >> 12
            state ^= state << 25
            state ^= state >> 27
            return state &* 0x2545_F491_4F6C_DD1D
        }
    }

    static let sources = [
        ("x.yaml", NativeFormatTests.text),
        ("x.json", DefinitionWriter.nativeText(NativeFormatTests.loaded.definitions).split(separator: "---\n")[0] + ""),
        ("template.yaml", WholeMeshTests.template), ("manifests.yaml", WholeMeshTests.manifests),
    ]

    @Test(arguments: sources)
    func `survives damage of any kind`(name: String, source: String) {
        let pieces = [
            "{", "}", "[", "]", "\"", "'", ":", ",", "\n", " ", "$A", "${", "*a", "&a ", "- ", "<<: ", "\\u12", "!",
            "é", "\t", "!Ref ", "!Sub ", "Fn::If: ", "Ref", "${", "AWS::NoValue", "~",
        ]
        var random = Random(state: 42)
        var damaged = 0
        for _ in 0..<300 {
            var text = Array(source.unicodeScalars)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let start = Int.random(in: 0..<text.count, using: &random)
                let end = min(text.count, start + Int.random(in: 0...6, using: &random))
                let piece = pieces.randomElement(using: &random) ?? ""
                text.replaceSubrange(start..<end, with: Array(piece.unicodeScalars))
            }
            let mutated = String(String.UnicodeScalarView(text))
            let loaded = DefinitionLoader.load(text: mutated, name: name, variables: ["A": "b"])
            if loaded.hasErrors { damaged += 1 }
            #expect(loaded.diagnostics.allSatisfy { $0.position?.file == name && !$0.message.isEmpty })
        }
        #expect(damaged > 150)
    }
}
