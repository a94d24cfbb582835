import Routing
import Testing

@Suite struct PlanDifferenceTests {
    private func plan(_ edit: (inout ProxyPlan) -> Void = { _ in }) -> Plan {
        let blue = EndpointPlan(name: "m/blue#0", address: .ip(host: "127.0.0.1", port: 1))
        let forward = ActionPlan.forward([BackendPlan(cluster: 0, weight: 9), BackendPlan(cluster: 1, weight: 1)])
        let delegate = DelegatePlan(virtualHost: 1, port: nil, host: .keep, path: .keep)
        var proxy = ProxyPlan.of(
            listeners: [.of("in", hosts: [HostBinding(.any, virtualHost: 0)])],
            hosts: [
                .of("gate", [.to("enter", MatchPlan(), .delegate(delegate))]),
                .of("s", [.to("one", MatchPlan(path: .prefix("/1")), forward), .to("two", MatchPlan(), forward)]),
            ], clusters: [.of("blue", endpoints: [blue]), .of("green")])
        edit(&proxy)
        return Plan(proxies: [proxy])
    }

    @Test("equal plans do not differ, and neither does a plan whose positions and indexes moved") func nothing() {
        let moved = plan { proxy in
            proxy.virtualHosts[1].routes[0].source.place = "mesh.yaml:9:1"
            proxy.virtualHosts[1].routes[0].timeouts.request.origin.place = "mesh.yaml:9:1"
            proxy.listeners[0].source.place = "mesh.yaml:1:1"
            proxy.clusters[0].source.place = "mesh.yaml:2:1"
            proxy.source.place = "mesh.yaml:3:1"
            proxy.clusters.swapAt(0, 1)
            let swapped = ActionPlan.forward([BackendPlan(cluster: 1, weight: 9), BackendPlan(cluster: 0, weight: 1)])
            for index in 0..<2 { proxy.virtualHosts[1].routes[index].action = swapped }
            proxy.virtualHosts.swapAt(0, 1)
            proxy.virtualHosts[1].routes[0].action = .delegate(
                DelegatePlan(virtualHost: 0, port: nil, host: .keep, path: .keep))
            proxy.listeners[0].hosts[0].virtualHost = 1
        }
        let difference = PlanDifference.between(old: plan(), new: moved)
        #expect(difference.isEmpty, "\(difference)")
        #expect(difference.summary == "no change")
    }

    @Test("what changed is named") func changes() {
        let new = plan { proxy in
            proxy.virtualHosts[1].routes[0].action = .forward([BackendPlan(cluster: 0, weight: 1)])
            proxy.virtualHosts[1].routes.append(.to("three", MatchPlan()))
            proxy.virtualHosts[0].routes = []
            proxy.clusters[0].endpoints[0].address = .ip(host: "127.0.0.1", port: 2)
            proxy.clusters[1].endpoints.append(EndpointPlan(name: "m/green#0", address: .unix(path: "/s")))
            proxy.clusters[1].connectTimeout = .seconds(1)
            proxy.listeners.append(.of("more", hosts: []))
            proxy.upstreamSourceIP = "127.0.0.9"
        }
        let difference = PlanDifference.between(old: plan(), new: new)
        #expect(difference.proxies.changed == ["p"])
        #expect(difference.listeners.added == ["p/more"] && difference.listeners.changed == [])
        #expect(difference.routes.added == ["p/s/three"])
        #expect(difference.routes.removed == ["p/gate/enter"])
        #expect(difference.routes.changed == ["p/s/one"])
        #expect(difference.clusters.changed == ["p/green"])
        #expect(difference.endpoints.added == ["p/green/m/green#0"])
        #expect(difference.endpoints.changed == ["p/blue/m/blue#0"])
        #expect(
            difference.summary
                == "proxies ~1; listeners +1; routes +1 -1 ~1; clusters ~1; endpoints +1 ~1")
        let back = PlanDifference.between(old: new, new: plan())
        #expect(back.routes.added == ["p/gate/enter"] && back.routes.removed == ["p/s/three"])
    }

    @Test("a new order of routes is a change, a route put before others is not one of theirs") func order() {
        let swapped = plan { $0.virtualHosts[1].routes.swapAt(0, 1) }
        #expect(PlanDifference.between(old: plan(), new: swapped).routes.changed == ["p/s/one", "p/s/two"])
        let inserted = plan { $0.virtualHosts[1].routes.insert(.to("zero", MatchPlan()), at: 0) }
        let difference = PlanDifference.between(old: plan(), new: inserted)
        #expect(difference.routes.added == ["p/s/zero"] && difference.routes.changed == [])
    }

    @Test("a listener changes with the names and ports it leads to") func listeners() {
        let ports = plan { $0.virtualHosts[0].ports = [8080] }
        #expect(PlanDifference.between(old: plan(), new: ports).listeners.changed == ["p/in"])
        let host = plan { $0.listeners[0].hosts[0].pattern = .exact("a") }
        #expect(PlanDifference.between(old: plan(), new: host).listeners.changed == ["p/in"])
    }

    @Test("a whole proxy comes and goes with its objects") func proxies() {
        let difference = PlanDifference.between(old: Plan(), new: plan())
        #expect(difference.proxies.added == ["p"] && difference.listeners.added == ["p/in"])
        #expect(difference.summary == "proxies +1; listeners +1; routes +3; clusters +2; endpoints +1")
    }
}
