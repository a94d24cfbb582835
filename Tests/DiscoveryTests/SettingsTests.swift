import Definitions
import Testing

@testable import Discovery

@Suite("What the machine says about names")
struct SettingsTests {
    private func servers(_ settings: ResolverSettings) -> [String] { settings.servers.map(\.description) }

    @Test("is whom to ask, how long and how often")
    func resolvConf() {
        let settings = ResolverSettings(
            resolvConf: """
                # comment
                ; another
                domain example.com
                search a.example b.example
                nameserver 10.0.0.2
                nameserver\tfd00::53
                nameserver nonsense
                nameserver fe80::1%eth0
                nameserver 10.0.0.3
                nameserver 10.0.0.4
                options ndots:5 timeout:2 attempts:3 rotate
                """)
        #expect(servers(settings) == ["10.0.0.2:53", "[fd00::53]:53", "10.0.0.3:53"])
        #expect(settings.timeout == .seconds(2))
        #expect(settings.attempts == 3)
    }

    @Test(
        "has limits and defaults",
        arguments: [
            ("", 5, 2), ("options timeout:0 attempts:0", 1, 1), ("options timeout:999 attempts:99", 30, 5),
            ("options timeout:x attempts:", 5, 2), ("options\nnameserver", 5, 2),
        ])
    func limits(text: String, seconds: Int, attempts: Int) {
        let settings = ResolverSettings(resolvConf: text)
        #expect(servers(settings) == ["127.0.0.1:53"])
        #expect(settings.timeout == .seconds(seconds))
        #expect(settings.attempts == attempts)
    }

    @Test("is a table of names, each with every address it stands beside")
    func hosts() {
        let table = HostsTable(
            """
            127.0.0.2 Blue.test blue # blue too
            ::2\tblue.test
            # 127.0.0.3 green.test
            nonsense green.test
            127.0.0.2 blue.test
            """)
        #expect(table[name("BLUE.test")] == addresses("127.0.0.2", "::2"))
        #expect(table[name("blue")] == addresses("127.0.0.2"))
        #expect(table[name("green.test")] == [])
        #expect(table[name("too")] == [])
    }

    @Test("is that localhost and names under it are this machine")
    func localhost() {
        for text in ["localhost", "a.LOCALHOST."] {
            #expect(HostsTable()[name(text)] == addresses("127.0.0.1", "::1"))
        }
        #expect(HostsTable("127.0.0.9 localhost")[name("localhost")] == addresses("127.0.0.9"))
        #expect(HostsTable()[name("notlocalhost")] == [])
    }

    @Test("says which family is wanted: the node's preference, the mesh's, IPv6 first")
    func preferences() {
        #expect(FamilyPreference(node: nil, mesh: nil) == .v6Preferred)
        #expect(FamilyPreference(node: nil, mesh: .ipv4Only) == .v4Only)
        #expect(FamilyPreference(node: .ipv6Only, mesh: .ipv4Only) == .v6Only)
        #expect(FamilyPreference(node: .ipv4Preferred, mesh: .ipv6Preferred) == .v4Preferred)
        let both = addresses("10.0.0.1", "fd00::1", "10.0.0.2")
        #expect(FamilyPreference.v6Preferred.choose(from: both) == addresses("fd00::1"))
        #expect(FamilyPreference.v4Preferred.choose(from: both) == addresses("10.0.0.1", "10.0.0.2"))
        #expect(FamilyPreference.v6Preferred.choose(from: addresses("10.0.0.1")) == addresses("10.0.0.1"))
        #expect(FamilyPreference.v6Only.choose(from: addresses("10.0.0.1")) == [])
    }

    @Test("makes a set: one logical host by the first address, or every address in numerical order")
    func sets() {
        let found = addresses("10.0.0.9", "fd00::1", "10.0.0.10")
        let host = name("blue.test")
        let logical = EndpointSet(discovered: found, of: host, port: 80, isOneLogicalHost: true)
        #expect(logical.endpoints.map(\.name) == ["blue.test:80"])
        #expect(logical.endpoints.map(\.address) == [.ip("10.0.0.9", port: 80)])
        let all = EndpointSet(discovered: found, of: host, port: 80, isOneLogicalHost: false)
        #expect(all.endpoints.map(\.name) == ["10.0.0.9:80", "10.0.0.10:80", "[fd00::1]:80"])
        #expect(EndpointSet(discovered: [], of: host, port: 80, isOneLogicalHost: true).endpoints.isEmpty)
    }
}
