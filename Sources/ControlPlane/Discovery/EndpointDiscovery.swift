// Discovery as the process runs it: the resolver with sockets, a clock and the machine's files, on the control thread's loop.
// It follows the plan that is served, gives every cluster that is to be discovered its endpoints whenever they change, and
// counts and says what happens. Names of authorities that clients call are looked up on demand by the same resolver.

import DataPlane
import Discovery
import Reactor
import Routing
import Telemetry

final class EndpointDiscovery: Handler {
    private struct Subscriber {
        var cluster: ClusterKey
        var plan: DiscoveryPlan
        var counters: CounterBlock
    }

    private let loop: EventLoop
    private let plane: DataPlane
    private let state: RuntimeState
    private let files: ResolverFiles
    private let report: (String) -> Void
    private var resolver: Resolver
    private var subscribers: [NameKey: [Subscriber]] = [:]
    /// What each cluster was given last.
    private var published: [ClusterKey: [EndpointPlan]] = [:]
    /// Of each name, as it was after its last lookup.
    private var said: [NameKey: NameState] = [:]
    /// Authorities whose name is being looked up.
    private var asked: [NameKey: Set<AuthorityName>] = [:]
    private var exchanges: [Resolver.ExchangeID: NameExchange] = [:]
    private lazy var timer = Timer(owner: self)
    /// Workers ask for the names of authorities here.
    let names: AuthorityNames

    /// - Parameter servers: asked instead of those of resolv.conf, if there are any.
    init(
        loop: EventLoop, plane: DataPlane, state: RuntimeState, servers: [ResolverSettings.Server],
        report: @escaping (String) -> Void
    ) {
        self.loop = loop
        self.plane = plane
        self.state = state
        self.report = report
        files = ResolverFiles(servers: servers)
        names = AuthorityNames(mailbox: loop.mailbox)
        resolver = Resolver(settings: files.settings, hosts: files.hosts) {
            var generator = SystemRandomNumberGenerator()
            return generator.next()
        }
        super.init()
        names.connect(self)
    }

    // MARK: The plan

    /// A plan is being served: its names are watched from now on, and what is known of them is published.
    func follow(_ plan: Plan) {
        subscribers = [:]
        var clusters: Set<ClusterKey> = []
        for proxy in plan.proxies {
            for cluster in proxy.clusters {
                guard let discovery = cluster.discovery, let key = NameKey(discovery) else { continue }
                let name = ClusterKey(proxy: proxy.name, cluster: cluster.name)
                clusters.insert(name)
                let counters = state.stats.counters(
                    .cluster(cluster.name, proxy: proxy.name), worker: state.stats.controlWorker)
                subscribers[key, default: []].append(
                    Subscriber(cluster: name, plan: discovery, counters: counters))
            }
        }
        published = published.filter { clusters.contains($0.key) }
        said = said.filter { subscribers[$0.key] != nil }
        for key in subscribers.keys where resolver.state(of: key)?.isKnown == true { publish(key) }
        refreshFiles()
        perform(resolver.watch(Set(subscribers.keys), now: Clock.monotonic()))
        describe()
    }

    // MARK: Events

    override func timerFired(_ timer: Timer) {
        refreshFiles()
        perform(resolver.advance(to: Clock.monotonic()))
    }

    /// Looks up an authority's name for the workers.
    func resolve(_ name: AuthorityName) {
        guard let key = NameKey(host: name.host, families: name.families) else {
            plane.update(authorities: [
                name: AuthorityAnswer(address: nil, lifetime: RefreshLimits.retry.upperBound)
            ])
            return
        }
        asked[key, default: []].insert(name)
        refreshFiles()
        perform(resolver.ask(key, now: Clock.monotonic()))
    }

    private func refreshFiles() {
        if files.refresh() { resolver.configure(files.settings, files.hosts) }
    }

    private func perform(_ first: [Resolver.Action]) {
        var actions = first
        while !actions.isEmpty {
            let batch = actions
            actions = []
            for action in batch {
                switch action {
                case .send(let id, let server, let transport, let message):
                    do throws(SystemError) {
                        exchanges[id] = try NameExchange(to: server, transport, message, loop: loop) {
                            [unowned self] event in happened(id, event)
                        }
                    } catch {
                        actions += resolver.broke(id, "\(error)", now: Clock.monotonic())
                    }
                case .abandon(let id): exchanges.removeValue(forKey: id)?.close()
                case .began(let key):
                    for subscriber in subscribers[key] ?? [] { subscriber.counters.add(ClusterCounter.updateAttempt) }
                case .ended(let key, let result): ended(key, result)
                }
            }
        }
        resolver.tidy()
        if let wake = resolver.nextWake {
            loop.timers.arm(timer, deadline: wake)
        } else {
            loop.timers.cancel(timer)
        }
    }

