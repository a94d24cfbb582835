import Testing

@testable import Reactor

@Suite struct ByteQueueTests {
    @Test func bytesComeOutInTheOrderInWhichTheyWentInWhateverTheSizes() {
        var random = SystemRandomNumberGenerator()
        let pool = BufferPool()
        let queue = ByteQueue(pool: pool)
        var model: [UInt8] = []
        var value: UInt8 = 0
        for _ in 0..<1_500 {
            if Bool.random(using: &random) {
                let count = Int.random(
                    in: 0...(Int.random(in: 0..<20, using: &random) == 0 ? 70_000 : 900), using: &random)
                let bytes = (0..<count).map { _ in
                    value &+= 1
                    return value
                }
                bytes.withUnsafeBufferPointer { queue.append($0) }
                model += bytes
            } else {
                let count = Int.random(in: 0...queue.count, using: &random)
                queue.consume(count)
                model.removeFirst(count)
            }
            #expect(queue.count == model.count)
            if model.count < 2_000 { #expect(Array(queue.readable) == model) }
        }
        queue.removeAll()
        #expect(pool.leased == 0)
    }

    @Test func anEmptyQueueHoldsNoMemory() {
        let pool = BufferPool()
        let queue = ByteQueue(pool: pool)
        #expect(pool.leased == 0)
        queue.append("hello")
        #expect(pool.leased == 1)
        queue.consume(5)
        #expect(pool.leased == 0)
        _ = queue.space(100)
        queue.commit(0)
        #expect(pool.leased == 0)
    }
}
