// Conditions that no request can meet, with what to write instead: a route with one never applies, which is hard to see from
// outside. Only what is certain is reported. Requests are matched after their paths were normalised (design section 11), on the
// path without its query and on the host without its port, and begin with a slash; CONNECT and `OPTIONS *` are answered before
// any route is looked at.

import Patterns
import Wire

enum PossibleMatch {
    struct Impossible: Equatable {
        var message: String
        var suggestion: String
    }

    // MARK: Paths

    static func path(_ exact: String) -> Impossible? {
        if let impossible = queryOrFragment(exact) { return impossible }
        guard exact.hasPrefix("/") else { return nil }
        switch normalized(exact) {
        case exact: return nil
        case nil: return illegal(exact)
        case let other?: return spelling(exact, other)
        }
    }

    static func prefix(_ prefix: String) -> Impossible? {
        if let impossible = queryOrFragment(prefix) { return impossible }
        guard prefix.hasPrefix("/") else { return nil }
        // A segment, or an escape, that is complete only with what follows may be continued; this ends both.
        let end = "~"
        switch normalized(prefix + end) {
        case prefix + end: return nil
        case nil: return illegal(prefix)
        case let other?: return spelling(prefix, other.hasSuffix(end) ? String(other.dropLast()) : other)
        }
    }

    static func path(_ pattern: Pattern) -> Impossible? {
        guard !pattern.mayBegin(with: UInt8(ascii: "/")) else { return nil }
        return Impossible(
            message: "every path begins with '/', and '\(pattern.source)' cannot: it must match the whole path",
            suggestion: "begin it with '/', as in '/.*'")
    }

    private static func queryOrFragment(_ path: String) -> Impossible? {
        guard let mark = path.first(where: { $0 == "?" || $0 == "#" }) else { return nil }
        let rest = path.prefix { $0 != mark }
        return mark == "?"
            ? Impossible(
                message: "'\(path)' is compared with the path, which ends before '?'",
                suggestion: "'\(rest)', and 'queryParameters' for the rest")
            : Impossible(
                message: "'\(path)' has a fragment, which clients do not send", suggestion: "'\(rest)'")
    }

    private static func illegal(_ path: String) -> Impossible {
        Impossible(
            message: "'\(path)' has characters that no path can have",
            suggestion: "write bytes outside ASCII, blanks and control characters as %XX")
    }

    private static func spelling(_ path: String, _ normal: String) -> Impossible {
        Impossible(
            message: "paths are normalised before they are matched, so that none has '\(path)'",
            suggestion: "'\(normal)'")
    }

    /// What the data plane makes of a path; nil if it refuses it.
    private static func normalized(_ path: String) -> String? {
        let block = HeaderBlock()
        var text = path
        block.path = text.withUTF8 { block.append($0) }
        return PathRules.normalize(block) ? block.text(block.path) : nil
    }

    // MARK: Hosts, headers, methods

    static func host(_ name: String, isSuffix: Bool) -> Impossible? {
        if name.hasPrefix("*.") {
            let suffix = name.dropFirst()
            return Impossible(
                message: "'\(name)' is compared as it is: '*' is no placeholder",
                suggestion: isSuffix ? "'\(suffix)'" : "'suffix: \(suffix)'")
        }
        guard let colon = name.lastIndex(of: ":") else { return nil }
        let host = name[..<colon]
        let port = name[name.index(after: colon)...]
        // `::1` ends in no port; `[::1]:80` does.
        guard !port.isEmpty, port.allSatisfy({ $0.isASCII && $0.isNumber }), !host.contains(":") || host.hasSuffix("]")
        else { return nil }
        return Impossible(
            message: "'\(name)' is compared with the host without its port",
            suggestion: "'\(host)', and 'port: \(port)'")
    }

    /// Names are tokens (RFC 9110 5.1); those of HTTP/2's pseudo-headers are understood as well.
    static func headerName(_ name: String) -> Impossible? {
        if [":method", ":path", ":authority", ":scheme"].contains(name.lowercased()) || name.utf8.allSatisfy(isToken) {
            return nil
        }
        return Impossible(
            message: "no header can be named '\(name)'",
            suggestion: "a name has letters, digits, '-' and '_', and no colon behind it")
    }

    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    static func method(_ name: String) -> Impossible? {
        guard name == "CONNECT" else { return nil }
        return Impossible(
            message: "CONNECT is refused before any route is looked at", suggestion: "leave 'method' out")
    }
}
