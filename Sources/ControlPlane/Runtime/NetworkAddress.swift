// Two modules know addresses: `Definitions` as people write them, `Routing` as sockets have them. Everything here means the
// latter.

import Routing

public typealias NetworkAddress = Routing.NetworkAddress

extension NetworkAddress {
    /// As statistics and Envoy's pages show it: `127.0.0.1:80`, or the path of a unix socket.
    var shownHost: String {
        if case .unix(let path) = self { path } else { description }
    }
}
