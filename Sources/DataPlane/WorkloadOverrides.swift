import Wire

/// The `x-trellis-…` headers of one request: settings of the workload that hold for this request alone.
///
/// Every setting has a header of its name; further ones provoke what nobody wants as a setting (hanging, an answer that
/// breaks off). A header that is unknown, repeated or has a wrong value is an error that names it: a test must not pass
/// because its fault was misspelt.
struct WorkloadOverrides {
    /// Where an exchange stops for good.
    enum Stop: Equatable { case beforeHead, afterHead }

    var settings: Workload.Settings
    /// Status of an answer that does not fail.
    var status = 200
    /// Nothing more is sent from there on, and the connection stays open.
    var hang: Stop?
    /// Head and half of the body are sent, then the connection ends in an orderly way.
    var cutsBody = false
    /// The body was chosen for this request, so that it goes before a report that was asked for by `accept`.
    var choosesBody = false
    var callTimeout = Self.callTimeoutDefault
    /// How many workloads called each other to get here.
    var callDepth = 0

    /// Longer than the mesh's own default limit of 15 s, so that it is the mesh that gives up first.
    static let callTimeoutDefault: Duration = .seconds(30)
    /// Calls in one answer at most.
    static let callsMax = 16
    /// Workloads that call each other in a circle are stopped here with 508.
    static let callDepthMax = 16
    static let bodyBytesMax = 1 << 40
    static let prefix = "x-trellis-"

    struct Invalid: Error {
        var text: String
    }

    init(settings: Workload.Settings) { self.settings = settings }

    init(_ head: HeaderBlock, settings: Workload.Settings) throws(Invalid) {
        self.settings = settings
        var seen: Set<String> = []
        for index in 0..<head.count {
            let field = head.field(index)
            guard field.id == .other, Self.isOverride(head.bytes(field.name)) else { continue }
            let name = String(head.text(field.name).dropFirst(Self.prefix.utf8.count))
            guard seen.insert(name).inserted else {
                throw Invalid(text: "\(Self.prefix)\(name) appears more than once")
            }
            try apply(name, head.text(field.value))
        }
    }

    private static func isOverride(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
        name.count > prefix.utf8.count && name.starts(with: prefix.utf8)
    }

    mutating func apply(_ name: String, _ value: String) throws(Invalid) {
        switch name {
        case "name": settings.name = value
        case "body": choose(.text(value))
        case "bytes": choose(.bytes(try Self.number(name, value, 0...Self.bodyBytesMax)))
        case "delay": settings.delay = try Self.time(name, value)
        case "jitter": settings.jitter = try Self.time(name, value)
        case "status": status = try Self.number(name, value, 200...599)
        case "fail": try setFailure(value)
        case "fail-status": settings.failStatus = try Self.number(name, value, 200...599)
        case "reset":
            settings.reset = try Self.choice(
                name, value, [("before-head", .beforeHead), ("after-head", .afterHead), ("none", nil)])
        case "hang": hang = try Self.choice(name, value, [("before-head", .beforeHead), ("after-head", .afterHead)])
        case "cut": cutsBody = try Self.choice(name, value, [("after-head", true)])
        case "slow": settings.slowBody = try Self.slowBody(name, value)
        case "calls": settings.calls = try Self.calls(name, value)
        case "call-timeout": callTimeout = try Self.time(name, value)
        case "call-depth": callDepth = try Self.number(name, value, 0...1_000)
        default: throw Invalid(text: "\(Self.prefix)\(name) is unknown; known are \(Self.known)")
        }
    }

    private static let known =
        [
            "name", "body", "bytes", "delay", "jitter", "status", "fail", "fail-status", "reset", "hang", "cut", "slow",
            "calls",
            "call-timeout",
        ].map { prefix + $0 }.joined(separator: ", ")

    private mutating func choose(_ body: Workload.Settings.Body) {
        settings.body = body
        choosesBody = true
    }

