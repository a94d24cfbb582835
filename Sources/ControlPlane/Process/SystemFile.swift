// Small files of the system, such as those of /proc and /sys, read whole.

import Glibc
import Reactor

enum SystemFile {
    /// The file's text; nil if it cannot be read. What exceeds the limit is left out: nothing of interest here is larger.
    static func text(_ path: String, bytesMax: Int = 4 << 20) -> String? {
        guard let bytes = try? bytes(path, max: bytesMax) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The file's first bytes, `max` and at most one read more.
    static func bytes(_ path: String, max: Int) throws(SystemError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError("open \(path)") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 16_384)
        while bytes.count < max {
            let count = read(descriptor, &part, part.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SystemError("read \(path)") }
            if count == 0 { break }
            bytes += part[..<count]
        }
        return bytes
    }

    /// Where a symbolic link points to; nil if it is none or cannot be read.
    static func linkTarget(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &buffer, buffer.count)
        guard count > 0 else { return nil }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Names in a folder, `.` and `..` left out; empty if it cannot be read.
    static func names(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
