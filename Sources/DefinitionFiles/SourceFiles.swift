// Files and folders on disk: which files a path means, and their text. Limits: 16 MiB a file, UTF-8 with or without a byte order
// mark.

import Foundation

enum SourceFiles {
    static let bytesMax = 16 * 1024 * 1024

    struct Failure: Error {
        var code: String
        var message: String
        var location: Location?
        var suggestion: String?
    }

    enum Kind {
        case file, folder
    }

    static func kind(of path: String) -> Kind? {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else { return nil }
        return isDirectory.boolValue ? .folder : .file
    }

    /// The definition files of a folder by name; those below it and hidden ones are left out.
    static func definitionFiles(in folder: String) throws(Failure) -> [String] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
            throw Failure(code: "unreadable-file", message: "the folder cannot be read")
        }
        return names.filter(DefinitionLoader.isDefinitionFile).sorted().map { join(folder, $0) }.filter {
            kind(of: $0) == .file
        }
    }

    /// The bytes of a file without a byte order mark, checked to be UTF-8.
    static func read(_ path: String) throws(Failure) -> [UInt8] {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw Failure(code: "unreadable-file", message: "the file cannot be read")
        }
        defer { try? handle.close() }
        guard let data = try? handle.read(upToCount: bytesMax + 1) ?? Data() else {
            throw Failure(code: "unreadable-file", message: "the file cannot be read")
        }
        return try checked([UInt8](data))
    }

    static func checked(_ bytes: [UInt8]) throws(Failure) -> [UInt8] {
        guard bytes.count <= bytesMax else {
            throw Failure(code: "too-large", message: "the file is larger than 16 MiB")
        }
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw Failure(
                code: "not-utf8", message: "the file is UTF-16", suggestion: "save it as UTF-8")
        }
        let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
        if let line = firstInvalidLine(text) {
            throw Failure(
                code: "not-utf8", message: "the file is not UTF-8", location: Location(line: line, column: 1),
                suggestion: "save it as UTF-8")
        }
        return text
    }

    /// Two paths of one file are equal in this form.
    static func canonical(_ path: String) -> String {
        URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    }

    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "" }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// A path relative to a folder; absolute ones stay.
    static func join(_ folder: String, _ path: String) -> String {
        if folder.isEmpty || path.hasPrefix("/") { return path }
        let relative = path.hasPrefix("./") ? String(path.dropFirst(2)) : path
        return folder.hasSuffix("/") ? folder + relative : "\(folder)/\(relative)"
    }

    private static func firstInvalidLine(_ bytes: [UInt8]) -> Int? {
        if String(validating: bytes, as: UTF8.self) != nil { return nil }
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        return lines.firstIndex { String(validating: $0, as: UTF8.self) == nil }.map { $0 + 1 } ?? 1
    }
}

extension DefinitionLoader {
    /// Whether a file of a folder counts as definitions, by its name: `.yaml`, `.yml` or `.json` in any case, and not hidden.
    /// Whoever watches a folder asks the same.
    public static func isDefinitionFile(_ name: String) -> Bool {
        guard !name.hasPrefix(".") else { return false }
        let lower = name.lowercased()
        return [".yaml", ".yml", ".json"].contains { lower.hasSuffix($0) }
    }
}
