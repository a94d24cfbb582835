import Glibc
import Routing
import Testing

@Suite(.serialized) struct ScalingTests {
    private func snapshot(_ count: Int, _ path: (Int) -> PathMatch) -> Snapshot {
        .single((0..<count).map { .to("r\($0)", MatchPlan(path: path($0))) })
    }

    /// Processor time of this thread, so that a busy machine does not disturb.
    private func processorTime() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    /// The quickest of several runs of 2,000 matches over the targets.
    private func time(_ snapshot: Snapshot, _ targets: [String]) -> Duration {
        let heads = targets.map { Request(target: $0).head }
        let scratch = MatchScratch()
        var missed = 0
        let times = (0..<7).map { _ in
            let start = processorTime()
            for round in 0..<2000 {
                let result = snapshot.match(
                    ListenerID(raw: 0), heads[round % heads.count], isAbsoluteForm: false, scratch)
                if case .notFound = result { missed += 1 }
            }
            return processorTime() - start
        }
        #expect(missed == 0)
        return times.min() ?? .zero
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
