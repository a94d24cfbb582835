// Compiler and snapshot together against a matcher that reads the definitions themselves.

import Definitions
import Routing
import Testing
import Wire

@testable import Compiler

@Suite("Compiled meshes and the reference matcher")
struct ReferenceMatcherTests {
    /// 100,000 requests in all, over 1,000 meshes.
    @Test("agree on targets, weights and rewrites", arguments: 0..<8)
    func agreement(seed: Int) throws {
        var source = RandomMesh(seed: UInt64(seed) + 11)
        let scratch = MatchScratch()
        var tally: [String: Int] = [:]
        for number in 0..<125 {
            let mesh = source.mesh()
            let compiled = compile(mesh)
            guard !compiled.blocksRun else {
                Issue.record("mesh \(number) has errors: \(compiled.diagnostics.filter { $0.severity == .error })")
                return
            }
            let snapshot = Snapshot(plan: compiled.plan, generation: 1)
            let reference = ReferenceMatcher(mesh: mesh)
            for _ in 0..<100 {
                let isGateway = Bool.random(using: &source.random)
                let hosts =
                    isGateway
                    ? ["a.front", "b.front", "x.a.front", "front", "else"]
                    : RandomMesh.services + ["s3.amazonaws.com", "amazonaws.com", "example.com"]
                let request = source.request(hosts: hosts)
                let proxy = isGateway ? "m/front" : "m/n0#0"
                let listeners = entrances(snapshot, proxy, isGateway ? .ingress : .egress)
                guard let listener = listeners.randomElement(using: &source.random) else {
                    Issue.record("\(proxy) has no listener")
                    return
                }
                let port = snapshot.listener(listener).port
                let expected =
                    isGateway
                    ? reference.atGateway("front", port: port, request)
                    : reference.atEgress(of: "n0", port: port, request)
                let found = outcome(snapshot, listener, request, scratch)
                guard found == expected else {
                    Issue.record(
                        "mesh \(number), \(proxy) port \(port): \(request)\nfound \(found), expected \(expected)\n\(mesh)"
                    )
                    return
                }
                tally["\(isGateway) \("\(found)".prefix(6))", default: 0] += 1
            }
        }
        // Gateways cannot leave the mesh, so five kinds of outcome exist, and all are common.
        #expect(tally.count == 5 && tally.values.allSatisfy { $0 > 100 }, "\(tally)")
    }

    private func entrances(
        _ snapshot: Snapshot, _ proxy: String, _ direction: ListenerPlan.Direction
    ) -> [ListenerID] {
        (0..<snapshot.listenerCount).map { ListenerID(raw: Int32($0)) }.filter {
            snapshot.proxy(of: $0).name == proxy && snapshot.listener($0).direction == direction
        }
    }

    private func outcome(
        _ snapshot: Snapshot, _ listener: ListenerID, _ request: ReferenceMatcher.Request, _ scratch: MatchScratch
    ) -> ReferenceMatcher.Outcome {
        let head = head(request)
        guard
            case .matched(var route, _) = snapshot.match(
                listener, head, isAbsoluteForm: request.isAbsoluteForm, scratch)
        else { return .notFound }
        if snapshot.hot(route).kind == .delegate {
            _ = snapshot.rewrite(route, head)
            guard case .matched(let last, _) = snapshot.matchDelegated(route, head, scratch) else { return .notFound }
            route = last
        }
        switch snapshot.route(route).action {
        case .forwardToAuthority: return .authority(head.text(head.authority))
        case .forward(let backends):
            let clusters = snapshot.proxy(of: route).clusters
            var weights: [String: Int] = [:]
            for backend in backends where backend.weight > 0 {
                // `cds_egress_m_n0_http_8080`
                let name = clusters[backend.cluster].name.split(separator: "_")
                weights["\(name[3]):\(name[5])", default: 0] += backend.weight
            }
            return .targets(weights, path: head.text(head.path), authority: head.text(head.authority))
        case .delegate, .fixedResponse, .handler:
            Issue.record("no such action in these meshes")
            return .notFound
        }
    }

    private func head(_ request: ReferenceMatcher.Request) -> HeaderBlock {
        let head = HeaderBlock()
        func append(_ text: String) -> HeaderBlock.Range {
            var text = text
            return text.withUTF8 { head.append($0) }
        }
        head.method = Method.allCases.first { "\($0.name)" == request.method } ?? .other
        head.methodName = append(request.method)
        head.path = append(request.path)
        head.authority = append(request.authority)
        if let query = request.query {
            head.hasQuery = true
            head.query = append(query)
        }
        for (name, value) in request.headers { head.add(id: .other, name: append(name), value: append(value)) }
        return head
    }
}
