// Who may use an admin listener. It has no password, so it must not be reachable by a web page that somebody happens to open:
// a name that an attacker lets resolve to 127.0.0.1 carries that name in Host, which must name this machine: `localhost`, a
// loopback address, or the address that the listener is bound to. A listener on every address also takes any other IP literal,
// since a literal cannot be made to point elsewhere. A page that posts to us carries its origin in Origin: it must be the very
// host and port that it posts to, as another port of this machine is another program's. Browsers also say by Sec-Fetch-Site
// (W3C Fetch Metadata) whose page asks; what changes something is not done for a foreign one.

import Glibc
import Routing
import Wire

struct AdminAccess: Sendable {
    /// Where the listener is; nil or a unix socket, whose file permissions decide, takes no page's request.
    var address: NetworkAddress?

    /// Loopback, or a unix socket.
    static func isOnThisMachineOnly(_ address: NetworkAddress) -> Bool {
        if case .ip(let host, _) = address { isLoopback(host) } else { true }
    }

    func allows(_ request: AdminRequest) -> Bool {
        if let origin = request.origin, !isOwn(origin: origin, of: request) { return false }
        if !request.isReading, ["cross-site", "same-site"].contains(request.fetchSite) { return false }
        guard case .ip = address, !request.authority.isEmpty else { return true }
        return isOwn(authority: request.authority)
    }

    /// `scheme://host[:port]` of what the request is sent to (RFC 6454 4); `null` and anything else is foreign.
    private func isOwn(origin: String, of request: AdminRequest) -> Bool {
        guard case .ip = address else { return false }
        for (scheme, port) in [("http://", "80"), ("https://", "443")] where origin.lowercased().hasPrefix(scheme) {
            guard let page = Self.parts(String(origin.dropFirst(scheme.count))), let own = Self.parts(request.authority)
            else { return false }
            return page.host == own.host && page.port ?? port == own.port ?? port
        }
        return false
    }

    private func isOwn(authority: String) -> Bool {
        guard let host = Self.parts(authority)?.host else { return false }
        if host == "localhost" || host == "localhost." { return true }
        guard case .ip(let own, _) = address else { return Self.isLoopback(host) }
        if Self.isLoopback(host) || host == own { return true }
        return (own == "0.0.0.0" || own == "::") && Self.isLiteral(host)
    }

    /// The host in lower case, an IPv6 literal without its brackets, and the port if there is one.
    private static func parts(_ authority: String) -> (host: String, port: String?)? {
        let text = authority.lowercased()
        var rest = text[...]
        var host: Substring?
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
            rest = text[text.index(after: end)...]
        }
        let parts = rest.split(separator: ":", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), host == nil || parts[0].isEmpty else { return nil }
        return (String(host ?? parts[0]), parts.count == 2 && !parts[1].isEmpty ? String(parts[1]) : nil)
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
