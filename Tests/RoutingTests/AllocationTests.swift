import Glibc
import Patterns
import Synchronization
import Testing

@testable import Routing

/// Counts the Swift objects that one thread allocates, through the hook that the runtime keeps for instruments.
private enum AllocationCounter {
    private typealias Allocate = @convention(c) (UnsafeRawPointer?, Int, Int) -> UnsafeMutableRawPointer?

    private static let original = Atomic<UInt>(0)
    private static let watched = Atomic<UInt>(0)
    private static let count = Atomic<Int>(0)

    /// Runs `body` and returns how many objects this thread allocated meanwhile; nil if the runtime has no hook.
    static func allocations(_ body: () -> Void) -> Int? {
        guard let process = dlopen(nil, RTLD_NOW), let slot = dlsym(process, "_swift_allocObject"),
            let flag = dlsym(process, "_swift_enableSwizzlingOfAllocationAndRefCountingFunctions_forInstrumentsOnly")
        else { return nil }
        let function = slot.assumingMemoryBound(to: UInt.self)
        let isEnabled = flag.assumingMemoryBound(to: Bool.self)
        original.store(function.pointee, ordering: .sequentiallyConsistent)
        let counting: Allocate = { metadata, size, mask in
            if pthread_self() == AllocationCounter.watched.load(ordering: .relaxed) {
                AllocationCounter.count.add(1, ordering: .relaxed)
            }
            let original = AllocationCounter.original.load(ordering: .relaxed)
            return unsafeBitCast(original, to: Allocate.self)(metadata, size, mask)
        }
        count.store(0, ordering: .sequentiallyConsistent)
        function.pointee = unsafeBitCast(counting, to: UInt.self)
        isEnabled.pointee = true
        watched.store(pthread_self(), ordering: .sequentiallyConsistent)
        body()
        watched.store(0, ordering: .sequentiallyConsistent)
        isEnabled.pointee = false
        function.pointee = original.load(ordering: .sequentiallyConsistent)
        return count.load(ordering: .sequentiallyConsistent)
    }
}

@Suite(.serialized) struct AllocationTests {
    private final class Object {}

    @Test("the counter sees allocations") func counter() throws {
        var kept: [Object] = []
        kept.reserveCapacity(5)
        let count = try #require(AllocationCounter.allocations { for _ in 0..<5 { kept.append(Object()) } })
        #expect(count == 5 && kept.count == 5)
    }

    @Test("matching, rewriting and the draw allocate nothing once warm") func matching() throws {
        let pattern = RegexMatch(try Pattern("/a[0-9]+/.*"))
        let gatewayMatch = MatchPlan(path: .prefix("/g"))
        let rewrite = DelegatePlan.PathRewrite.prefix(matched: "/g", replacement: "/")
        let delegate = DelegatePlan(virtualHost: 1, port: nil, host: .literal("s.local"), path: rewrite)
        let conditions: [HeaderMatch.Condition] = [
            .exact("1"), .contains("bb"), .range(start: 0, end: 9), .regex(pattern), .prefix("x"),
        ]
        let headers = conditions.map { HeaderMatch(name: "x-a", condition: $0) }
        let target = HeaderMatch(name: ":path", condition: .exact("/nothing"))
        let hosts = [
            VirtualHostPlan.of(
                "h",
                [.to("target", MatchPlan(headers: [target])), .to("in", gatewayMatch, .delegate(delegate))]
                    + headers.map { .to("header", MatchPlan(headers: [$0])) }
                    + [
                        .to("pattern", MatchPlan(path: .regex(pattern))),
                        .to("query", MatchPlan(query: [QueryMatch(name: "q", exact: "1")])),
                        .to("folded", MatchPlan(path: .prefix("/FOLD", ignoresCase: true))),
                    ]),
            .of("s", [.to("last", MatchPlan(), .forward([BackendPlan(cluster: 0, weight: 1)]))]),
        ]
        let listener = ListenerPlan.of(hosts: [
            HostBinding(.suffix(".b"), virtualHost: 0), HostBinding(.any, virtualHost: 0),
        ])
        let plan = Plan(proxies: [.of(listeners: [listener], hosts: hosts, clusters: [.of("c")])])
        let snapshot = Snapshot(plan: plan, generation: 1)
        let targets = ["/g/x?q=1", "/a12/yy?q=2", "/fold/x", "/none?a=1&q=1"]
        let heads = targets.map {
            Request(target: $0, authority: "a.b:80", headers: [("x-a", "7x"), ("x-a", "abab")]).head
        }
        let scratch = MatchScratch()
        var matched = 0
        func run() {
            for head in heads {
                let path = head.path
                let result = snapshot.match(ListenerID(raw: 0), head, isAbsoluteForm: false, scratch)
                guard case .matched(let route, _) = result else { continue }
                matched += 1
                guard snapshot.hot(route).kind == .delegate else { continue }
                _ = snapshot.rewrite(route, head)
                if case .matched(let last, _) = snapshot.matchDelegated(route, head, scratch) {
                    matched += snapshot.pick(last, random: 7).index == 0 ? 1 : 0
                }
                head.path = path
            }
        }
        for _ in 0..<3 { run() }
        matched = 0
        let capacity = scratch.capacity
        let count = try #require(AllocationCounter.allocations { for _ in 0..<5 { run() } })
        #expect(matched == 25)
        #expect(count == 0)
        #expect(scratch.capacity == capacity)
    }
}