    /// `30%` or `0.3` is a share; `503` alone makes this answer fail with that status.
    private mutating func setFailure(_ value: String) throws(Invalid) {
        if let status = WorkloadValue.number(value), (200...599).contains(status) {
            settings.failShare = 1
            settings.failStatus = status
        } else if let share = WorkloadValue.share(value) {
            settings.failShare = share
        } else {
            throw Self.wrong("fail", value, "a share such as `30%` or `0.3`, or a status from 200 to 599")
        }
    }

    // MARK: Values

    private static func wrong(_ name: String, _ value: String, _ expected: String) -> Invalid {
        Invalid(text: "\(prefix)\(name) is `\(value.prefix(64))`, expected \(expected)")
    }

    private static func number(_ name: String, _ value: String, _ range: ClosedRange<Int>) throws(Invalid) -> Int {
        guard let number = WorkloadValue.number(value), range.contains(number) else {
            throw wrong(name, value, "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    private static func time(_ name: String, _ value: String) throws(Invalid) -> Duration {
        guard let time = WorkloadValue.time(value) else {
            throw wrong(name, value, "a time such as `200ms`, `1.5s` or `2m`")
        }
        return time
    }

    private static func choice<Value>(_ name: String, _ value: String, _ choices: [(String, Value)]) throws(Invalid)
        -> Value
    {
        for choice in choices where choice.0 == value { return choice.1 }
        throw wrong(name, value, choices.map { "`\($0.0)`" }.joined(separator: " or "))
    }

    private static func slowBody(_ name: String, _ value: String) throws(Invalid) -> Workload.Settings.SlowBody? {
        if value == "none" { return .none }
        if let slow = WorkloadValue.slowBody(value) { return slow }
        throw wrong(
            name, value, "bytes per second such as `1024`, a pause such as `50ms`, both as `1024/50ms`, or `none`")
    }

    /// URLs have no blanks, so blanks separate them; `none` calls nobody.
    private static func calls(_ name: String, _ value: String) throws(Invalid) -> [String] {
        if value == "none" { return [] }
        let urls = value.split(separator: " ").map(String.init)
        guard urls.count <= callsMax else { throw wrong(name, value, "at most \(callsMax) URLs") }
        for url in urls where CallTarget(url) == nil {
            throw wrong(name, value, "`http://` URLs with blanks between them, or `none`")
        }
        return urls
    }
}

/// The notation of times, shares and rates; the same as in definitions.
enum WorkloadValue {
    private static let units: [(name: String, nanoseconds: Double)] = [
        ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 6e10),
    ]
    private static let dayNanoseconds = 8.64e13

    /// Digits only.
    static func number(_ text: String) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return nil }
        return Int(text)
    }

    /// Digits with at most one point between them; no sign, exponent or name of a number.
    private static func decimal(_ text: Substring) -> Double? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, text.utf8.count <= 20, parts.allSatisfy({ number(String($0)) != nil }) else {
            return nil
        }
        return Double(text)
    }

    /// `200ms`, `1.5s`, `2m`; at most a day.
    static func time(_ text: String) -> Duration? {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard let unit = units.first(where: { $0.name == text[digits.endIndex...] }), let value = decimal(digits) else {
            return nil
        }
        let nanoseconds = value * unit.nanoseconds
        guard nanoseconds <= dayNanoseconds else { return nil }
        return .nanoseconds(Int64(nanoseconds.rounded()))
    }

    /// `0.3` or `30%`.
    static func share(_ text: String) -> Double? {
        let isPercentage = text.hasSuffix("%")
        guard let number = decimal(isPercentage ? text.dropLast() : text[...]) else { return nil }
        let share = isPercentage ? number / 100 : number
        return share <= 1 ? share : nil
    }

    static func slowBody(_ text: String) -> Workload.Settings.SlowBody? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        if parts.count == 2, let bytes = number(parts[0]), bytes > 0, let pause = time(parts[1]) {
            return .chunks(bytes: bytes, pause: pause)
        }
        guard parts.count == 1 else { return nil }
        if let rate = number(text) { return rate > 0 ? .bytesPerSecond(rate) : nil }
        return time(text).map { .chunkDelay($0) }
    }
}