    private func happened(_ id: Resolver.ExchangeID, _ event: NameExchange.Event) {
        let now = Clock.monotonic()
        switch event {
        case .received(let bytes): perform(resolver.received(id, bytes, now: now))
        case .broke(let reason): perform(resolver.broke(id, reason, now: now))
        }
    }

    private func ended(_ key: NameKey, _ result: LookupResult) {
        let counter: ClusterCounter =
            switch result {
            case .addresses: .updateSuccess
            case .empty: .updateEmpty
            case .failed: .updateFailure
            }
        for subscriber in subscribers[key] ?? [] { subscriber.counters.add(counter) }
        if let state = resolver.state(of: key), subscribers[key] != nil {
            publish(key)
            say(key, state, before: said[key] ?? NameState())
            said[key] = state
            describe()
        }
        for name in asked.removeValue(forKey: key) ?? [] { answer(name, key, result) }
    }

    private func answer(_ name: AuthorityName, _ key: NameKey, _ result: LookupResult) {
        var address: NetworkAddress?
        if case .addresses(let addresses, _) = result, let first = addresses.first {
            address = .ip(host: first.description, port: name.port)
        }
        let lifetime = resolver.state(of: key)?.lifetime ?? RefreshLimits.retry.lowerBound
        plane.update(authorities: [name: AuthorityAnswer(address: address, lifetime: lifetime)])
    }

    // MARK: What follows

    /// Gives the name's clusters what is known of it, which may be nothing.
    private func publish(_ key: NameKey) {
        guard let addresses = resolver.state(of: key)?.addresses else { return }
        var changes: [ClusterKey: [EndpointPlan]] = [:]
        for subscriber in subscribers[key] ?? [] {
            let set = EndpointSet(
                discovered: addresses, of: key.name, port: subscriber.plan.port,
                isOneLogicalHost: subscriber.plan.answer == .oneLogicalHost)
            let endpoints = set.endpoints.map(\.plan)
            if published[subscriber.cluster] == endpoints {
                subscriber.counters.add(ClusterCounter.updateNoRebuild)
                continue
            }
            published[subscriber.cluster] = endpoints
            changes[subscriber.cluster] = endpoints
            subscriber.counters.add(ClusterCounter.membershipChange)
            subscriber.counters.set(ClusterCounter.membershipTotal, Int64(endpoints.count))
            subscriber.counters.set(ClusterCounter.membershipHealthy, Int64(endpoints.count))
        }
        if !changes.isEmpty { plane.update(endpoints: changes) }
    }

    /// For `/v1/status` and `/clusters`.
    private func describe() {
        let names = subscribers.map { key, list in
            DiscoveredName(
                hostname: key.name.description, families: list.first?.plan.families ?? .ipv6Preferred,
                clusters: list.map(\.cluster), state: resolver.state(of: key) ?? NameState())
        }
        let published = self.published
        state.update { status in
            status.names = names.sorted { ($0.hostname, $0.families.rawValue) < ($1.hostname, $1.families.rawValue) }
            status.discovered = published
        }
    }

    /// One line when the addresses change, when lookups begin to fail, and when they succeed again.
    private func say(_ key: NameKey, _ state: NameState, before: NameState) {
        if let trouble = state.trouble {
            guard state.failures == 1 else { return }
            let kept = Self.list(state.addresses)
            report("\(key.name): \(trouble); " + (kept.isEmpty ? "no endpoint is known" : "\(kept) in use as before"))
        } else if before.trouble != nil || Set(state.addresses) != Set(before.addresses) {
            report("\(key.name): \(Self.list(state.addresses))")
        }
    }

    private static func list(_ addresses: [IPAddress]) -> String {
        let shown = addresses.prefix(8).map(\.description).joined(separator: ", ")
        return addresses.count > 8 ? "\(shown) and \(addresses.count - 8) more" : shown
    }
}
