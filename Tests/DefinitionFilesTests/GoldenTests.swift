// Wrong definitions and exactly what is said about them, one pair of files each in `golden/`. Error texts are a product feature;
// a change of one is a change to review. `UPDATE_GOLDEN=1` writes the expectations anew.

import DefinitionFiles
import Foundation
import Testing

@Suite struct GoldenTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("golden")
        .path
    static let variables = ["COLOR": "blue", "PORT": "70000"]

    static let inputs: [String] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasSuffix(".yaml") || $0.hasSuffix(".json") }.sorted()
    }()

    @Test(arguments: inputs)
    func `says exactly what is expected`(name: String) throws {
        let loaded = DefinitionLoader.load(paths: ["\(Self.folder)/\(name)"], variables: Self.variables)
        let text = loaded.diagnostics.map { $0.description.replacing(Self.folder + "/", with: "") + "\n" }.joined()
        let expectation = "\(Self.folder)/\(name).expected"
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
            try text.write(toFile: expectation, atomically: true, encoding: .utf8)
        }
        let expected = try #require(try? String(contentsOfFile: expectation, encoding: .utf8), "no expectation")
        #expect(text == expected)
        #expect(!text.isEmpty)
    }

    @Test func `covers many mistakes`() {
        #expect(Self.inputs.count >= 130)
    }
}
