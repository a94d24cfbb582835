import Patterns
import Wire

/// One generation of the plan in the form that the data plane reads (design sections 5 and 10).
///
/// The plan is kept whole for cold use. What matching needs is compiled into trivial records in a single allocation,
/// read by position: matching a request allocates nothing and touches no reference count.
///
/// Sendable although it holds pointers: the memory is filled by the initialiser before anybody else sees the snapshot,
/// is never written again, and lives as long as the snapshot; the patterns in it are kept alive by `plan`.
public final class Snapshot: @unchecked Sendable {
    public let plan: Plan
    /// Grows with each publication.
    public let generation: UInt64

    public let listenerCount: Int
    public let virtualHostCount: Int
    public let routeCount: Int
    public let clusterCount: Int

    let listeners: UnsafePointer<ListenerRecord>
    let virtualHosts: UnsafePointer<VirtualHostRecord>
    let routes: UnsafePointer<RouteRecord>
    let headers: UnsafePointer<HeaderRecord>
    let queries: UnsafePointer<QueryRecord>
    let backends: UnsafePointer<BackendRecord>
    let nodes: UnsafePointer<RadixNode>
    let patterns: UnsafePointer<Unmanaged<Pattern>>
    /// Lists of ports, routes and border tables.
    let numbers: UnsafePointer<Int32>
    /// Names, values and labels.
    let bytes: UnsafePointer<UInt8>
    private let memory: UnsafeMutableRawPointer

    private let directory: PlanDirectory

    /// Compiles a plan. It is valid by construction, because the compiler made it: indexes are in range, a forward's total weight
    /// is above zero, and a delegate's virtual host does not delegate again. Anything else is a programmer's error.
    public init(plan: Plan, generation: UInt64) {
        self.plan = plan
        self.generation = generation
        directory = PlanDirectory(plan)
        var tables = SnapshotBuilder(plan, directory)
        tables.compile()

        listenerCount = tables.listeners.count
        virtualHostCount = tables.virtualHosts.count
        routeCount = tables.routes.count
        clusterCount = directory.clusters.count

        var packing = Packing()
        packing.measure(tables.listeners)
        packing.measure(tables.virtualHosts)
        packing.measure(tables.routes)
        packing.measure(tables.headers)
        packing.measure(tables.queries)
        packing.measure(tables.backends)
        packing.measure(tables.nodes)
        packing.measure(tables.patterns)
        packing.measure(tables.numbers)
        packing.measure(tables.bytes)
        memory = packing.allocate()
        listeners = packing.place(tables.listeners)
        virtualHosts = packing.place(tables.virtualHosts)
        routes = packing.place(tables.routes)
        headers = packing.place(tables.headers)
        queries = packing.place(tables.queries)
        backends = packing.place(tables.backends)
        nodes = packing.place(tables.nodes)
        patterns = packing.place(tables.patterns)
        numbers = packing.place(tables.numbers)
        bytes = packing.place(tables.bytes)
    }

    deinit { memory.deallocate() }

    // MARK: Identifiers

    public func listenerID(proxy: Int, listener: Int) -> ListenerID {
        ListenerID(raw: directory.listeners.raw(proxy, listener))
    }
    public func virtualHostID(proxy: Int, virtualHost: Int) -> VirtualHostID {
        VirtualHostID(raw: directory.virtualHosts.raw(proxy, virtualHost))
    }
    public func routeID(proxy: Int, virtualHost: Int, route: Int) -> RouteID {
        RouteID(raw: directory.routes.raw(Int(directory.virtualHosts.raw(proxy, virtualHost)), route))
    }
    public func clusterID(proxy: Int, cluster: Int) -> ClusterID {
        ClusterID(raw: directory.clusters.raw(proxy, cluster))
    }

    public func location(_ id: ListenerID) -> (proxy: Int, listener: Int) {
        let (proxy, listener) = directory.listeners.location(id.raw)
        return (proxy, listener)
    }
    public func location(_ id: VirtualHostID) -> (proxy: Int, virtualHost: Int) {
        let (proxy, virtualHost) = directory.virtualHosts.location(id.raw)
        return (proxy, virtualHost)
    }
    public func location(_ id: RouteID) -> (proxy: Int, virtualHost: Int, route: Int) {
        let (owner, route) = directory.routes.location(id.raw)
        let (proxy, virtualHost) = directory.virtualHosts.location(Int32(owner))
        return (proxy, virtualHost, route)
    }
    public func location(_ id: ClusterID) -> (proxy: Int, cluster: Int) {
        let (proxy, cluster) = directory.clusters.location(id.raw)
        return (proxy, cluster)
    }

    // MARK: Cold

    public func listener(_ id: ListenerID) -> ListenerPlan {
        let place = location(id)
        return plan.proxies[place.proxy].listeners[place.listener]
    }
    public func virtualHost(_ id: VirtualHostID) -> VirtualHostPlan {
        let place = location(id)
        return plan.proxies[place.proxy].virtualHosts[place.virtualHost]
    }
    public func route(_ id: RouteID) -> RoutePlan {
        let place = location(id)
        return plan.proxies[place.proxy].virtualHosts[place.virtualHost].routes[place.route]
    }
    public func cluster(_ id: ClusterID) -> ClusterPlan {
        let place = location(id)
        return plan.proxies[place.proxy].clusters[place.cluster]
    }

    public func proxyIndex(of id: ListenerID) -> Int { location(id).proxy }
    public func proxyIndex(of id: VirtualHostID) -> Int { location(id).proxy }
    public func proxyIndex(of id: RouteID) -> Int { location(id).proxy }
    public func proxyIndex(of id: ClusterID) -> Int { location(id).proxy }

    public func proxy(of id: ListenerID) -> ProxyPlan { plan.proxies[proxyIndex(of: id)] }
    public func proxy(of id: VirtualHostID) -> ProxyPlan { plan.proxies[proxyIndex(of: id)] }
    public func proxy(of id: RouteID) -> ProxyPlan { plan.proxies[proxyIndex(of: id)] }
    public func proxy(of id: ClusterID) -> ProxyPlan { plan.proxies[proxyIndex(of: id)] }

    // MARK: Records

    @inline(__always) func text(_ run: Run) -> Bytes { Bytes(start: bytes + Int(run.start), count: Int(run.count)) }
}

/// Lays tables of trivial elements one after another into one allocation.
private struct Packing {
    private static let alignment = 16
    private var size = 0
    private var filled = 0
    private var memory: UnsafeMutableRawPointer?

    private static func span<Element>(_ table: [Element]) -> Int {
        (table.count * MemoryLayout<Element>.stride + alignment - 1) / alignment * alignment
    }

    mutating func measure<Element: BitwiseCopyable>(_ table: [Element]) { size += Self.span(table) }

    mutating func allocate() -> UnsafeMutableRawPointer {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(size, 1), alignment: Self.alignment)
        self.memory = memory
        return memory
    }

    mutating func place<Element: BitwiseCopyable>(_ table: [Element]) -> UnsafePointer<Element> {
        guard let memory else { preconditionFailure("placed before allocation") }
        let start = (memory + filled).bindMemory(to: Element.self, capacity: max(table.count, 1))
        table.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { start.initialize(from: base, count: source.count) }
        }
        filled += Self.span(table)
        precondition(filled <= size)
        return UnsafePointer(start)
    }
}
