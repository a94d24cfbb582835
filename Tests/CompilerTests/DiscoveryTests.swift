import Definitions
import Routing
import Testing

@testable import Compiler

@Suite("Discovery by definitions")
struct DiscoveryTests {
    private static let cluster = "cds_egress_colors_blue_http_8080"

    private func mesh(_ dns: DnsServiceDiscovery, preference: IpPreference? = nil) -> MeshDefinition {
        var mesh = colors()
        mesh.virtualNodes["blue"]?.serviceDiscovery = .dns(dns)
        mesh.spec.serviceDiscovery = preference.map { MeshServiceDiscovery(ipPreference: $0) }
        return mesh
    }

    private func cluster(_ compiled: CompiledMesh, _ name: String = cluster) -> ClusterPlan? {
        compiled.proxy("colors/front")?.clusters.first { $0.name == name }
    }

    @Test("takes the name, the listener's port and what an answer means from the node")
    func plan() throws {
        let compiled = compile(
            mesh(DnsServiceDiscovery(hostname: "Blue.colors.local.")), local: MeshPlacement(discovery: .definitions))
        #expect(compiled.codes == [])
        let blue = try #require(cluster(compiled))
        #expect(blue.endpoints == [])
        #expect(
            blue.discovery
                == DiscoveryPlan(
                    hostname: "blue.colors.local", port: 8080, answer: .oneLogicalHost, families: .ipv6Preferred))
        let green = try #require(cluster(compiled, "cds_egress_colors_green_http_8080"))
        #expect(green.discovery?.answer == .everyAddress)
        #expect(green.discovery?.hostname == "node.local")
    }

    @Test("is chosen for the mesh, and by a node for itself")
    func choice() {
        let dns = DnsServiceDiscovery(hostname: "blue.test")
        let cases: [(DiscoverySource?, DiscoverySource?, Bool)] = [
            (nil, nil, false), (.local, nil, false), (.definitions, nil, true), (.definitions, .local, false),
            (nil, .definitions, true), (.local, .definitions, true),
        ]
        for (mesh, node, isDiscovered) in cases {
            let local = MeshPlacement(discovery: mesh, nodes: ["blue": NodePlacement(discovery: node)])
            let blue = cluster(compile(self.mesh(dns), local: local))
            #expect((blue?.discovery != nil) == isDiscovered)
            #expect(blue?.endpoints.isEmpty == isDiscovered)
        }
    }

    @Test("prefers the family that the node prefers, else the mesh, else IPv6")
    func preference() {
        let cases: [(IpPreference?, IpPreference?, AddressFamilies)] = [
            (nil, nil, .ipv6Preferred), (nil, .ipv4Only, .ipv4Only), (.ipv6Only, .ipv4Only, .ipv6Only),
            (.ipv4Preferred, nil, .ipv4Preferred), (.ipv6Preferred, .ipv4Preferred, .ipv6Preferred),
        ]
        for (node, mesh, families) in cases {
            let compiled = compile(
                self.mesh(DnsServiceDiscovery(hostname: "blue.test", ipPreference: node), preference: mesh),
                local: MeshPlacement(discovery: .definitions))
            #expect(cluster(compiled)?.discovery?.families == families)
            #expect(compiled.codes == [])
        }
    }

    @Test("leaves sidecars and workloads where they are")
    func instances() {
        let local = MeshPlacement(discovery: .definitions)
        let discovered = compile(colors(), local: local)
        let placed = compile(colors())
        #expect(discovered.plan.proxies.map(\.name) == placed.plan.proxies.map(\.name))
        #expect(discovered.plan.proxies.map(\.listeners) == placed.plan.proxies.map(\.listeners))
    }

    @Test("lets sidecars resolve the world's names if the whole mesh has it, in the mesh's families")
    func authorities() {
        let dns = DnsServiceDiscovery(hostname: "blue.test", ipPreference: .ipv6Only)
        let all = compile(
            mesh(dns, preference: .ipv4Preferred), local: MeshPlacement(discovery: .definitions))
        #expect(all.proxy("colors/blue#0")?.authorityFamilies == .ipv4Preferred)
        let one = compile(
            mesh(dns), local: MeshPlacement(nodes: ["blue": NodePlacement(discovery: .definitions)]))
        #expect(one.proxy("colors/blue#0")?.authorityFamilies == nil)
    }

    @Test("says that endpoints of the placement are not used")
    func unusedEndpoints() {
        let local = MeshPlacement(
            discovery: .definitions, nodes: ["blue": NodePlacement(endpoints: [.ip("127.0.0.1", port: 9000)])])
        let compiled = compile(colors(), local: local)
        #expect(compiled.codes == ["warning unused-endpoints"])
        #expect(compiled.diagnostics.first?.path == "mesh colors / local / nodes.blue.endpoints")
        #expect(cluster(compiled)?.endpoints == [])
    }

    @Test("needs a name that can be looked up, and knows no other way than DNS yet")
    func findings() {
        let local = MeshPlacement(nodes: ["blue": NodePlacement(discovery: .definitions)])
        let bad = compile(mesh(DnsServiceDiscovery(hostname: "blue local")), local: local)
        #expect(bad.codes == ["error bad-hostname"])
        #expect(bad.diagnostics.first?.path.hasSuffix("serviceDiscovery.dns.hostname") == true)
        var mesh = colors()
        mesh.virtualNodes["blue"]?.serviceDiscovery = nil
        #expect(compile(mesh, local: local).codes == ["error nothing-to-discover"])
        mesh.virtualNodes["blue"]?.serviceDiscovery = .awsCloudMap(
            AwsCloudMapServiceDiscovery(namespaceName: "n", serviceName: "s"))
        let cloudMap = compile(mesh, local: local)
        #expect(cloudMap.codes == ["warning not-in-force"])
        #expect(cluster(cloudMap)?.endpoints.map(\.name) == ["colors/blue#0"])
    }
}
