import Compiler
import Testing

@testable import ControlPlane

@Suite("explain says why a request goes where it goes")
struct ExplainTests {
    private static let mesh = """
        mesh: shop
        virtualGateways:
          front:
            listeners: [{ portMapping: { port: 8080, protocol: http } }]
            gatewayRoutes:
              cart:
                httpRoute:
                  match: { prefix: /cart }
                  action: { target: { virtualService: { virtualServiceName: cart.shop.local } } }
              gone:
                httpRoute:
                  match: { prefix: /old, headers: [{ name: x-old, match: { exact: 'yes' } }] }
                  action: { target: { virtualService: { virtualServiceName: cart.shop.local } } }
        virtualServices:
          cart.shop.local: { provider: { virtualRouter: { virtualRouterName: cart } } }
        virtualRouters:
          cart:
            listeners: [{ portMapping: { port: 8080, protocol: http } }]
            routes:
              beta:
                priority: 1
                httpRoute:
                  match: { prefix: /, headers: [{ name: x-beta, match: { prefix: y } }] }
                  action: { weightedTargets: [{ virtualNode: v2, weight: 1 }] }
                  timeout: { perRequest: { unit: s, value: 3 } }
              all:
                httpRoute:
                  match: { prefix: / }
                  action: { weightedTargets: [{ virtualNode: v1, weight: 3 }, { virtualNode: v2, weight: 1 }] }
        virtualNodes:
          v1:
            listeners: [{ portMapping: { port: 8080, protocol: http } }]
            serviceDiscovery: { dns: { hostname: v1.shop.local } }
            backends: [{ virtualService: { virtualServiceName: cart.shop.local } }]
          v2:
            listeners: [{ portMapping: { port: 8080, protocol: http } }]
            serviceDiscovery: { dns: { hostname: v2.shop.local } }
        local:
          nodes:
            v1: { endpoints: ['127.0.0.1:9001'] }
            v2: { instances: [{ app: '127.0.0.1:9002', address: 127.0.5.2 }, { app: '127.0.0.1:9003', address: 127.0.5.4 }] }
        """

    private func explain(
        _ text: String, headers: [String] = [], from: String? = nil, mesh: String = Self.mesh
    ) throws -> MeshExplanation {
        let scratch = Scratch()
        let path = scratch.write("shop.yaml", mesh)
        let loaded = MeshSource.files(paths: [path], variables: [:]).load(
            CompilerOptions(addressBase: "127.60.0.0/16", firstUnprivilegedPort: 1024))
        #expect(loaded.isRunnable, "\(loaded.diagnostics)")
        let request = try RequestDescription(text, headers: headers)
        return try MeshExplainer.explain(loaded.plan, request, from: from)
    }

    /// Without the folder of this run, which is in front of every place, and the address of this gateway.
    private func text(_ explanation: MeshExplanation) -> String {
        "\(explanation)".split(separator: "/tmp/trellis-test-", omittingEmptySubsequences: false).enumerated()
            .map { index, part in index == 0 ? String(part) : String(part.dropFirst(7)) }.joined()
    }

