/// The part that both head parsers share: lines out of a growing input, and field lines into the block.
///
/// A head is read line by line, each line once, straight into the block. Between two calls the reader remembers where
/// the next line starts and how far it looked for that line's end, so that a head that arrives byte by byte costs no
/// more than linear work. It also remembers how full it left the block; when the block is another one or was emptied
/// meanwhile, the head is read from its start again. An error is reported only once its line is complete, which makes
/// the outcome independent of how the input was split.
struct HeadReader {
    enum Line {
        /// Start of the line and number of bytes before its CRLF.
        case found(start: Int, count: Int)
        case incomplete
        case refused(HTTP1Error)
    }

    let headBytesMax: Int
    let fieldsMax: Int
    /// Start of the next line; after the last one, the number of bytes in the head.
    private(set) var position = 0
    private var scanned = 0
    /// The start line is done (or, before it, one empty line).
    var hasStartLine = false
    var hasEmptyLine = false
    private var block: ObjectIdentifier?
    private var blockUsed = 0
    private var blockCount = 0

    init(limits: HTTP1Limits) {
        headBytesMax = limits.headBytesMax
        fieldsMax = limits.fieldsMax
    }

    mutating func restart() {
        position = 0
        scanned = 0
        hasStartLine = false
        hasEmptyLine = false
        block = nil
    }

    /// Whether reading can go on where it stopped.
    func continues(_ block: HeaderBlock) -> Bool {
        self.block == ObjectIdentifier(block) && block.used == blockUsed && block.count == blockCount
    }

    mutating func suspend(_ block: HeaderBlock) {
        self.block = ObjectIdentifier(block)
        blockUsed = block.used
        blockCount = block.count
    }

    @inline(__always) mutating func nextLine(_ base: UnsafePointer<UInt8>, _ count: Int) -> Line {
        let start = position
        let end = unsafe Bytes.find(Bytes.lf, base, from: max(scanned, start), to: count)
        guard end < count else {
            if count > headBytesMax { return .refused(.headTooLarge) }
            scanned = count
            return .incomplete
        }
        if end >= headBytesMax { return .refused(.headTooLarge) }
        guard end > start, unsafe base[end - 1] == Bytes.cr else { return .refused(.bareLineFeed) }
        position = end + 1
        return .found(start: start, count: end - 1 - start)
    }

    /// Reads field lines up to and with the empty line. `nil` means that the head is complete.
    @inline(__always) mutating func readFields(
        _ base: UnsafePointer<UInt8>, _ count: Int, into block: HeaderBlock
    ) -> HeadStep? {
        while true {
            switch unsafe nextLine(base, count) {
            case .incomplete:
                suspend(block)
                return .incomplete
            case .refused(let error):
                return .refused(error)
            case .found(_, 0):
                return nil
            case .found(let start, let length):
                if block.count == fieldsMax { return .refused(.tooManyFields) }
                if let error = unsafe FieldLine.read(base + start, length, into: block) { return .refused(error) }
            }
        }
    }
}
