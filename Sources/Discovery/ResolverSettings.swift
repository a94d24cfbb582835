// Whom to ask and how patiently (resolv.conf(5)), and what this machine knows by itself (hosts(5)).
//
// Of resolv.conf `nameserver` (the first three), `options timeout:` and `attempts:` are used. `search` and `domain` are not:
// names are absolute (see `DomainName`). Without a server the one on this machine is asked. Link-local servers with a zone
// (`fe80::1%eth0`) are left out.

/// How names are asked for.
public struct ResolverSettings: Sendable, Equatable {
    /// An address and port to ask.
    public struct Server: Sendable, Hashable, CustomStringConvertible {
        public var address: IPAddress
        public var port: Int

        public init(address: IPAddress, port: Int = 53) {
            self.address = address
            self.port = port
        }

        public var description: String { address.family == .v6 ? "[\(address)]:\(port)" : "\(address):\(port)" }
    }

    /// In the order in which they are asked; never empty.
    public var servers: [Server]
    /// How long one server has for one answer; 1 to 30 s.
    public var timeout: Duration
    /// How often the whole list is asked; 1 to 5.
    public var attempts: Int

    static let serversMax = 3

    public init(servers: [Server], timeout: Duration = .seconds(5), attempts: Int = 2) {
        self.servers = servers
        self.timeout = timeout
        self.attempts = attempts
    }

    /// From the text of resolv.conf.
    public init(resolvConf text: String) {
        self.init(servers: [])
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            guard let keyword = words.first, !keyword.hasPrefix("#"), !keyword.hasPrefix(";") else { continue }
            if keyword == "nameserver", words.count > 1, servers.count < Self.serversMax {
                if let address = IPAddress(String(words[1])) { servers.append(Server(address: address)) }
            } else if keyword == "options" {
                for option in words.dropFirst() { apply(option) }
            }
        }
        if servers.isEmpty, let local = IPAddress("127.0.0.1") { servers = [Server(address: local)] }
    }

    private mutating func apply(_ option: Substring) {
        let parts = option.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, let number = Int(parts[1]) else { return }
        switch parts[0] {
        case "timeout": timeout = .seconds(min(max(number, 1), 30))
        case "attempts": attempts = min(max(number, 1), 5)
        default: break
        }
    }
}

/// The names that the machine's own table knows.
public struct HostsTable: Sendable, Equatable {
    private var addresses: [DomainName: [IPAddress]] = [:]

    static let entriesMax = 10_000

    public init() {}

    /// From the text of /etc/hosts: an address and its names per line. What is neither is left out.
    public init(_ text: String) {
        var count = 0
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.prefix { $0 != "#" }.split(whereSeparator: { $0 == " " || $0 == "\t" })
            guard let first = words.first, let address = IPAddress(String(first)) else { continue }
            for word in words.dropFirst() {
                guard count < Self.entriesMax, let name = DomainName(String(word)),
                    addresses[name]?.contains(address) != true
                else { continue }
                addresses[name, default: []].append(address)
                count += 1
            }
        }
    }

    /// In the order of the file; empty if it does not know the name.
    public subscript(name: DomainName) -> [IPAddress] {
        if let known = addresses[name] { return known }
        guard name.isLocalhost else { return [] }
        return [IPAddress("127.0.0.1"), IPAddress("::1")].compactMap { $0 }
    }
}
