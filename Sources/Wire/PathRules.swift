/// Path normalisation: one spelling for every path before routes are matched (RFC 3986 5.2.4, dataplane reference 1.9).
///
/// Encoded unreserved characters are decoded (RFC 3986 6.2.2.2: `%41` is `A`, `%2e` is a dot); `.` and `..` are resolved;
/// a backslash counts as a slash; then rows of slashes become one. Dot segments are resolved before slashes are merged,
/// as Envoy does: `/a//../b` is `/a/b`. `..` at the root stays there. Other encoded bytes, `%2F` and `%5C` included,
/// are kept as they are.
public enum PathRules {
    /// Normalises the block's path. The new path is appended and the range swapped; a path that is normal already
    /// costs one read. A path that does not start with a slash (`*`, CONNECT) is left alone.
    /// - Returns: `false` when the path has `%00`, `#`, a control character, a blank or a byte outside ASCII: 400 with
    ///   details `path_normalization_failed`.
    public static func normalize(_ block: HeaderBlock) -> Bool {
        let count = Int(block.path.count)
        let path = unsafe block.storage + Int(block.path.start)
        guard count > 0, unsafe path[0] == 0x2F else { return true }
        switch unsafe survey(path, count) {
        case .normal: return true
        case .invalid: return false
        case .abnormal: break
        }
        // Room for the result and, behind it, for the decoded path that it is made from.
        block.reserve(2 * count + 1)
        let start = block.used
        let source = unsafe UnsafePointer(block.storage + Int(block.path.start))
        let target = unsafe block.storage + start
        let decoded = unsafe target + count + 1
        let decodedCount = unsafe decodeUnreserved(source, count, into: decoded)
        let resolved = unsafe resolveDots(decoded, decodedCount, into: target)
        let merged = unsafe mergeSlashes(target, resolved)
        block.used = start + merged
        block.path = HeaderBlock.Range(start: start, count: merged)
        return true
    }

    private enum Survey { case normal, abnormal, invalid }

    @inline(__always) private static func survey(_ path: UnsafePointer<UInt8>, _ count: Int) -> Survey {
        var result = Survey.normal
        var isAfterSlash = false
        var index = 0
        while index < count {
            let byte = unsafe path[index]
            if byte &- 0x21 > 0x5D || byte == 0x23 { return .invalid }
            if byte == 0x2F {
                if isAfterSlash { result = .abnormal }
                isAfterSlash = true
            } else {
                if byte == 0x2E {
                    // A segment that starts with a dot may be a dot segment; the slow way decides.
                    if isAfterSlash { result = .abnormal }
                } else if byte == 0x5C {
                    result = .abnormal
                } else if byte == 0x25, index &+ 2 < count {
                    if unsafe path[index &+ 1] == 0x30 && path[index &+ 2] == 0x30 { return .invalid }
                    if unsafe unreserved(path + index) != 0 { result = .abnormal }
                }
                isAfterSlash = false
            }
            index &+= 1
        }
        return result
    }

    /// The unreserved character (RFC 3986 2.3) that `%XX` at `escape` stands for, or 0.
    private static func unreserved(_ escape: UnsafePointer<UInt8>) -> UInt8 {
        guard let high = unsafe hexValue(escape[1]), let low = unsafe hexValue(escape[2]) else { return 0 }
        let byte = high << 4 | low
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: return byte
        default: return 0
        }
    }

    private static func hexValue(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x37
        case 0x61...0x66: digit - 0x57
        default: nil
        }
    }

    private static func decodeUnreserved(
        _ source: UnsafePointer<UInt8>, _ count: Int, into target: UnsafeMutablePointer<UInt8>
    ) -> Int {
        var used = 0
        var index = 0
        while index < count {
            var byte = unsafe source[index]
            var width = 1
            if byte == 0x25, index + 2 < count {
                let decoded = unsafe unreserved(source + index)
                if decoded != 0 {
                    byte = decoded
                    width = 3
                }
            }
            unsafe target[used] = byte
            used += 1
            index += width
        }
        return used
    }

    private static func isSlash(_ byte: UInt8) -> Bool { byte == 0x2F || byte == 0x5C }

    /// Copies segment by segment; the result starts with a slash and is no longer than the source.
    private static func resolveDots(
        _ source: UnsafePointer<UInt8>, _ count: Int, into target: UnsafeMutablePointer<UInt8>
    ) -> Int {
        var used = 0
        var position = 0
        while position < count {
            // At the slash that starts a segment.
            let start = position + 1
            var end = start
            while end < count, unsafe !isSlash(source[end]) { end += 1 }
            let dots = unsafe dotCount(source + start, end - start)
            if dots == 0 {
                unsafe target[used] = 0x2F
                unsafe Bytes.copy(end - start, from: source + start, to: target + used + 1)
                used += 1 + end - start
            } else {
                if dots == 2 {
                    while used > 0, unsafe target[used - 1] != 0x2F { used -= 1 }
                    if used > 0 { used -= 1 }
                }
                // A dot segment at the end leaves a directory.
                if end == count {
                    unsafe target[used] = 0x2F
                    used += 1
                }
            }
            position = end
        }
        return used
    }

    /// 1 for `.`, 2 for `..`, else 0.
    private static func dotCount(_ segment: UnsafePointer<UInt8>, _ count: Int) -> Int {
        guard count == 1 || count == 2, unsafe segment[0] == 0x2E, unsafe segment[count - 1] == 0x2E else { return 0 }
        return count
    }

    private static func mergeSlashes(_ path: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
        var used = 0
        for index in 0..<count {
            let byte = unsafe path[index]
            if byte == 0x2F, used > 0, unsafe path[used - 1] == 0x2F { continue }
            unsafe path[used] = byte
            used += 1
        }
        return used
    }
}
