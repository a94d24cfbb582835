// Keeps names resolved: a state machine without sockets and clocks. Its owner sends the messages that it asks for, tells it
// what arrived and what time it is, and acts on what it reports.
//
// Two kinds of interest: watched names are looked up again whenever their answer expires; other names are looked up once, when
// somebody asks. At most 128 messages are under way; further questions wait for their turn.

public struct Resolver {
    /// One message under way.
    public typealias ExchangeID = Int

    public enum Action: Sendable, Equatable {
        /// Send the message from a socket of its own; report what arrives, or that the socket broke.
        case send(ExchangeID, to: ResolverSettings.Server, DNSTransport, [UInt8])
        /// Nobody waits for this one any more: close its socket.
        case abandon(ExchangeID)
        /// A lookup of the name began.
        case began(NameKey)
        /// A lookup of the name ended; `state(of:)` has what follows from it.
        case ended(NameKey, LookupResult)
    }

    static let exchangesMax = 128
    /// Names that are looked up once, at a time.
    static let asksMax = 1_024

    private struct Entry {
        var state = NameState()
        var isWatched = false
        var lookup: NameLookup?
    }

    private struct Exchange {
        var key: NameKey
        var family: IPAddress.Family
        var query: AddressQuery
        var deadline: Int64
    }

    private var settings: ResolverSettings
    private var hosts: HostsTable
    private let random: () -> UInt64
    private var entries: [NameKey: Entry] = [:]
    private var exchanges: [ExchangeID: Exchange] = [:]
    /// Questions that wait for a place among the exchanges, in their order.
    private var waiting: [(key: NameKey, family: IPAddress.Family)] = []
    private var lastExchange = 0
    private var actions: [Action] = []

    /// - Parameter random: 64 bits that cannot be foreseen; ids of messages come from it.
    public init(settings: ResolverSettings, hosts: HostsTable, random: @escaping () -> UInt64) {
        self.settings = settings
        self.hosts = hosts
        self.random = random
    }

    /// Other servers or another hosts table, for lookups that begin from now on.
    public mutating func configure(_ settings: ResolverSettings, _ hosts: HostsTable) {
        self.settings = settings
        self.hosts = hosts
    }

    // MARK: Interest

    /// Keeps exactly these names fresh from now on.
    public mutating func watch(_ keys: Set<NameKey>, now: Int64) -> [Action] {
        for key in Array(entries.keys) where !keys.contains(key) {
            entries[key]?.isWatched = false
            // Somebody may have asked for it just now; that lookup ends by itself.
            if entries[key]?.lookup == nil { entries[key] = nil }
        }
        for key in keys {
            let isNew = entries[key]?.isWatched != true
            entries[key, default: Entry()].isWatched = true
            if isNew, entries[key]?.lookup == nil { begin(key, now) }
        }
        return take()
    }

    /// Looks the name up once.
    public mutating func ask(_ key: NameKey, now: Int64) -> [Action] {
        if let entry = entries[key], entry.lookup != nil { return [] }
        guard entries[key] != nil || entries.count(where: { !$0.value.isWatched }) < Self.asksMax else {
            actions.append(.began(key))
            actions.append(.ended(key, .failed(.tooMany)))
            return take()
        }
        begin(key, now)
        return take()
    }

    /// What is known of a watched name, or of one whose lookup ended with the last actions.
    public func state(of key: NameKey) -> NameState? { entries[key]?.state }

    // MARK: Lookups

    private mutating func begin(_ key: NameKey, _ now: Int64) {
        entries[key, default: Entry()].lookup = NameLookup(key)
        entries[key]?.state.due = nil
        actions.append(.began(key))
        if let known = knownWithoutAsking(key) {
            end(key, known, now)
            return
        }
        for family in key.preference.families { waiting.append((key, family)) }
        fill(now)
    }

