// The way between the data plane's words for names and the resolver's, and from workers to the control thread.

import DataPlane
import Discovery
import Reactor
import Routing

/// Takes workers' questions to the control thread.
///
/// `@unchecked Sendable`: the discovery is written once, before a worker can ask, and followed on the control thread only, by
/// jobs of its mailbox.
final class AuthorityNames: AuthorityResolver, @unchecked Sendable {
    private let mailbox: Mailbox
    private weak var discovery: EndpointDiscovery?

    init(mailbox: Mailbox) { self.mailbox = mailbox }

    func connect(_ discovery: EndpointDiscovery) { self.discovery = discovery }

    func resolve(_ name: AuthorityName) { mailbox.post { [self] in discovery?.resolve(name) } }
}

extension NameKey {
    /// nil if the host is no name; the compiler lets no such one through.
    init?(_ plan: DiscoveryPlan) { self.init(host: plan.hostname, families: plan.families) }

    init?(host: String, families: AddressFamilies) {
        guard let name = DomainName(host) else { return nil }
        self.init(name: name, preference: FamilyPreference(families))
    }
}

extension FamilyPreference {
    init(_ families: AddressFamilies) {
        switch families {
        case .ipv6Preferred: self = .v6Preferred
        case .ipv4Preferred: self = .v4Preferred
        case .ipv4Only: self = .v4Only
        case .ipv6Only: self = .v6Only
        }
    }
}

extension EndpointSet.Endpoint {
    var plan: EndpointPlan {
        switch address {
        case .ip(let host, let port): EndpointPlan(name: name, address: .ip(host: host, port: port))
        case .unix(let path): EndpointPlan(name: name, address: .unix(path: path))
        }
    }
}

extension ResolverSettings.Server {
    /// nil for a unix socket, or where the host is no IP address.
    init?(_ address: Routing.NetworkAddress) {
        guard case .ip(let host, let port) = address, let address = IPAddress(host) else { return nil }
        self.init(address: address, port: port)
    }
}
