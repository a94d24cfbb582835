/// Memory blocks of one size, kept for reuse by one worker.
@safe public final class BufferPool {
    /// Bytes of a pooled block.
    public static let blockBytes = 16_384
    /// Free blocks kept at most; further ones go back to the allocator.
    static let keptBlocksMax = 1_024

    private var free: [UnsafeMutableRawPointer] = unsafe []
    /// Blocks handed out and not returned, for statistics and leak tests.
    public private(set) var leased = 0

    public init() { unsafe free.reserveCapacity(Self.keptBlocksMax) }

    deinit {
        while let block = unsafe free.popLast() { unsafe block.deallocate() }
    }

    func lease() -> UnsafeMutableRawPointer {
        leased += 1
        if let block = unsafe free.popLast() { return unsafe block }
        return .allocate(byteCount: Self.blockBytes, alignment: 16)
    }

    func giveBack(_ block: UnsafeMutableRawPointer) {
        leased -= 1
        if unsafe free.count < Self.keptBlocksMax {
            unsafe free.append(block)
        } else {
            unsafe block.deallocate()
        }
    }
}

/// Bytes on their way: appended at the end, taken from the front, contiguous in between.
///
/// Holds memory only while it holds bytes, so an idle connection costs none. Up to a block it comes from the
/// worker's pool; what grows beyond is allocated and given back when the queue drains.
@safe public final class ByteQueue {
    private let pool: BufferPool
    private var base: UnsafeMutableRawPointer?
    private var capacity = 0
    private var head = 0
    private var tail = 0

    public init(pool: BufferPool) {
        self.pool = pool
        unsafe base = nil
    }

    deinit { release() }

    public var count: Int { tail - head }
    public var isEmpty: Bool { tail == head }

    /// The queued bytes; valid until the next change.
    public var readable: UnsafeBufferPointer<UInt8> {
        guard let base = unsafe base else { return unsafe UnsafeBufferPointer(start: nil, count: 0) }
        return unsafe UnsafeBufferPointer(start: (base + head).assumingMemoryBound(to: UInt8.self), count: count)
    }

    public func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        unsafe reserve(bytes.count).copyMemory(from: source, byteCount: bytes.count)
        tail += bytes.count
    }

    public func append(_ text: StaticString) {
        unsafe append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Room for at least `wanted` bytes at the end, to be followed by `commit`.
    public func space(_ wanted: Int) -> UnsafeMutableBufferPointer<UInt8> {
        let start = unsafe reserve(wanted)
        return unsafe UnsafeMutableBufferPointer(
            start: start.assumingMemoryBound(to: UInt8.self), count: capacity - tail)
    }

    /// Counts `count` bytes, written into `space`, as queued.
    public func commit(_ count: Int) {
        precondition(count >= 0 && tail + count <= capacity)
        tail += count
        if isEmpty { release() }
    }

    public func consume(_ count: Int) {
        precondition(count >= 0 && count <= self.count)
        head += count
        if head == tail { release() }
    }

    public func removeAll() { consume(count) }

    private func reserve(_ wanted: Int) -> UnsafeMutableRawPointer {
        if let base = unsafe base, capacity - tail >= wanted { return unsafe base + tail }
        let live = count
        if let base = unsafe base, capacity - live >= wanted, head > 0 {
            unsafe base.copyMemory(from: base + head, byteCount: live)
            head = 0
            tail = live
            return unsafe base + live
        }
        let size = max(BufferPool.blockBytes, capacity * 2, live + wanted)
        let larger = unsafe size == BufferPool.blockBytes ? pool.lease() : .allocate(byteCount: size, alignment: 16)
        if let old = unsafe base {
            unsafe larger.copyMemory(from: old + head, byteCount: live)
            unsafe free(old)
        }
        unsafe base = larger
        capacity = size
        head = 0
        tail = live
        return unsafe larger + live
    }

    private func release() {
        head = 0
        tail = 0
        guard let old = unsafe base else { return }
        unsafe free(old)
        unsafe base = nil
        capacity = 0
    }

    private func free(_ block: UnsafeMutableRawPointer) {
        if capacity == BufferPool.blockBytes { unsafe pool.giveBack(block) } else { unsafe block.deallocate() }
    }
}
