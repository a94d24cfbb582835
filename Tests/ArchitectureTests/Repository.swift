// The repository as the tests of its own shape see it: files by path, found from where this file is.

import Glibc

enum Repository {
    static let root: String = {
        var parts = #filePath.split(separator: "/")
        parts.removeLast(3)
        return "/" + parts.joined(separator: "/")
    }()

    struct File: Sendable {
        /// Relative to the root.
        var path: String
        var text: String
        var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
        /// The folder below `Sources` or `Tests`.
        var module: String { String(path.split(separator: "/").dropFirst().first ?? "") }
    }

    static func read(_ path: String) -> String {
        let descriptor = open("\(root)/\(path)", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while case let count = Glibc.read(descriptor, &part, part.count), count > 0 { bytes += part[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Every Swift file below a folder, by path.
    static func swiftFiles(_ folder: String) -> [File] {
        var files: [File] = []
        var pending = [folder]
        while let path = pending.popLast() {
            for (name, isFolder) in entries(path) where !name.hasPrefix(".") {
                if isFolder {
                    pending.append("\(path)/\(name)")
                } else if name.hasSuffix(".swift") {
                    files.append(File(path: "\(path)/\(name)", text: read("\(path)/\(name)")))
                }
            }
        }
        return files.sorted { $0.path < $1.path }
    }

    private static func entries(_ folder: String) -> [(String, Bool)] {
        guard let stream = opendir("\(root)/\(folder)") else { return [] }
        defer { closedir(stream) }
        var entries: [(String, Bool)] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            entries.append((name, entry.pointee.d_type == UInt8(DT_DIR)))
        }
        return entries
    }
}
