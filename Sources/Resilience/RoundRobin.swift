/// Round robin over the endpoints of a cluster, one sequence per worker, with a random start so that several workers
/// (and several proxies started together) do not all begin at the same endpoint (dataplane.md 1.8).
public struct RoundRobin: Sendable {
    private var next: UInt32

    /// - Parameter start: any number; random in production, fixed in tests.
    public init(start: UInt32) { next = start }

    /// Index of the next endpoint; `count` is above zero.
    public mutating func pick(of count: Int) -> Int {
        let index = Int(next % UInt32(clamping: count))
        next &+= 1
        return index
    }
}
