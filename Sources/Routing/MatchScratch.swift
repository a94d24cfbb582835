import Patterns

/// Memory that matching reuses from request to request, so that a match allocates nothing once it is warm.
///
/// One belongs to each worker; it is not Sendable and holds nothing between calls.
public final class MatchScratch {
    public let pattern: PatternScratch
    private var memory: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private var used = 0

    public init() {
        pattern = PatternScratch()
        capacity = 512
        memory = .allocate(capacity: capacity)
    }

    deinit { memory.deallocate() }

    /// Starts a new text.
    func begin() { used = 0 }

    func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        reserve(bytes.count)
        (memory + used).update(from: source, count: bytes.count)
        used += bytes.count
    }

    func append(_ byte: UInt8) {
        reserve(1)
        memory[used] = byte
        used += 1
    }

    /// The text since `begin()`; valid until the next one.
    var text: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: memory, count: used) }

    private func reserve(_ count: Int) {
        guard used + count > capacity else { return }
        let wanted = max(capacity * 2, used + count)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: wanted)
        larger.update(from: memory, count: used)
        memory.deallocate()
        memory = larger
        capacity = wanted
    }
}
