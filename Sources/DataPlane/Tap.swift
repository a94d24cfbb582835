import Routing
import Synchronization
import Telemetry
import Wire

// Live records for whoever asks. A subscriber hands every worker a filter and a bounded queue; a worker without
// subscribers pays one comparison per record, and a record is formatted only if some subscriber's filter takes it. A
// subscriber that does not keep up loses records, which are counted: traffic is never delayed for a listener.

/// Which records somebody wants to see. Conditions are joined by "and"; one that is not set takes every record.
public struct TapFilter: Sendable, Equatable {
    /// Equal to the mesh's name.
    public var mesh: String?
    // Names as `Naming.covers` takes them.
    public var proxy: String?
    /// The proxy's own node or gateway, or the destination.
    public var node: String?
    /// The matched route or the gateway route.
    public var route: String?
    /// The status lies in one of these; empty takes all. 0 is "none was sent".
    public var statuses: [ClosedRange<Int>] = []
    /// At least one of these flags is set.
    public var flags: ResponseFlags = []
    /// No flag is set; together with `flags`: either.
    public var takesUnflagged = false
    /// Path and query as the client sent them begin with this.
    public var pathPrefix: String?
    /// The request has a line of this name, whose case does not count, with exactly this value.
    public var headers: [Header] = []

    public struct Header: Sendable, Equatable {
        public var name: String
        public var value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    public init() {}

    /// - Parameter labels: of the record's route, or of its proxy if none matched.
    func takes(_ record: Record, _ labels: RouteLabels) -> Bool {
        if let mesh, labels.mesh != mesh { return false }
        if !statuses.isEmpty, !statuses.contains(where: { $0.contains(record.status) }) { return false }
        guard takesFlags(record.flags) else { return false }
        if let proxy, !Naming.covers(labels.proxy, proxy) { return false }
        if let node, !Self.nodes(record, labels).contains(where: { Naming.covers($0, node) }) { return false }
        if let route, !Self.routes(record, labels).contains(where: { Naming.covers($0, route) }) { return false }
        if let pathPrefix, !Self.path(of: record, hasPrefix: pathPrefix) { return false }
        return headers.allSatisfy { Self.has($0, record.request) }
    }

    private func takesFlags(_ set: ResponseFlags) -> Bool {
        if flags.isEmpty, !takesUnflagged { return true }
        return takesUnflagged && set.isEmpty || !set.isDisjoint(with: flags)
    }

    private static func nodes(_ record: Record, _ labels: RouteLabels) -> [String] {
        [labels.node, record.endpoint?.node, record.cluster?.node].compactMap { $0 }
    }

    private static func routes(_ record: Record, _ labels: RouteLabels) -> [String] {
        [labels.route, labels.gatewayRoute, record.gatewayLabels?.gatewayRoute].compactMap { $0 }
    }

    private static func path(of record: Record, hasPrefix prefix: String) -> Bool {
        let head = record.request
        if !record.originalPath.isEmpty { return head.bytes(record.originalPath).starts(with: prefix.utf8) }
        let path = head.bytes(head.path)
        if path.count >= prefix.utf8.count { return path.starts(with: prefix.utf8) }
        guard prefix.utf8.starts(with: path), head.hasQuery else { return false }
        let rest = prefix.utf8.dropFirst(path.count)
        return rest.first == UInt8(ascii: "?") && head.bytes(head.query).starts(with: rest.dropFirst())
    }

    private static func has(_ header: Header, _ head: HeaderBlock) -> Bool {
        for index in 0..<head.count {
            let field = head.field(index)
            guard field.id != .removed, head.bytes(field.value).elementsEqual(header.value.utf8) else { continue }
            let name = head.bytes(field.name)
            if name.count == header.name.utf8.count,
                zip(name, header.name.utf8).allSatisfy({ lowered($0) == lowered($1) })
            {
                return true
            }
        }
        return false
    }

    private static func lowered(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }
}

/// How people name things of a mesh.
public enum Naming {
    /// Whether `given` names the thing `name`: the whole name, its last parts (`blue` for `colors/blue`), and both without
    /// the instance (`colors/blue` for `colors/blue#0`).
    public static func covers(_ name: String, _ given: String) -> Bool {
        if endsPath(name[...], given) { return true }
        return !given.contains("#") && name.contains("#") && endsPath(withoutInstance(name), given)
    }

    /// `colors/blue` for `colors/blue#0`.
    public static func withoutInstance(_ name: String) -> Substring {
        name.lastIndex(of: "#").map { name[..<$0] } ?? name[...]
    }

    private static func endsPath(_ name: Substring, _ given: String) -> Bool {
        guard !given.isEmpty, name.hasSuffix(given) else { return false }
        return name.utf8.count == given.utf8.count || name.dropLast(given.count).last == "/"
    }
}

/// One subscriber's queue of structured records (`AccessLogFormat.structured`), one line each. Workers fill it, whoever
/// subscribed empties it, on any thread.
public final class TapSubscription: Sendable {
    public let filter: TapFilter
    private let wake: @Sendable () -> Void
    private let state = Mutex(State())

    private struct State {
        var lines: [UInt8] = []
        var dropped: UInt64 = 0
    }

    /// Bytes that wait at most; a record beyond them is dropped.
    public static let bytesMax = 1 << 20

    /// - Parameter wake: called by a worker when there is something to take after there was nothing; must not wait.
    public init(filter: TapFilter, wake: @escaping @Sendable () -> Void) {
        self.filter = filter
        self.wake = wake
    }

    /// Whole lines that wait, and how many records were dropped since the last call.
    public func take() -> (lines: [UInt8], dropped: UInt64) {
        state.withLock { state in
            let taken = (state.lines, state.dropped)
            state = State()
            return taken
        }
    }

    func offer(_ line: UnsafeBufferPointer<UInt8>) {
        let isFirst = state.withLock { state in
            let wasQuiet = state.lines.isEmpty && state.dropped == 0
            if state.lines.count + line.count > Self.bytesMax {
                state.dropped += 1
            } else {
                state.lines += line
            }
            return wasQuiet
        }
        if isFirst { wake() }
    }
}

extension DataPlane {
    /// Hands records of all workers to the subscription, from the next one on. Its own proxies' only: those of built-in
    /// workloads and admin listeners are nobody's traffic.
    public func subscribe(_ subscription: TapSubscription) {
        onWorkers { $0.taps.append(subscription) }
    }

    public func unsubscribe(_ subscription: TapSubscription) {
        onWorkers { worker in worker.taps.removeAll { $0 === subscription } }
    }
}

extension Worker {
    /// Offers a record to the subscribers.
    @inline(never)
    func tap(_ record: Record, _ labels: RouteLabels, role: ProxyPlan.Role) {
        guard role != .workload, role != .admin else { return }
        tapLine.removeAll()
        for subscription in taps where subscription.filter.takes(record, labels) {
            if tapLine.isEmpty { AccessLogFormat.structured.append(record, to: tapLine) }
            tapLine.withBytes { subscription.offer($0) }
        }
    }
}
