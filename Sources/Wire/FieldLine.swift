/// One field line, from the wire into a block (RFC 9112 5, RFC 9110 5).
///
/// Name and value are checked while they are copied: the name byte by byte through the table that also lower-cases it,
/// the value eight bytes at a time. In the block the line has the form `name: value` and CRLF whatever blanks were
/// around the value, so that the writer can send neighbouring lines with one copy.
enum FieldLine {
    /// Reads a line of `count` bytes, its CRLF excluded, and adds it to the block. The line is not in the block's
    /// buffer, or room for `count + 16` bytes was reserved before its address was taken.
    @inline(__always) static func read(
        _ line: UnsafePointer<UInt8>, _ count: Int, into block: HeaderBlock
    ) -> HTTP1Error? {
        block.reserve(count + 16)
        let start = block.used
        let target = unsafe block.storage + start

        let lowerToken = unsafe Bytes.lowerToken
        var nameCount = 0
        while nameCount < count {
            let lower = unsafe lowerToken[Int(line[nameCount])]
            if lower == Bytes.space { break }
            unsafe target[nameCount] = lower
            nameCount &+= 1
        }
        if unsafe nameCount == 0 || nameCount == count || line[nameCount] != 0x3A {
            return unsafe nameError(line, nameCount, count)
        }

        var valueStart = nameCount &+ 1
        while valueStart < count, unsafe Bytes.isBlank(line[valueStart]) { valueStart &+= 1 }
        var valueEnd = count
        while valueEnd > valueStart, unsafe Bytes.isBlank(line[valueEnd &- 1]) { valueEnd &-= 1 }
        let valueCount = valueEnd &- valueStart
        if let error = unsafe copyValue(line + valueStart, valueCount, to: target + (nameCount &+ 2)) { return error }

        unsafe target[nameCount] = 0x3A
        unsafe target[nameCount &+ 1] = Bytes.space
        let end = nameCount &+ 2 &+ valueCount
        unsafe target[end] = Bytes.cr
        unsafe target[end &+ 1] = Bytes.lf

        let id = unsafe HeaderNames.find(line, nameCount, folding: true, in: block.names)
        block.used = start &+ end &+ 2
        block.add(
            id: id, name: HeaderBlock.Range(start: start, count: nameCount),
            value: HeaderBlock.Range(start: start &+ nameCount &+ 2, count: valueCount))
        return nil
    }

    /// Copies a value; refuses control characters other than tab. Bytes from 0x80 on pass (RFC 9110 5.5, obs-text).
    @inline(__always) private static func copyValue(
        _ source: UnsafePointer<UInt8>, _ count: Int, to target: UnsafeMutablePointer<UInt8>
    ) -> HTTP1Error? {
        var suspicious: UInt64 = 0
        if count >= 8 {
            var offset = 0
            while offset < count &- 8 {
                suspicious |= unsafe copyWord(source + offset, to: target + offset)
                offset &+= 8
            }
            // The last word overlaps the one before: nothing behind the value is read or written.
            suspicious |= unsafe copyWord(source + (count &- 8), to: target + (count &- 8))
        } else {
            var index = 0
            while index < count {
                let byte = unsafe source[index]
                unsafe target[index] = byte
                if byte < Bytes.space || byte == 0x7F { suspicious = 1 }
                index &+= 1
            }
        }
        return suspicious == 0 ? nil : unsafe valueError(source, count)
    }

    @inline(__always) private static func copyWord(
        _ source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<UInt8>
    ) -> UInt64 {
        let word = unsafe Bytes.word64(source)
        unsafe UnsafeMutableRawPointer(target).storeBytes(of: word, as: UInt64.self)
        return Bytes.hasLess(word, than: Bytes.space) | Bytes.has(0x7F, in: word)
    }

    /// The first forbidden byte of a text decides; a value whose only control characters are tabs is fine.
    @inline(never) static func valueError(_ value: UnsafePointer<UInt8>, _ count: Int) -> HTTP1Error? {
        var index = 0
        while index < count {
            let byte = unsafe value[index]
            if byte == Bytes.cr { return .bareCarriageReturn }
            if byte < Bytes.space && byte != Bytes.tab || byte == 0x7F { return .invalidValue }
            index += 1
        }
        return nil
    }

    @inline(never) private static func nameError(
        _ line: UnsafePointer<UInt8>, _ nameCount: Int, _ count: Int
    ) -> HTTP1Error {
        if nameCount == count { return .missingColon }
        let byte = unsafe line[nameCount]
        if nameCount == 0 {
            if Bytes.isBlank(byte) { return .foldedLine }
            if byte == 0x3A { return .emptyName }
        } else if Bytes.isBlank(byte) {
            var index = nameCount
            while index < count, unsafe Bytes.isBlank(line[index]) { index += 1 }
            if unsafe index < count && line[index] == 0x3A { return .whitespaceBeforeColon }
        }
        return byte == Bytes.cr ? .bareCarriageReturn : .invalidName
    }
}
