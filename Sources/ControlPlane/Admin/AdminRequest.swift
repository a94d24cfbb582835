// An admin request and its answer as values, so that pages are plain functions.

import Wire

struct AdminRequest: Equatable, Sendable {
    var method: String
    /// Without the query.
    var path: String
    /// Percent-decoded, in order; a parameter without `=` has an empty value.
    var parameters: [Parameter]
    /// Host and optional port; empty if the client sent none (HTTP/1.0).
    var authority: String
    /// Sent by browsers with requests that a page makes.
    var origin: String?
    /// What browsers say about whose page it is: `same-origin`, `same-site`, `cross-site` or `none`.
    var fetchSite: String?
    var authorization: String?
    var ifMatch: String?
    var accept: String?
    var body: [UInt8] = []

    struct Parameter: Equatable, Sendable {
        var name: String
        var value: String
    }

    init(method: String, path: String, query: String = "", authority: String = "", origin: String? = nil) {
        self.method = method
        self.path = path
        self.authority = authority
        self.origin = origin
        parameters = query.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return Parameter(
                name: Self.decoded(parts[0]), value: parts.count > 1 ? Self.decoded(parts[1]) : "")
        }
    }

    init(_ head: HeaderBlock) {
        self.init(
            method: head.text(head.methodName), path: head.text(head.path), query: head.text(head.query),
            authority: head.text(head.authority), origin: head.value(.origin).map(head.text))
        authorization = head.value(.authorization).map(head.text)
        accept = head.value(.accept).map(head.text)
        for index in 0..<head.count {
            let field = head.field(index)
            guard field.id == .other else { continue }
            switch head.text(field.name).lowercased() {
            case "if-match": ifMatch = head.text(field.value)
            case "sec-fetch-site": fetchSite = head.text(field.value).lowercased()
            default: break
            }
        }
    }

    var isReading: Bool { method == "GET" || method == "HEAD" }

    /// The value of a parameter; nil if it is not there.
    func parameter(_ name: String) -> String? { parameters.first { $0.name == name }?.value }

    /// All values of a parameter that may be given several times.
    func values(_ name: String) -> [String] { parameters.filter { $0.name == name }.map(\.value) }

    /// Whether a parameter without a value, or with any but `false`, is there.
    func flag(_ name: String) -> Bool { parameter(name).map { $0 != "false" } ?? false }

    /// Percent-encoding undone (RFC 3986 2.1), `+` read as a space as forms write it.
    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

struct AdminAnswer: Sendable, Equatable {
    enum Content: Sendable { case text, json, prometheus, yaml }
    var status: Int
    var content: Content
    var body: String
    /// The methods that would be right, with 405.
    var allow: String?
    /// The generation that the answer shows or made, for `If-Match`.
    var generation: UInt64?
    /// Asks for a token, with 401.
    var challenges = false

    static func text(_ body: String, status: Int = 200) -> AdminAnswer {
        AdminAnswer(status: status, content: .text, body: body)
    }

    static func json(_ value: JSONValue, status: Int = 200) -> AdminAnswer {
        AdminAnswer(status: status, content: .json, body: value.text() + "\n")
    }

    /// `{"error": …}`.
    static func problem(_ text: String, status: Int) -> AdminAnswer {
        .json(["error": .string(text)], status: status)
    }
}
