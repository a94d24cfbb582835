// The endpoints of one destination, whoever found them: the placement (`discovery: local`: instances behind sidecars, workloads
// reached directly, registered targets) or DNS (`discovery: definitions`). Cloud Map will publish the same type, so that nothing
// above notices who found an endpoint. A set keeps the order of its source and holds every address once: an address listed
// twice must not get twice the traffic.

import Definitions

/// What is known to answer for one destination. May be empty: then there is nobody to forward to.
public struct EndpointSet: Sendable, Equatable {
    /// One place that answers.
    public struct Endpoint: Sendable, Equatable {
        /// Instance name (`colors/blue#0`), or the address: the key of health, ejections and permits.
        public var name: String
        public var address: NetworkAddress

        public init(name: String, address: NetworkAddress) {
            self.name = name
            self.address = address
        }
    }

    public private(set) var endpoints: [Endpoint] = []
    /// Addresses that were listed again and are held once.
    public private(set) var repeated: [NetworkAddress] = []

    public init() {}

    /// Instances by name, in their order.
    public init(instances: [Endpoint]) {
        for instance in instances { insert(instance) }
    }

    /// Workloads that are reached directly; each is named by its address.
    public init(addresses: [NetworkAddress]) {
        for address in addresses { insert(Endpoint(name: address.description, address: address)) }
    }

    /// What a name came to. As one logical host (`LOADBALANCER`) it is named by the host name and has the first address of
    /// the answer, whichever that is this time; otherwise every address is an endpoint, in numerical order, so that servers
    /// which rotate their answers change nothing.
    public init(discovered addresses: [IPAddress], of host: DomainName, port: Int, isOneLogicalHost: Bool) {
        self.init()
        guard isOneLogicalHost else {
            for address in addresses.sorted(by: IPAddress.isOrdered) {
                let address = NetworkAddress.ip(address.description, port: port)
                insert(Endpoint(name: address.description, address: address))
            }
            return
        }
        guard let first = addresses.first else { return }
        insert(Endpoint(name: "\(host):\(port)", address: .ip(first.description, port: port)))
    }

    private mutating func insert(_ endpoint: Endpoint) {
        if endpoints.contains(where: { $0.address == endpoint.address }) {
            repeated.append(endpoint.address)
        } else {
            endpoints.append(endpoint)
        }
    }
}

extension ServiceDiscovery {
    /// Whether AWS would treat all addresses as one logical host (`LOADBALANCER`, the default of DNS): several local
    /// instances are then several endpoints here and one there (design section 11).
    public var isOneLogicalHost: Bool {
        switch self {
        case .dns(let dns): (dns.responseType ?? .loadBalancer) == .loadBalancer
        case .awsCloudMap: false
        }
    }
}
