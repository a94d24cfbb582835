// Records of the structured log (`--access-log`, `/v1/tap`) as a reader sees them: which of them a filter takes, how a
// person reads one, and what many of them say together.

import DataPlane
import Telemetry

/// One line of the structured log.
public struct LogRecord: Sendable {
    public let json: JSONValue

    /// nil if the line is no record.
    public init?(line: some Sequence<UInt8>) {
        guard let json = try? JSONValue(parsing: line), json["status"]?.int != nil, json["proxy"] != nil else {
            return nil
        }
        self.json = json
    }

    func text(_ key: String) -> String? { json[key]?.text }
    public var status: Int { json["status"]?.int ?? 0 }
    public var proxy: String { text("proxy") ?? "" }
    public var flags: [String] { json["flags"]?.elements.compactMap(\.text) ?? [] }
    /// Milliseconds.
    public var duration: Double { json["duration_ms"]?.double ?? 0 }
    public var time: String { text("time") ?? "" }
    /// The service's route where there is one, else the gateway route.
    public var route: String { text("route") ?? text("gateway_route") ?? "-" }

    /// The destination's node: of `colors/blue#0` and of a cluster that has no instance name the best that is known.
    public var destination: String {
        if let endpoint = text("endpoint") { return String(endpoint.prefix { $0 != "#" }) }
        return text("cluster") ?? "-"
    }

    /// One line for people.
    public var summary: String {
        let clock = time.split(separator: "T").last.map { String($0.prefix(12)) } ?? time
        let flags = flags.isEmpty ? "-" : self.flags.joined(separator: ",")
        let milliseconds = "\((duration * 10).rounded() / 10)ms"
        var text = "\(clock) \(proxy) \(status) \(flags) \(self.text("method") ?? "-") "
        text += "\(self.text("authority") ?? "")\(self.text("path") ?? "")"
        text += " -> \(self.text("endpoint") ?? self.text("upstream") ?? "-") \(milliseconds)"
        if let attempts = json["attempts"]?.int, attempts > 1 { text += " attempts=\(attempts)" }
        if let details = self.text("details"), details != "via_upstream" { text += " \(details)" }
        return text
    }
}

extension TapFilter {
    /// As it is asked of `/v1/tap`.
    public init(
        mesh: String?, proxy: String?, node: String?, route: String?, statuses: [String], flags: [String],
        pathPrefix: String?, headers: [String]
    ) throws(FilterError) {
        self.init()
        self.mesh = mesh
        self.proxy = proxy
        self.node = node
        self.route = route
        self.pathPrefix = pathPrefix
        for text in statuses { try add(status: text) }
        for text in flags { try add(flags: text) }
        for text in headers { try add(header: text) }
    }

    /// Whether a written record fulfils the conditions. Headers are not in it, so that they decide nothing here.
    public func takes(_ record: LogRecord) -> Bool {
        if let mesh, record.text("mesh") != mesh { return false }
        if let proxy, !Naming.covers(record.proxy, proxy) { return false }
        if let node, ![record.text("node") ?? "", record.destination].contains(where: { Naming.covers($0, node) }) {
            return false
        }
        if let route {
            let routes = [record.text("route"), record.text("gateway_route")].compactMap { $0 }
            guard routes.contains(where: { Naming.covers($0, route) }) else { return false }
        }
        if !statuses.isEmpty, !statuses.contains(where: { $0.contains(record.status) }) { return false }
        if let pathPrefix, !(record.text("path") ?? "").hasPrefix(pathPrefix) { return false }
        guard !flags.isEmpty || takesUnflagged else { return true }
        let names = record.flags
        return takesUnflagged && names.isEmpty
            || names.contains { ResponseFlags(shortName: $0).map { !flags.isDisjoint(with: $0) } ?? false }
    }
}

/// What many records say together, by proxy, route and destination.
public struct LogSummary: Sendable {
    public struct Key: Sendable, Hashable {
        public var proxy: String
        public var route: String
        public var destination: String
    }

    public struct Group: Sendable {
        public var count = 0
        public var statuses: [Int: Int] = [:]
        public var flags: [String: Int] = [:]
        /// Milliseconds, in the order of arrival.
        var durations: [Float] = []

