// Who may use an admin listener. It has no password, so it must not be reachable by a web page that somebody happens to open:
// a name that an attacker lets resolve to 127.0.0.1 carries that name in Host, and a page that posts to us carries its origin
// in Origin. Both must name this machine: `localhost`, a loopback address, or the address that the listener is bound to. A
// listener on every address also takes any other IP literal, since a literal cannot be made to point elsewhere.

import Glibc
import Routing
import Wire

struct AdminAccess: Sendable {
    /// Where the listener is; nil or a unix socket, whose file permissions decide, leaves only Origin to be checked.
    var address: NetworkAddress?

    /// Loopback, or a unix socket.
    static func isOnThisMachineOnly(_ address: NetworkAddress) -> Bool {
        if case .ip(let host, _) = address { isLoopback(host) } else { true }
    }

    func allows(_ request: AdminRequest) -> Bool {
        if let origin = request.origin, !isOwn(origin: origin) { return false }
        guard case .ip = address, !request.authority.isEmpty else { return true }
        return isOwn(authority: request.authority)
    }

    /// `scheme://authority`; `null` and anything else is foreign.
    private func isOwn(origin: String) -> Bool {
        for scheme in ["http://", "https://"] where origin.lowercased().hasPrefix(scheme) {
            return isOwn(authority: String(origin.dropFirst(scheme.count)))
        }
        return false
    }

    private func isOwn(authority: String) -> Bool {
        guard let host = Self.host(authority) else { return false }
        if host == "localhost" || host == "localhost." { return true }
        guard case .ip(let own, _) = address else { return Self.isLoopback(host) }
        if Self.isLoopback(host) || host == own { return true }
        return (own == "0.0.0.0" || own == "::") && Self.isLiteral(host)
    }

    /// The host in lower case, an IPv6 literal without its brackets.
    private static func host(_ authority: String) -> String? {
        let text = authority.lowercased()
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            return String(text[text.index(after: text.startIndex)..<end])
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count <= 2 ? parts.first.map(String.init) : nil
    }

    private static func isLiteral(_ host: String) -> Bool {
        var v4 = in_addr()
        var v6 = in6_addr()
        return inet_pton(AF_INET, host, &v4) == 1 || inet_pton(AF_INET6, host, &v6) == 1
    }

    private static func isLoopback(_ host: String) -> Bool {
        var v4 = in_addr()
        if inet_pton(AF_INET, host, &v4) == 1 { return UInt32(bigEndian: v4.s_addr) >> 24 == 127 }
        return host == "::1"
    }
}
