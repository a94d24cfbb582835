/// Translates between positions in the plan (proxy and index) and the dense identifiers of a snapshot.
struct PlanDirectory {
    /// One kind of object: owners follow each other, and so do the objects of an owner.
    struct Numbering {
        /// Identifier of each owner's first object, and at the end the number of all objects.
        private var starts: [Int32] = [0]

        var count: Int { Int(starts[starts.count - 1]) }

        mutating func addOwner(_ objects: Int) { starts.append(starts[starts.count - 1] + Int32(objects)) }

        func raw(_ owner: Int, _ index: Int) -> Int32 {
            let raw = starts[owner] + Int32(index)
            precondition(index >= 0 && raw < starts[owner + 1], "no such object in the plan")
            return raw
        }

        func location(_ raw: Int32) -> (Int, Int) {
            precondition(raw >= 0 && raw < starts[starts.count - 1], "identifier of another snapshot")
            // The last owner that starts at or before `raw`; owners without objects start where the next one does.
            var low = 0
            var high = starts.count - 1
            while high - low > 1 {
                let middle = (low + high) / 2
                if starts[middle] <= raw { low = middle } else { high = middle }
            }
            return (low, Int(raw - starts[low]))
        }
    }

    var listeners = Numbering()
    var virtualHosts = Numbering()
    var clusters = Numbering()
    /// Owned by virtual hosts.
    var routes = Numbering()

    init(_ plan: Plan) {
        for proxy in plan.proxies {
            listeners.addOwner(proxy.listeners.count)
            virtualHosts.addOwner(proxy.virtualHosts.count)
            clusters.addOwner(proxy.clusters.count)
            for host in proxy.virtualHosts { routes.addOwner(host.routes.count) }
        }
    }
}
