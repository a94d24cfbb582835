// `GET /v1/tap`: live records as JSON lines or as server-sent events (WHATWG HTML, "Server-sent events"), filtered. What was
// dropped because the client did not keep up is said in the stream itself, in its place.

import DataPlane
import Telemetry

enum TapForm: Sendable { case lines, events }

/// One client's stream.
final class TapStream {
    let subscription: TapSubscription
    private let form: TapForm

    init(form: TapForm, filter: TapFilter, wake: @escaping @Sendable () -> Void) {
        self.form = form
        subscription = TapSubscription(filter: filter, wake: wake)
    }

    /// The bytes to send next; empty if nothing waits.
    func next() -> [UInt8] {
        let (lines, dropped) = subscription.take()
        return Self.text(lines, dropped: dropped, form)
    }

    static func text(_ lines: [UInt8], dropped: UInt64, _ form: TapForm) -> [UInt8] {
        switch form {
        case .lines: return dropped == 0 ? lines : lines + Array("{\"dropped\":\(dropped)}\n".utf8)
        case .events:
            var result: [UInt8] = []
            result.reserveCapacity(lines.count + lines.count / 16)
            for line in lines.split(separator: UInt8(ascii: "\n")) {
                result += Array("data: ".utf8)
                result += line
                result += Array("\n\n".utf8)
            }
            if dropped > 0 { result += Array("event: dropped\ndata: {\"dropped\":\(dropped)}\n\n".utf8) }
            return result
        }
    }
}

extension TapFilter {
    /// The parameters of `/v1/tap` and of `trellis logs`.
    static let parameters: [AdminCommand.Parameter] = [
        .init("mesh", "the mesh"),
        .init("proxy", "the proxy, such as colors/front or blue#0"),
        .init("node", "the proxy's node or gateway, or the destination"),
        .init("route", "the route or gateway route"),
        .init("status", "200, 5xx or 400-499; several with commas"),
        .init("flags", "response flags, such as UH,UF; - is none"),
        .init("path", "what the path begins with"),
        .init("header", "name:value of the request; may be given several times"),
    ]

    /// Reads the conditions of a request; the error says which one is wrong.
    init(_ request: AdminRequest) throws(FilterError) {
        self.init()
        mesh = request.parameter("mesh")
        proxy = request.parameter("proxy")
        node = request.parameter("node")
        route = request.parameter("route")
        pathPrefix = request.parameter("path")
        for text in request.values("status") { try add(status: text) }
        for text in request.values("flags") { try add(flags: text) }
        for text in request.values("header") { try add(header: text) }
    }

    mutating func add(status text: String) throws(FilterError) {
        for part in text.split(separator: ",") {
            guard let range = Self.statuses(part) else {
                throw FilterError("`\(part)` is no status; expected 200, 5xx or 400-499")
            }
            statuses.append(range)
        }
    }

    private static func statuses(_ text: Substring) -> ClosedRange<Int>? {
        if text.count == 3, text.hasSuffix("xx"), let digit = text.first?.wholeNumberValue, (1...5).contains(digit) {
            return digit * 100...digit * 100 + 99
        }
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard let low = parts.first ?? nil, (0...999).contains(low) else { return nil }
        if parts.count == 1 { return low...low }
        guard parts.count == 2, let high = parts[1], (low...999).contains(high) else { return nil }
        return low...high
    }

    mutating func add(flags text: String) throws(FilterError) {
        for part in text.split(separator: ",") {
            if part == "-" {
                takesUnflagged = true
            } else if let flag = ResponseFlags(shortName: part.uppercased()) {
                flags.insert(flag)
            } else {
                throw FilterError("`\(part)` is no response flag; expected such as UH, UF or -")
            }
        }
    }

    mutating func add(header text: String) throws(FilterError) {
        guard let colon = text.firstIndex(of: ":"), colon != text.startIndex else {
            throw FilterError("`\(text)` is no header; expected name:value")
        }
        let value = text[text.index(after: colon)...].drop { $0 == " " }
        headers.append(Header(name: String(text[..<colon]), value: String(value)))
    }
}

/// Why a condition cannot be understood; the text is for whoever asked.
public struct FilterError: Error, Sendable, Equatable, CustomStringConvertible {
    public var description: String
    init(_ description: String) { self.description = description }
}