    /// Literals stand for themselves, and the machine's table comes first (nsswitch.conf(5): `files dns`). A table that has
    /// the name with unwanted addresses only does not answer for it.
    private func knownWithoutAsking(_ key: NameKey) -> LookupResult? {
        let seconds = UInt32(RefreshLimits.hosts.components.seconds)
        if let literal = IPAddress(key.name.description) {
            return key.preference.families.contains(literal.family)
                ? .addresses([literal], ttl: seconds) : .empty(.noData)
        }
        let chosen = key.preference.choose(from: hosts[key.name])
        if !chosen.isEmpty { return .addresses(chosen, ttl: seconds) }
        return key.name.isLocalhost ? .empty(.noData) : nil
    }

    private mutating func fill(_ now: Int64) {
        while exchanges.count < Self.exchangesMax, !waiting.isEmpty {
            let next = waiting.removeFirst()
            guard entries[next.key]?.lookup != nil else { continue }
            var query = AddressQuery(
                DNSQuestion(name: next.key.name, family: next.family), settings: settings)
            let step = query.start(random: random())
            take(step, Exchange(key: next.key, family: next.family, query: query, deadline: 0), now)
        }
    }

    private mutating func end(_ key: NameKey, _ result: LookupResult, _ now: Int64) {
        for (id, exchange) in exchanges where exchange.key == key { abandon(id) }
        waiting.removeAll { $0.key == key }
        entries[key]?.lookup = nil
        entries[key]?.state.ended(result, now: now, random: random())
        actions.append(.ended(key, result))
    }

    private mutating func abandon(_ id: ExchangeID) {
        exchanges[id] = nil
        actions.append(.abandon(id))
    }

    // MARK: Exchanges

    private mutating func take(_ step: AddressQuery.Step, _ exchange: Exchange, _ now: Int64) {
        switch step {
        case .wait: break
        case .send(let message):
            var exchange = exchange
            exchange.deadline = now &+ settings.timeout.nanoseconds
            lastExchange += 1
            exchanges[lastExchange] = exchange
            actions.append(.send(lastExchange, to: message.server, message.transport, message.message))
        case .done(let result):
            let key = exchange.key
            let last = entries[key]?.state.addresses ?? []
            if let outcome = entries[key]?.lookup?.ended(exchange.family, result, last: last) { end(key, outcome, now) }
        }
    }

    /// Bytes arrived for an exchange: one message.
    public mutating func received(_ id: ExchangeID, _ bytes: [UInt8], now: Int64) -> [Action] {
        step(id, now) { query, random in query.received(bytes, random: random) }
    }

    /// The socket of an exchange cannot be used, or ended without an answer.
    public mutating func broke(_ id: ExchangeID, _ reason: String, now: Int64) -> [Action] {
        step(id, now) { query, random in query.broken(reason, random: random) }
    }

    private mutating func step(
        _ id: ExchangeID, _ now: Int64, _ event: (inout AddressQuery, UInt64) -> AddressQuery.Step
    ) -> [Action] {
        // An exchange that was abandoned while its answer was on the way.
        guard var exchange = exchanges[id] else { return [] }
        let step = event(&exchange.query, random())
        if step != .wait {
            abandon(id)
            take(step, exchange, now)
            fill(now)
        }
        return take()
    }

    // MARK: Time

    /// When `advance` has something to do; nil: not before another event.
    public var nextWake: Int64? {
        let deadlines = exchanges.values.map(\.deadline)
        let lookups = entries.values.filter(\.isWatched).compactMap(\.state.due)
        return (deadlines + lookups).min()
    }

    /// Gives up on what took too long, and begins the lookups that are due.
    public mutating func advance(to now: Int64) -> [Action] {
        for id in exchanges.keys.sorted() {
            guard var exchange = exchanges[id], exchange.deadline <= now else { continue }
            let step = exchange.query.timedOut(random: random())
            abandon(id)
            take(step, exchange, now)
        }
        for (key, entry) in entries where entry.isWatched && entry.lookup == nil {
            if let due = entry.state.due, due <= now { begin(key, now) }
        }
        fill(now)
        return take()
    }

    private mutating func take() -> [Action] {
        defer { actions = [] }
        return actions
    }

    /// Forgets names that nobody watches and nobody asks for any more; to be called once the actions have been acted on.
    public mutating func tidy() {
        for (key, entry) in entries where !entry.isWatched && entry.lookup == nil { entries[key] = nil }
    }
}
