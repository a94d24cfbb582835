// One question on its way through the servers: asked of each in turn, over the list as often as the settings say, over UDP
// first and over TCP when an answer was cut (RFC 1035 4.2, RFC 7766 5). Each try has an id of its own; its transport gives it
// a port of its own, so that a forger must guess both (RFC 5452).

/// How a message travels.
public enum DNSTransport: Sendable, Hashable { case udp, tcp }

/// One message to send, and how long its answer may take.
struct DNSTry: Sendable, Equatable {
    var server: ResolverSettings.Server
    var transport: DNSTransport
    var message: [UInt8]
}

/// Why no server answered; the last reason.
public enum LookupFailure: Sendable, Equatable, CustomStringConvertible {
    case timeout(ResolverSettings.Server)
    /// The answer's response code (RFC 1035 4.1.1).
    case refused(ResolverSettings.Server, code: UInt8)
    /// Referred elsewhere by a server that does not recurse.
    case lame(ResolverSettings.Server)
    case bad(ResolverSettings.Server, DNSFault)
    /// What the system said of the socket.
    case unreachable(ResolverSettings.Server, String)
    /// More names are being looked up than may be at once.
    case tooMany

    public var description: String {
        switch self {
        case .timeout(let server): "no answer from \(server)"
        case .refused(let server, let code): "\(server) answered \(Self.name(code))"
        case .lame(let server): "\(server) does not recurse"
        case .bad(let server, let fault): "\(server) sent \(fault.rawValue)"
        case .unreachable(let server, let reason): "\(server): \(reason)"
        case .tooMany: "too many names are being looked up"
        }
    }

    private static func name(_ code: UInt8) -> String {
        switch code {
        case 1: "FORMERR"
        case 2: "SERVFAIL"
        case 4: "NOTIMP"
        case 5: "REFUSED"
        default: "response code \(code)"
        }
    }
}

/// What a question came to.
enum QueryResult: Sendable, Equatable {
    case addresses([IPAddress], ttl: UInt32)
    case none(DNSReply.NoAddress)
    case failed(LookupFailure)
}

struct AddressQuery: Sendable {
    enum Step: Equatable {
        case send(DNSTry)
        case done(QueryResult)
        /// Not the answer; it may still come.
        case wait
    }

    let question: DNSQuestion
    private let settings: ResolverSettings
    private var server = 0
    private var round = 0
    private var id: UInt16 = 0
    private var transport = DNSTransport.udp
    private var failure = LookupFailure.tooMany

    init(_ question: DNSQuestion, settings: ResolverSettings) {
        self.question = question
        self.settings = settings
    }

    mutating func start(random: UInt64) -> Step { send(.udp, random) }

    private mutating func send(_ transport: DNSTransport, _ random: UInt64) -> Step {
        self.transport = transport
        id = UInt16(truncatingIfNeeded: random)
        return .send(
            DNSTry(
                server: settings.servers[server], transport: transport, message: DNSMessage.query(id: id, question)))
    }

    mutating func received(_ bytes: [UInt8], random: UInt64) -> Step {
        let server = settings.servers[self.server]
        do throws(DNSFault) {
            let reply = try DNSMessage.reply(bytes, to: question, id: id, isDatagram: transport == .udp)
            switch reply {
            case .addresses(let addresses, let ttl): return .done(.addresses(addresses, ttl: ttl))
            case .none(let reason): return .done(.none(reason))
            case .truncated: return send(.tcp, random)
            case .refused(let code): return next(.refused(server, code: code), random)
            case .lame: return next(.lame(server), random)
            }
        } catch {
            // On a connection nothing else can follow.
            return error == .notOurs && transport == .udp ? .wait : next(.bad(server, error), random)
        }
    }

    mutating func timedOut(random: UInt64) -> Step { next(.timeout(settings.servers[server]), random) }

    mutating func broken(_ reason: String, random: UInt64) -> Step {
        next(.unreachable(settings.servers[server], reason), random)
    }

    private mutating func next(_ failure: LookupFailure, _ random: UInt64) -> Step {
        self.failure = failure
        server += 1
        if server == settings.servers.count {
            server = 0
            round += 1
        }
        return round < settings.attempts ? send(.udp, random) : .done(.failed(failure))
    }
}
