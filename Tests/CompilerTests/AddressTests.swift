// Derived addresses are part of what people write into hosts files and scripts, so their values are pinned.

import Definitions
import Routing
import Testing

@testable import Compiler

@Suite("Derived addresses")
struct AddressTests {
    @Test(
        "never change",
        arguments: [
            ("colors", "virtualNode", "blue", "0", "127.132.237.50"),
            ("colors", "virtualNode", "blue", "1", "127.198.248.196"),
            ("colors", "virtualGateway", "front", "0", "127.203.34.248"),
            ("colors", "workload", "blue", "0", "127.108.77.106"),
            ("", "vpc", "vpc-1", "0", "127.45.53.28"),
        ])
    func golden(mesh: String, kind: String, name: String, instance: String, address: String) {
        let derived = AddressRange.standard.address(mesh: mesh, kind: kind, name: name, instance: instance)
        #expect(derived.description == address)
    }

    @Test("hash as FNV-1a does")
    func hash() {
        // Test vectors of the algorithm's authors.
        #expect(AddressHash.of([""]) == 0xcbf2_9ce4_8422_2325)
        #expect(AddressHash.of(["a"]) == 0xaf63_dc4c_8601_ec8c)
        #expect(AddressHash.of(["foobar"]) == 0x8594_4171_f739_67e8)
    }

    @Test("are even, inside the range and hardly ever equal")
    func spread() {
        var seen: Set<LoopbackAddress> = []
        for index in 0..<5000 {
            let address = AddressRange.standard.address(
                mesh: "m", kind: "virtualNode", name: "node-\(index / 4)", instance: String(index % 4))
            let octets = (0..<4).map { address.bits >> (24 - 8 * UInt32($0)) & 255 }
            #expect(octets[0] == 127 && (16...239).contains(octets[1]))
            #expect(octets[3] % 2 == 0 && (2...252).contains(octets[3]))
            seen.insert(address)
        }
        #expect(seen.count > 4990)
    }

    @Test(
        "lie in the base that is asked for",
        arguments: [
            ("127.50.0.0", "127.50."), ("127.50.0.0/16", "127.50."), ("127.9.9.0/24", "127.9.9."),
            ("127.64.0.0/10", "127."),
        ])
    func base(base: String, start: String) throws {
        let range = try #require(AddressRange(base))
        for index in 0..<200 {
            let address = range.address(mesh: "m", kind: "virtualNode", name: "n\(index)", instance: "0")
            #expect(address.description.hasPrefix(start))
            #expect(address.bits & 1 == 0)
        }
    }

    @Test(
        "refuse a base that is none",
        arguments: [
            "", "127.50", "10.0.0.0", "127.0.0.0", "127.50.0.1", "127.50.0.0/8", "127.50.0.0/25", "127.50.0.0/",
            "127.050.0.0", "127.50.0.0/16/1", "localhost", "127.300.0.0",
        ])
    func badBase(base: String) {
        #expect(AddressRange(base) == nil)
        let compiled = compile(definitions(colors())) { $0.addressBase = base }
        #expect(compiled.codes.contains("error bad-address-base"))
        #expect(compiled.blocksRun)
    }

    @Test("of a node do not depend on what else there is")
    func independent() {
        var mesh = colors()
        let before = compile(mesh).proxy("colors/blue#0")?.upstreamSourceIP
        mesh.virtualNodes["amber"] = node()
        mesh.virtualGateways["back"] = gateway([:], ports: [9000])
        #expect(compile(mesh).proxy("colors/blue#0")?.upstreamSourceIP == before)
        #expect(before != nil)
    }

    @Test("of egress follow those of ingress")
    func egress() throws {
        let blue = try #require(compile(colors()).proxy("colors/blue#0"))
        let ingress = try #require(blue.upstreamSourceIP.flatMap { LoopbackAddress($0) })
        #expect(blue.listener("egress_15001")?.addresses == ["\(try #require(ingress.next)):15001"])
    }

    @Test("that collide are reported and ask for an address, which settles it")
    func collision() throws {
        // 126 addresses for 60 nodes with three each: some collide, always the same.
        var mesh = colors()
        mesh.virtualNodes = Dictionary(uniqueKeysWithValues: (0..<60).map { ("n\($0)", node()) })
        mesh.virtualNodes["blue"] = node()
        mesh.virtualNodes["green"] = node()
        let crowded = compile(definitions(mesh)) { $0.addressBase = "127.50.0.0/24" }
        let finding = try #require(crowded.finding("address-collision"))
        #expect(finding.severity == .error)
        #expect(finding.suggestion?.contains("address:") == true)

        var local = MeshPlacement(nodes: ["blue": NodePlacement(instances: [NodeInstance(address: "127.0.0.20")])])
        local.nodes["green"] = NodePlacement(instances: [NodeInstance(address: "127.0.0.20")])
        // One address that somebody gave to both may be meant; that the ports are the same cannot.
        #expect(Set(compile(colors(), local: local).codes) == ["error listener-collision"])
        local.nodes["green"] = NodePlacement(instances: [NodeInstance(address: "127.0.0.30")])
        let settled = compile(colors(), local: local)
        #expect(settled.codes == [])
        #expect(settled.proxy("colors/blue#0")?.listener("egress_15001")?.addresses == ["127.0.0.21:15001"])
    }

    @Test(
        "are recognised as text",
        arguments: [
            ("127.0.0.1", true), ("0.0.0.0", true), ("255.255.255.255", true), ("::1", true), ("fe80::1", true),
            ("127.0.0", false), ("127.0.0.01", false), ("127.0.0.256", false), ("127.0.0.1:80", false), ("::g", false),
            ("", false), ("a.b.c.d", false), ("1.2.3.", false),
        ])
    func literals(text: String, isValid: Bool) {
        #expect(IPLiteral.isValid(text) == isValid)
    }
}
