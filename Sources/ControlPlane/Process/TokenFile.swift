// Files that hold one secret in their first line, as editors and `echo` write them. They are read byte by byte: for a
// `String` a line end of two bytes is one character, which no line feed is equal to.

import Glibc
import Reactor

/// A file whose first line is an admin token (`--admin-token-file`), on the server's and on the client's side.
public enum TokenFile {
    /// Bytes that are looked at.
    private static let bytesMax = 4096

    /// The first line without blanks, with any line end; a byte order mark is not part of it. Throws if the file cannot be
    /// read or the line is empty.
    public static func firstLine(_ path: String) throws(SystemError) -> [UInt8] {
        var bytes = try SystemFile.bytes(path, max: bytesMax)[...]
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
        let line = bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        let token = line.filter { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
        guard !token.isEmpty else { throw SystemError("\(path) begins with no token", code: EINVAL) }
        return token
    }
}
