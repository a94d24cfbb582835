import Glibc
import Patterns
import Routing
import Testing

/// Runs code in a child process whose memory is used up: any allocation ends the child.
private enum Starved {
    /// Sanitizers bring an allocator of their own, which cannot be starved.
    static let isPossible = dlsym(nil, "__asan_init") == nil && dlsym(nil, "__tsan_init") == nil

    enum Outcome: Equatable { case returned(Bool), died(signal: Int32), notStarted }

    /// What became of `body` in a process that cannot allocate.
    ///
    /// Only the calling thread exists in the child, and it leaves without running anything else.
    static func run(_ body: () -> Bool) -> Outcome {
        typealias Fork = @convention(c) () -> pid_t
        guard let symbol = dlsym(nil, "fork") else { return .notStarted }
        let child = unsafeBitCast(symbol, to: Fork.self)()
        if child == 0 {
            for signal in [SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS] { resetSignal(signal) }
            useUpMemory()
            _exit(body() ? 0 : 1)
        }
        guard child > 0 else { return .notStarted }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        return status & 0x7F == 0 ? .returned(status == 0) : .died(signal: status & 0x7F)
    }

    private static func resetSignal(_ number: Int32) { _ = signal(number, SIG_DFL) }

    private static func useUpMemory() {
        var limit = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
        setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        var size = 1 << 20
        while size >= 16 {
            while malloc(size) != nil {}
            size = size > 1024 ? size / 2 : size - 16
        }
    }
}

@Suite(.enabled(if: Starved.isPossible)) struct AllocationTests {
    private final class Object {}

    @Test("a starved process cannot allocate, and ends well otherwise") func detector() throws {
        let ended = [Starved.run { true }, Starved.run { false }]
        #expect(ended == [.returned(true), .returned(false)])
        var kept: Object?
        let allocating = Starved.run {
            kept = Object()
            return true
        }
        guard case .died = allocating else {
            Issue.record("it allocated: \(allocating)")
            return
        }
        #expect(kept == nil)
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
            // In a debug build an iterator allocates, and so does much of what the library writes generically.
            var index = 0
            while index < heads.count {
                let head = heads[index]
                index += 1
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
        let outcome = Starved.run {
            run()
            return matched == 5
        }
        #expect(outcome == .returned(true))
    }
}
