// Files beside the checkout that are not part of it: the reference and definitions that people published. Where they are absent,
// the tests that need them are reported as skipped.

import Foundation
import Testing

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
        shared.flatMap { try? String(contentsOfFile: "\($0)/reference/\(name)", encoding: .utf8) }
    }

    /// The folder of published definitions.
    static func folder() -> String? {
        shared.map { $0 + "/corpus" }.flatMap { FileManager.default.fileExists(atPath: $0) ? $0 : nil }
    }

    static func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
}

extension Trait where Self == ConditionTrait {
    /// Only where the published definitions are.
    static var corpus: Self {
        .enabled(if: Corpus.folder() != nil, "no published definitions: TRELLIS_SHARED names no folder with a `corpus`")
    }

    /// Only where the reference is.
    static var reference: Self {
        .enabled(if: Corpus.shared != nil, "no reference: TRELLIS_SHARED names no folder with a `reference`")
    }
}
