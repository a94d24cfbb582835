import Routing
import Testing

@Suite(.serialized) struct ScalingTests {
    private func snapshot(_ count: Int, _ path: (Int) -> PathMatch) -> Snapshot {
        .single((0..<count).map { .to("r\($0)", MatchPlan(path: path($0))) })
    }

    /// The quickest of several runs of 2,000 matches over paths spread over the routes.
    private func time(_ snapshot: Snapshot, _ targets: [String]) -> Duration {
        let heads = targets.map { Request(target: $0).head }
        let scratch = MatchScratch()
        let clock = ContinuousClock()
        return (0..<7).map { _ in
            clock.measure {
                for round in 0..<2000 {
                    let result = snapshot.match(
                        ListenerID(raw: 0), heads[round % heads.count], isAbsoluteForm: false, scratch)
                    guard case .matched = result else {
                        Issue.record("no route")
                        return
                    }
                }
            }
        }.min() ?? .zero
    }

    @Test("10,000 distinct prefixes or exact paths cost about what 10 do", arguments: [false, true])
    func independenceOfCount(_ isExact: Bool) {
        let path: (Int) -> PathMatch = { isExact ? .exact("/service/\($0)") : .prefix("/service/\($0)/") }
        let target: (Int) -> String = { isExact ? "/service/\($0)" : "/service/\($0)/item" }
        let few = time(snapshot(10, path), (0..<10).map(target))
        let many = time(snapshot(10_000, path), stride(from: 0, to: 10_000, by: 97).map(target))
        // A linear scan is about a thousand times slower; the rest is cache misses and a busy machine.
        #expect(many < few * 12, "\(few) against \(many)")
    }
}
