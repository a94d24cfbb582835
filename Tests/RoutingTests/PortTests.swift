import Routing
import Testing

@Suite struct PortTests {
    private static let routes: [RoutePlan] = [
        .to("8080", MatchPlan(port: 8080)), .to("9090", MatchPlan(port: 9090)), .to("other", MatchPlan()),
    ]

    @Test(
        "the listener's rule says which port a request is for, and the service must listen on it",
        arguments: [
            // A fixed port: the authority does not count.
            (ListenerPlan.PortRule.fixed(8080), [Int](), "a:9090", "8080"),
            (.fixed(8080), [8080], "a:9090", "8080"), (.fixed(8080), [8080], "a:x", "8080"),
            (.fixed(7070), [8080], "a", "portNotServed"), (.fixed(7070), [], "a", "other"),
            // Egress for any service: the authority's port, else the service's first.
            (.service(listenerPort: nil), [8080, 9090], "a", "8080"),
            (.service(listenerPort: nil), [9090, 8080], "a", "9090"),
            (.service(listenerPort: nil), [8080, 9090], "a:9090", "9090"),
            (.service(listenerPort: nil), [8080], "a:9090", "portNotServed"),
            (.service(listenerPort: nil), [8080], "a:", "8080"),
            (.service(listenerPort: nil), [8080], "a:80x", "portNotServed"),
            (.service(listenerPort: nil), [8080], "a:99999999999999999999", "portNotServed"),
            (.service(listenerPort: nil), [], "a:65536", "portNotServed"),
            (.service(listenerPort: nil), [], "a:9090", "9090"), (.service(listenerPort: nil), [], "a", "other"),
            // Egress on one port: it counts as explicit.
            (.service(listenerPort: 9090), [8080, 9090], "a", "9090"),
            (.service(listenerPort: 9090), [8080, 9090], "a:9090", "9090"),
            (.service(listenerPort: 9090), [8080, 9090], "a:8080", "portNotServed"),
            (.service(listenerPort: 9090), [8080], "a", "portNotServed"),
            (.service(listenerPort: 9090), [], "a", "9090"),
        ])
    func effectivePort(_ rule: ListenerPlan.PortRule, _ ports: [Int], _ authority: String, _ expected: String) {
        let snapshot = Snapshot.single(Self.routes, ports: ports, portRule: rule)
        #expect(snapshot.routeName(Request(authority: authority)) == expected)
    }
}
