// A request as people write it on a command line, `GET http://color.colors.local/x` and `-H 'name: value'`, made into a head by
// the parser that real requests go through, so that both are understood alike.

import Routing
import Wire

/// Why a question cannot be answered; the text is for whoever asked.
public struct ExplainFailure: Error, Sendable, CustomStringConvertible {
    public var description: String
    init(_ description: String) { self.description = description }
}

/// What is asked about.
public struct RequestDescription: Sendable, Equatable {
    public var method: String
    /// nil when only a path was given.
    public var scheme: String?
    /// Of the URL; nil when only a path was given.
    public var authority: String?
    /// Path and query; starts with a slash.
    public var target: String
    /// In order, `Host` among them if it was given.
    public var headers: [Header]

    public struct Header: Sendable, Equatable {
        public var name: String
        public var value: String
    }

    /// - Parameter text: `METHOD URL`, `METHOD /path`, or a URL or path alone, which is a GET.
    /// - Parameter headers: `name: value` each.
    public init(_ text: String, headers: [String]) throws(ExplainFailure) {
        let words = text.split(separator: " ", omittingEmptySubsequences: true)
        guard let last = words.last, words.count <= 2 else {
            throw ExplainFailure("expected 'METHOD URL', such as 'GET http://color.colors.local/x', not '\(text)'")
        }
        method = words.count == 2 ? String(words[0]) : "GET"
        if last.hasPrefix("/") || last == "*" {
            target = String(last)
        } else {
            let (scheme, authority, target) = try Self.parts(of: last)
            self.scheme = scheme
            self.authority = authority
            self.target = target
        }
        var lines: [Header] = []
        for line in headers {
            guard let colon = line.firstIndex(of: ":"), colon != line.startIndex else {
                throw ExplainFailure("expected a header as 'name: value', not '\(line)'")
            }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            lines.append(Header(name: String(line[..<colon]), value: String(value)))
        }
        self.headers = lines
    }

    private static func parts(of url: Substring) throws(ExplainFailure) -> (String, String, String) {
        let lower = url.lowercased()
        guard let scheme = ["http", "https"].first(where: { lower.hasPrefix("\($0)://") }) else {
            throw ExplainFailure(
                "expected a URL with http:// or https://, or a path that starts with '/', not '\(url)'")
        }
        let rest = url.dropFirst(scheme.count + 3)
        let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
        let target = rest[end...].prefix { $0 != "#" }
        guard end != rest.startIndex else { throw ExplainFailure("the URL '\(url)' names no host") }
        return (scheme, String(rest[..<end]), target.hasPrefix("/") ? String(target) : "/\(target)")
    }

    var hostHeader: String? { headers.first { $0.name.lowercased() == "host" }?.value }

    /// The port that the URL names.
    var port: Int? {
        guard let authority, let colon = authority.lastIndex(of: ":"), !authority.hasSuffix("]") else { return nil }
        return Int(authority[authority.index(after: colon)...])
    }

    /// The head as a listener of the dialect would see it.
    func head(
        authority: String, isAbsoluteForm: Bool, dialect: Dialect
    ) throws(ExplainFailure) -> HeaderBlock {
        let scheme = self.scheme ?? "http"
        var text = "\(method) \(isAbsoluteForm ? "\(scheme)://\(authority)" : "")\(target) HTTP/1.1\r\n"
        text += "host: \(authority)\r\n"
        for header in headers where header.name.lowercased() != "host" {
            text += "\(header.name): \(header.value)\r\n"
        }
        text += "\r\n"
        let head = HeaderBlock()
        var parser = RequestParser(methods: dialect.acceptsAnyMethod ? .anyToken : .known)
        switch text.withUTF8({ parser.parse($0, into: head) }) {
        case .complete(let bytes) where bytes == text.utf8.count: break
        case .refused(let error):
            throw ExplainFailure("the proxy refuses this request with \(error.status): \(error.text)")
        default: throw ExplainFailure("this is not one request")
        }
        head.scheme = scheme == "https" ? .https : .http
        if dialect.forwards, !PathRules.normalize(head) {
            throw ExplainFailure("the proxy refuses this request with 400: its path cannot be normalised")
        }
        if dialect.usesEnvoyHeaders { HeaderRules.stripClientControl(head) }
        return head
    }
}
