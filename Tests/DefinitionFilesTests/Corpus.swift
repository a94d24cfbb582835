// Files beside the checkout that are not part of it: the reference and definitions that people published. Where they are absent,
// the tests that need them say so and pass.

import Foundation

enum Corpus {
    /// The nearest folder `shared` beside one of the folders above this file, or what `TRELLIS_SHARED` names.
    static let shared: String? = {
        let environment = ProcessInfo.processInfo.environment["TRELLIS_SHARED"].map { [$0] } ?? []
        var folders = environment
        var folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        while folder.path != "/" {
            folder.deleteLastPathComponent()
            folders.append(folder.appendingPathComponent("shared").path)
        }
        return folders.first { FileManager.default.fileExists(atPath: $0 + "/reference") }
    }()

    static func reference(_ name: String) -> String? {
        let text = shared.flatMap { try? String(contentsOfFile: "\($0)/reference/\(name)", encoding: .utf8) }
        if text == nil { print("SKIPPED: no reference \(name) beside the checkout") }
        return text
    }

    /// The folder of published definitions.
    static func folder() -> String? {
        let folder = shared.map { $0 + "/corpus" }
        if folder.map(FileManager.default.fileExists) == true { return folder }
        print("SKIPPED: no corpus of published definitions beside the checkout")
        return nil
    }

    static func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
}
