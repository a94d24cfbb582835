import Routing
import Testing

@Suite struct IndexPropertyTests {
    /// 100,000 requests in all, over 10,000 plans.
    @Test("the indexed match agrees with a plain matcher on random plans and requests", arguments: 0..<8)
    func agreement(_ seed: Int) throws {
        var source = try RandomPlans(seed: UInt64(seed) + 2026)
        let scratch = MatchScratch()
        var matched = 0
        var kinds: Set<UInt8> = []
        for number in 0..<1250 {
            let proxy = source.proxy()
            let snapshot = Snapshot(plan: Plan(proxies: [proxy]), generation: 1)
            let oracle = PlanOracle(proxy: proxy)
            for _ in 0..<10 {
                let request = source.request()
                let head = request.head
                let found = snapshot.match(
                    ListenerID(raw: 0), head, isAbsoluteForm: request.isAbsoluteForm, scratch)
                let expected: RouteResult
                switch oracle.match(proxy.listeners[0], request) {
                case .miss(let reason):
                    kinds.insert(reason.rawValue)
                    expected = .notFound(reason)
                case .route(let host, let route):
                    matched += 1
                    expected = .matched(
                        snapshot.routeID(proxy: 0, virtualHost: host, route: route),
                        snapshot.virtualHostID(proxy: 0, virtualHost: host))
                }
                if found != expected {
                    Issue.record("plan \(number): \(request)\n\(proxy)\nindex \(found), expected \(expected)")
                    return
                }
                guard number % 10 == 0 else { continue }
                let explanation = Explainer.explain(
                    snapshot, listener: ListenerID(raw: 0), head: head, isAbsoluteForm: request.isAbsoluteForm)
                #expect(explanation.agreesWithIndex)
            }
        }
        // The alphabets are small enough that every outcome is common.
        #expect(matched > 2000 && kinds.count == 3, "\(matched) \(kinds)")
    }
}
