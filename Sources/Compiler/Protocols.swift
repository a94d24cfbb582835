// Which protocols this build speaks. A listener of another protocol is understood and checked like any other, but nothing is
// opened for it (design section 8): a port that answers the wrong protocol is worse than one that refuses.

import Definitions
import Routing

extension ApplicationProtocol {
    init(_ protocol: PortProtocol) {
        switch `protocol` {
        case .http: self = .http
        case .http2: self = .http2
        case .grpc: self = .grpc
        case .tcp: self = .tcp
        }
    }

    init(_ protocol: VirtualGatewayPortProtocol) {
        switch `protocol` {
        case .http: self = .http
        case .http2: self = .http2
        case .grpc: self = .grpc
        }
    }

    /// Whether the data plane speaks it.
    var isBuilt: Bool { self == .http }
}

/// A port and what is spoken on it.
struct ServicePort: Hashable {
    var port: Int
    var applicationProtocol: ApplicationProtocol

    init(_ mapping: PortMapping) {
        port = mapping.port
        applicationProtocol = ApplicationProtocol(mapping.protocol)
    }

    init(_ mapping: VirtualGatewayPortMapping) {
        port = mapping.port
        applicationProtocol = ApplicationProtocol(mapping.protocol)
    }
}

extension Array where Element == ServicePort {
    /// Ports of what this build speaks, in the order of the definition.
    var built: [Int] { filter { $0.applicationProtocol.isBuilt }.map(\.port) }

    /// `8080/http, 9090/grpc`, for messages.
    var list: String { map { "\($0.port)/\($0.applicationProtocol.rawValue)" }.joined(separator: ", ") }
}
