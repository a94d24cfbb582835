/// Radix trees over byte strings, compiled into flat arrays.
///
/// One walk along a text finds the keys equal to it and every key that is a prefix of it, in time proportional to the
/// text's length and independent of the number of keys; nothing can be degraded by chosen input, as a hash table could.
/// Paths are read forwards, host names backwards (so that a suffix becomes a prefix).

/// How a text is read by a walk.
protocol RadixKey {
    /// Whether a prefix also applies to a text that is no longer than itself.
    static var prefixMayBeWhole: Bool { get }
    var count: Int { get }
    subscript(_ position: Int) -> UInt8 { get }
}

struct PathKey: RadixKey {
    static var prefixMayBeWhole: Bool { true }
    let bytes: Bytes
    @inline(__always) var count: Int { bytes.count }
    @inline(__always) subscript(_ position: Int) -> UInt8 { bytes[position] }
}

struct FoldedPathKey: RadixKey {
    static var prefixMayBeWhole: Bool { true }
    let bytes: Bytes
    @inline(__always) var count: Int { bytes.count }
    @inline(__always) subscript(_ position: Int) -> UInt8 { ASCII.lower(bytes[position]) }
}

/// A host name from its end; `.example.com` does not apply to itself.
struct HostKey: RadixKey {
    static var prefixMayBeWhole: Bool { false }
    let bytes: Bytes
    @inline(__always) var count: Int { bytes.count }
    @inline(__always) subscript(_ position: Int) -> UInt8 { ASCII.lower(bytes[bytes.count - 1 - position]) }
}

/// What a walk found: values of equal keys, and the node of the longest prefix (-1: none).
struct RadixHit {
    var ends: Run = .empty
    var longest: Int32 = -1
}

extension Snapshot {
    @inline(__always) func walk<Key: RadixKey>(_ root: Int32, _ key: Key) -> RadixHit {
        var hit = RadixHit()
        guard root >= 0 else { return hit }
        var index = root
        var position = 0
        while true {
            let node = nodes + Int(index)
            let label = node.pointee.label
            let end = position + Int(label.count)
            guard end <= key.count else { return hit }
            let labelBytes = bytes + Int(label.start)
            var offset = 0
            while position < end {
                guard labelBytes[offset] == key[position] else { return hit }
                offset += 1
                position += 1
            }
            let isWhole = position == key.count
            if !node.pointee.prefixes.isEmpty, Key.prefixMayBeWhole || !isWhole { hit.longest = index }
            if isWhole {
                hit.ends = node.pointee.ends
                return hit
            }
            let child = branch(node, key[position])
            guard child >= 0 else { return hit }
            index = child
            position += 1
        }
    }

    /// The child that `byte` leads to, or -1.
    @inline(__always) private func branch(_ node: UnsafePointer<RadixNode>, _ byte: UInt8) -> Int32 {
        let branches = bytes + Int(node.pointee.branchBytes)
        var low: Int32 = 0
        var high = node.pointee.childCount
        while low < high {
            let middle = (low + high) / 2
            if branches[Int(middle)] < byte { low = middle + 1 } else { high = middle }
        }
        guard low < node.pointee.childCount, branches[Int(low)] == byte else { return -1 }
        return node.pointee.firstChild + low
    }
}

/// The keys of a tree to be, in the order of their values.
struct RadixTree {
    private struct Entry {
        var ends: [Int32] = []
        var prefixes: [Int32] = []
    }
    private var entries: [[UInt8]: Entry] = [:]

    var isEmpty: Bool { entries.isEmpty }

    /// Values of a key are added in ascending order.
    mutating func addEnd(_ key: [UInt8], _ value: Int32) { entries[key, default: Entry()].ends.append(value) }
    mutating func addPrefix(_ key: [UInt8], _ value: Int32) { entries[key, default: Entry()].prefixes.append(value) }

    /// Appends the tree to the builder's tables and returns the position of its root, or -1 for no keys.
    func build(into tables: inout SnapshotBuilder) -> Int32 {
        guard !entries.isEmpty else { return -1 }
        let keys = entries.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        /// Keys `range` share `depth` bytes and hang below node `node`; a queue, so that children become neighbours.
        struct Work {
            var node: Int
            var range: Range<Int>
            var depth: Int
            var shorter: Int32
        }
        let root = tables.nodes.count
        tables.nodes.append(RadixNode())
        var queue = [Work(node: root, range: 0..<keys.count, depth: 0, shorter: -1)]
        var next = 0
        while next < queue.count {
            let work = queue[next]
            next += 1
            let first = keys[work.range.lowerBound].key
            let last = keys[work.range.upperBound - 1].key
            // The keys are sorted, so what the first and the last share is shared by all.
            var depth = work.depth
            while depth < first.count, depth < last.count, first[depth] == last[depth] { depth += 1 }
            var node = RadixNode()
            node.label = tables.store(Array(first[work.depth..<depth]))
            node.shorter = work.shorter
            if work.shorter >= 0 { node.smallest = tables.nodes[Int(work.shorter)].smallest }
            var rest = work.range
            if first.count == depth {
                let entry = keys[rest.lowerBound].value
                node.ends = tables.store(entry.ends)
                node.prefixes = tables.store(entry.prefixes)
                if let smallest = entry.prefixes.first { node.smallest = min(node.smallest, smallest) }
                rest = (rest.lowerBound + 1)..<rest.upperBound
            }
            var branches: [UInt8] = []
            node.firstChild = Int32(tables.nodes.count)
            let shorter = node.prefixes.isEmpty ? work.shorter : Int32(work.node)
            while let start = rest.first {
                let byte = keys[start].key[depth]
                let end = rest.first { keys[$0].key[depth] != byte } ?? rest.upperBound
                branches.append(byte)
                queue.append(
                    Work(node: tables.nodes.count, range: start..<end, depth: depth + 1, shorter: shorter))
                tables.nodes.append(RadixNode())
                rest = end..<rest.upperBound
            }
            node.childCount = Int32(branches.count)
            node.branchBytes = tables.store(branches).start
            tables.nodes[work.node] = node
        }
        return Int32(root)
    }
}
