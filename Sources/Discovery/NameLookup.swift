// One lookup of a name: the questions for its families, asked at the same time, and what they come to together.

/// A name and which of its addresses are wanted: everybody who wants the same shares its lookups.
public struct NameKey: Sendable, Hashable {
    public var name: DomainName
    public var preference: FamilyPreference

    public init(name: DomainName, preference: FamilyPreference) {
        self.name = name
        self.preference = preference
    }
}

/// What a lookup came to.
public enum LookupResult: Sendable, Equatable {
    /// At least one, in the order of the answer.
    case addresses([IPAddress], ttl: UInt32)
    /// The servers say that there is no usable address.
    case empty(DNSReply.NoAddress)
    case failed(LookupFailure)
}

struct NameLookup {
    let key: NameKey
    private(set) var results: [IPAddress.Family: QueryResult] = [:]

    init(_ key: NameKey) { self.key = key }

    /// While the preferred family could not be asked for, the other one's answer is used, but not for long.
    static let fallbackSeconds: UInt32 = 30

    /// Adds one family's result. The outcome follows when it is certain: the preferred family's addresses alone decide.
    mutating func ended(_ family: IPAddress.Family, _ result: QueryResult, last: [IPAddress]) -> LookupResult? {
        results[family] = result
        let families = key.preference.families
        guard let first = results[families[0]] else { return nil }
        if case .addresses(let addresses, let ttl) = first { return .addresses(addresses, ttl: ttl) }
        guard families.count > 1 else { return Self.outcome(first) }
        guard let second = results[families[1]] else { return nil }
        switch (first, second) {
        case (.none, _): return Self.outcome(second)
        case (.failed(let failure), .addresses(let addresses, let ttl)):
            // A name does not lose its preferred family because of one unanswered question.
            if last.contains(where: { $0.family == families[0] }) { return .failed(failure) }
            return .addresses(addresses, ttl: min(ttl, Self.fallbackSeconds))
        default: return Self.outcome(first)
        }
    }

    private static func outcome(_ result: QueryResult) -> LookupResult {
        switch result {
        case .addresses(let addresses, let ttl): .addresses(addresses, ttl: ttl)
        case .none(let reason): .empty(reason)
        case .failed(let failure): .failed(failure)
        }
    }
}