        /// The values below which these shares of the durations lie; nil without records. All at once, as they cost a sort.
        public func percentiles(_ shares: [Double]) -> [Double?] {
            let sorted = durations.sorted()
            return shares.map { share in
                guard !sorted.isEmpty else { return nil }
                let rank = Int((share * Double(sorted.count)).rounded(.up))
                return Double(sorted[min(max(rank, 1), sorted.count) - 1])
            }
        }

        /// Share of answers of a class, such as 5 for 5xx; 0 counts those without an answer.
        public func share(ofClass digit: Int) -> Double {
            count == 0
                ? 0 : Double(statuses.filter { $0.key / 100 == digit }.reduce(0) { $0 + $1.value }) / Double(count)
        }
    }

    public private(set) var groups: [Key: Group] = [:]
    public private(set) var total = Group()
    /// Of the earliest and the latest record, in seconds since 1970.
    private var first: Double?
    private var last: Double?
    /// Lines that were no records.
    public private(set) var unreadable = 0

    public init() {}

    public mutating func add(_ record: LogRecord) {
        let key = Key(proxy: record.proxy, route: record.route, destination: record.destination)
        Self.count(record, &groups[key, default: Group()])
        Self.count(record, &total)
        guard let time = RecordTime.seconds(record.time) else { return }
        first = min(first ?? time, time)
        last = max(last ?? time, time)
    }

    public mutating func addUnreadable() { unreadable += 1 }

    private static func count(_ record: LogRecord, _ group: inout Group) {
        group.count += 1
        group.statuses[record.status, default: 0] += 1
        for flag in record.flags { group.flags[flag, default: 0] += 1 }
        group.durations.append(Float(record.duration))
    }

    /// Seconds between the first and the last record; nil below two distinct times.
    public var span: Double? {
        guard let first, let last, last > first else { return nil }
        return last - first
    }

    /// Sorted by count, most first.
    public var sorted: [(key: Key, group: Group)] {
        groups.map { ($0.key, $0.value) }.sorted {
            ($1.group.count, $0.key.proxy, $0.key.route, $0.key.destination)
                < ($0.group.count, $1.key.proxy, $1.key.route, $1.key.destination)
        }
    }

    public var json: JSONValue {
        [
            "seconds": span.map { .double(($0 * 1000).rounded() / 1000) } ?? nil, "unreadable": .int(unreadable),
            "total": json(total, nil), "groups": .array(sorted.map { json($0.group, $0.key) }),
        ]
    }

    private func json(_ group: Group, _ key: Key?) -> JSONValue {
        func object(_ counts: [(String, Int)]) -> JSONValue {
            .object(counts.map { .init(key: $0.0, value: .int($0.1)) })
        }
        let times = group.percentiles([0.5, 0.9, 0.99, 0.999, 1]).map { time -> JSONValue in
            time.map { .double(($0 * 1000).rounded() / 1000) } ?? nil
        }
        var members: [JSONValue.Member] = []
        if let key {
            members += [
                .init(key: "proxy", value: .string(key.proxy)), .init(key: "route", value: .string(key.route)),
                .init(key: "destination", value: .string(key.destination)),
            ]
        }
        members += [
            .init(key: "count", value: .int(group.count)),
            .init(key: "perSecond", value: span.map { .double((Double(group.count) / $0 * 10).rounded() / 10) } ?? nil),
            .init(
                key: "statuses",
                value: object(group.statuses.sorted { $0.key < $1.key }.map { ("\($0.key)", $0.value) })),
            .init(key: "flags", value: object(group.flags.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })),
            .init(
                key: "milliseconds",
                value: ["p50": times[0], "p90": times[1], "p99": times[2], "p99.9": times[3], "max": times[4]]),
        ]
        return .object(members)
    }
}

/// The time of a structured record, `2026-11-24T07:41:49.524492Z`.
enum RecordTime {
    static func seconds(_ text: String) -> Double? {
        let parts = text.split { !$0.isASCII || !$0.isNumber }
        guard parts.count >= 6, let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2]),
            let hour = Int(parts[3]), let minute = Int(parts[4]), let second = Int(parts[5]),
            (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        let fraction = parts.count > 6 ? Double("0.\(parts[6])") ?? 0 : 0
        // Days of the civil calendar, counted from March so that a leap day ends the year.
        let y = month <= 2 ? year - 1 : year
        let era = y / 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let yearOfEra = y - era * 400
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        return Double(days * 86_400 + hour * 3600 + minute * 60 + second) + fraction
    }
}