    @Test("A request through the only gateway: routes tried, rewrite, shares, limits and their origins, destinations")
    func golden() throws {
        let explanation = try explain("GET http://shop.example/cart/items?id=1", headers: ["X-Beta: yes"])
        #expect(
            text(explanation) == """
                GET http://shop.example/cart/items?id=1
                listener ingress_8080 of shop/front
                host shop.example
                  * * -> front:8080
                routes of front:8080, port 8080 (the listener's port)
                  * cart [gatewayRoute shop/front/cart (shop.yaml:6:7)]
                  - gone [gatewayRoute shop/front/gone (shop.yaml:10:7)]: path /cart/items does not start with /old
                rewritten: path /cart/items -> /items
                           host shop.example -> cart.shop.local
                routes of cart.shop.local, port 8080 (the service's only port)
                  * beta [route shop/cart/beta (shop.yaml:20:7)]
                  - all [route shop/cart/all (shop.yaml:26:7)]: it matches, but beta comes first
                backend 100.0 % cds_egress_shop_v2_http_8080: shop/v2#0 127.0.5.2:8080, shop/v2#1 127.0.5.4:8080
                request timeout 3.0 seconds from route shop/cart/beta (shop.yaml:25:22)
                  within at most 15.0 seconds from default perRequest 15 s
                idle timeout 300.0 seconds from default idle 300 s
                result: forwarded

                at the destination
                GET http://cart.shop.local/items?id=1
                listener ingress_8080 of shop/v2#0
                host cart.shop.local
                  * * -> v2_8080
                routes of v2_8080, port 8080 (the listener's port)
                  * v2_8080 [virtualNode shop/v2 (shop.yaml:36:17)]
                backend 100.0 % cds_ingress_shop_v2_http_8080: shop/v2#0 127.0.0.1:9002
                request timeout 15.0 seconds from default perRequest 15 s
                idle timeout 300.0 seconds from default idle 300 s
                result: forwarded
                """)
    }

    @Test("JSON has the same facts under stable keys")
    func json() throws {
        let value = try explain("/cart").json
        let entry = try #require(value["entry"])
        #expect(entry["proxy"] == "shop/front")
        #expect(entry["outcome"]?["kind"] == "forward")
        #expect(entry["second"]?["virtualHost"] == "cart.shop.local")
        guard case .array(let backends) = entry["backends"] else {
            Issue.record("no backends")
            return
        }
        #expect(backends.map { $0["percent"] } == [.double(75), .double(25)])
        #expect(entry["timeouts"]?["request"]?["value"] == "15s")
        // The node that is reached directly has no sidecar to explain.
        guard case .array(let destinations) = value["destinations"] else {
            Issue.record("no destinations")
            return
        }
        #expect(destinations.map { $0["proxy"] } == ["shop/v2#0"])
    }

    @Test("A request that matches nothing says so")
    func notFound() throws {
        let explanation = try explain("GET http://shop.example/none")
        #expect("\(explanation)".hasSuffix("result: 404: none of the 2 routes of front:8080 matches"))
    }

    @Test("From a node the request goes through its egress, in absolute form")
    func fromNode() throws {
        let explanation = try explain("POST http://cart.shop.local/x", from: "v2")
        #expect(explanation.entry.proxy == "shop/v2#0")
        #expect(explanation.entry.listener == "egress_15001")
        #expect(explanation.entry.request.isAbsoluteForm)
        // v2 declares no backend and the mesh drops what is not declared.
        guard case .notFound(.unknownHost, _) = explanation.entry.outcome else {
            Issue.record("\(explanation.entry.outcome)")
            return
        }
    }

    @Test(
        "Questions that cannot be answered say what to ask instead",
        arguments: [
            ("GET http://h/", ["nocolon"], nil, "expected a header as 'name: value', not 'nocolon'"),
            ("one two three", [], nil, "expected 'METHOD URL'"),
            ("ftp://h/", [], nil, "expected a URL with http:// or https://"),
            ("GET http:///x", [], nil, "names no host"),
            ("GET /x", [], "v2", "a request through a node's egress needs a host"),
            ("GET /x", [], "nobody", "there is no 'nobody'; choose with --from one of shop/front, "),
            ("FOO /x", [], nil, "the proxy refuses this request with 400: "),
            ("GET /a%00b", [], nil, "its path cannot be normalised"),
        ] as [(String, [String], String?, String)])
    func refused(_ request: String, _ headers: [String], _ from: String?, _ expected: String) throws {
        do {
            _ = try explain(request, headers: headers, from: from)
            Issue.record("answered")
        } catch {
            #expect("\(error)".contains(expected), "\(error)")
        }
    }

    @Test("Without a gateway the places to start from are named")
    func noGateway() throws {
        let mesh = """
            mesh: one
            virtualNodes:
              a:
                listeners: [{ portMapping: { port: 8080, protocol: http } }]
                serviceDiscovery: { dns: { hostname: a.local } }
            """
        #expect(throws: ExplainFailure.self) { try explain("GET http://a/", mesh: mesh) }
        #expect(try explain("GET http://a/", from: "one/a", mesh: mesh).entry.proxy == "one/a#0")
    }
}
