// The plan's socket address under a name that does not clash with the definitions' one (see `DefinitionNames.swift`), and the
// way between the two.

import Routing

typealias SocketAddress = Routing.NetworkAddress

extension SocketAddress {
    init(_ defined: DefinedAddress) {
        switch defined {
        case .ip(let host, let port): self = .ip(host: host, port: port)
        case .unix(let path): self = .unix(path: path)
        }
    }

    var defined: DefinedAddress {
        switch self {
        case .ip(let host, let port): .ip(host, port: port)
        case .unix(let path): .unix(path: path)
        }
    }
}
