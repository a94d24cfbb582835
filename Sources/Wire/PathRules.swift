/// Path normalisation: one spelling for every path before routes are matched (RFC 3986 5.2.4, dataplane reference 1.9).
///
/// `.` and `..` are resolved, also written `%2e`; a backslash counts as a slash; then rows of slashes become one.
/// Dot segments are resolved before slashes are merged, as Envoy does: `/a//../b` is `/a/b`. `..` at the root stays
/// there. Other encoded bytes, `%2F` and `%5C` included, are kept as they are.
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
        block.reserve(count + 1)
        let start = block.used
        let source = unsafe UnsafePointer(block.storage + Int(block.path.start))
        let target = unsafe block.storage + start
        let resolved = unsafe resolveDots(source, count, into: target)
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
                    if unsafe path[index &+ 1] == 0x32 && path[index &+ 2] | 0x20 == 0x65 { result = .abnormal }
                }
                isAfterSlash = false
            }
            index &+= 1
        }
        return result
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

    /// 1 for `.`, 2 for `..`, in any mixture with `%2e`; else 0.
    private static func dotCount(_ segment: UnsafePointer<UInt8>, _ count: Int) -> Int {
        var dots = 0
        var index = 0
        while index < count {
            if unsafe segment[index] == 0x2E {
                index += 1
            } else if unsafe index + 2 < count && segment[index] == 0x25 && segment[index + 1] == 0x32
                && segment[index + 2] | 0x20 == 0x65
            {
                index += 3
            } else {
                return 0
            }
            dots += 1
        }
        return dots <= 2 ? dots : 0
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
