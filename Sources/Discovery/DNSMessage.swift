// DNS messages, as far as looking up addresses needs them (RFC 1035 4): a question out, an answer in.
//
// Answers come from the network and may say anything. An answer counts only if its id and question are those that were asked
// (the socket vouches for who sent it). A compressed name may only point to an earlier place than it stands, so following
// pointers ends; names are at most 255 bytes, alias chains at most 16 steps, addresses at most 1,024. Nothing here traps or
// takes more than linear time in the size of a message for each step of a chain.

/// What is asked: the addresses of one family.
public struct DNSQuestion: Sendable, Hashable {
    public var name: DomainName
    public var family: IPAddress.Family

    public init(name: DomainName, family: IPAddress.Family) {
        self.name = name
        self.family = family
    }

    var type: UInt16 { family == .v4 ? RecordType.a : RecordType.aaaa }
}

/// What an answer says.
public enum DNSReply: Sendable, Equatable {
    /// In the order of the answer, each once. The time to live is the smallest on the way, in seconds (RFC 2181 5.2).
    case addresses([IPAddress], ttl: UInt32)
    /// The name exists without such an address, or does not exist.
    case none(NoAddress)
    /// The answer does not fit into a datagram: to be asked again over TCP (RFC 7766 5).
    case truncated
    /// This server cannot answer: its response code (RFC 1035 4.1.1), or a referral from a server that does not recurse.
    case refused(code: UInt8)
    case lame

    public enum NoAddress: String, Sendable {
        case noData = "has no such address"
        case noName = "does not exist"
    }
}

/// Why bytes are no answer.
public enum DNSFault: String, Error, Sendable {
    /// Another id or question, or no answer at all: somebody else's, or forged. The real answer may still come.
    case notOurs = "not an answer to the question"
    case malformed = "a malformed answer"
    case tooManyAddresses = "more than 1024 addresses"
}

enum RecordType {
    static let a: UInt16 = 1
    static let cname: UInt16 = 5
    static let aaaa: UInt16 = 28
}

public enum DNSMessage {
    static let headerBytes = 12
    static let classInternet: UInt16 = 1
    static let aliasesMax = 16
    static let addressesMax = 1_024
    /// Without EDNS a datagram has at most 512 bytes (RFC 1035 4.2.1); servers that send more are understood up to here.
    public static let datagramBytesMax = 4_096

    /// A standard query that wishes recursion.
    public static func query(id: UInt16, _ question: DNSQuestion) -> [UInt8] {
        var bytes: [UInt8] = [UInt8(id >> 8), UInt8(id & 255), 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        bytes += question.name.wire
        bytes += [UInt8(question.type >> 8), UInt8(question.type & 255), 0, UInt8(classInternet)]
        return bytes
    }

    /// Reads the answer to a question.
    public static func reply(
        _ bytes: [UInt8], to question: DNSQuestion, id: UInt16, isDatagram: Bool
    ) throws(DNSFault) -> DNSReply {
        var reader = DNSReader(bytes)
        guard let answerID = reader.uint16(), answerID == id, let flags = reader.uint16(),
            let questions = reader.uint16(), let answers = reader.uint16(), reader.uint16() != nil,
            reader.uint16() != nil, flags & 0xF800 == 0x8000
        else { throw .notOurs }
        let code = UInt8(flags & 0xF)
        // A server that could not even read the question may leave it out.
        if questions == 0, code != 0, code != 3 { return .refused(code: code) }
        guard questions == 1, let name = reader.name(), name == question.name, let type = reader.uint16(),
            type == question.type, let kind = reader.uint16(), kind == classInternet
        else { throw .notOurs }
        if code != 0, code != 3 { return .refused(code: code) }
        if isDatagram, flags & 0x0200 != 0 { return .truncated }
        if code == 3 { return .none(.noName) }
        let found = try addresses(&reader, count: Int(answers), question)
        guard found.addresses.isEmpty else { return .addresses(found.addresses, ttl: found.ttl) }
        // Neither authoritative nor recursive: a referral, which is for resolvers.
        if answers == 0, flags & 0x0480 == 0 { return .lame }
        return .none(.noData)
    }

    private struct Record {
        var owner: DomainName
        var ttl: UInt32
        var address: IPAddress?
        var alias: DomainName?
    }

    private static func addresses(
        _ reader: inout DNSReader, count: Int, _ question: DNSQuestion
    ) throws(DNSFault) -> (addresses: [IPAddress], ttl: UInt32) {
        var records: [Record] = []
        for _ in 0..<count {
            guard let owner = reader.name(), let type = reader.uint16(), let kind = reader.uint16(),
                let ttl = reader.uint32(), let length = reader.uint16()
            else { throw .malformed }
            let end = reader.offset + Int(length)
            guard end <= reader.bytes.count else { throw .malformed }
            // More than 31 bits are none (RFC 2181 8).
            var record = Record(owner: owner, ttl: ttl >= 1 << 31 ? 0 : ttl)
            if kind == classInternet, type == question.type {
                let address = IPAddress(bytes: reader.bytes[reader.offset..<end])
                guard let address, address.family == question.family else { throw .malformed }
                record.address = address
                records.append(record)
            } else if kind == classInternet, type == RecordType.cname {
                guard let alias = reader.name(), reader.offset == end else { throw .malformed }
                record.alias = alias
                records.append(record)
            }
            reader.offset = end
        }
        return try follow(records, from: question.name)
    }

    private static func follow(
        _ records: [Record], from name: DomainName
    ) throws(DNSFault) -> (addresses: [IPAddress], ttl: UInt32) {
        var name = name
        var ttl = UInt32.max
        for _ in 0...aliasesMax {
            var found: [IPAddress] = []
            var known: Set<IPAddress> = []
            for record in records where record.owner == name {
                guard let address = record.address else { continue }
                ttl = min(ttl, record.ttl)
                if known.insert(address).inserted { found.append(address) }
            }
            guard found.count <= addressesMax else { throw .tooManyAddresses }
            if !found.isEmpty { return (found, ttl) }
            guard let alias = records.first(where: { $0.owner == name && $0.alias != nil }), let target = alias.alias
            else { return ([], 0) }
            ttl = min(ttl, alias.ttl)
            name = target
        }
        // A circle of aliases, or a chain that nobody means.
        throw .malformed
    }
}

/// Reads a message front to back; nil where it ends too early or breaks the rules.
struct DNSReader {
    let bytes: [UInt8]
    var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func uint16() -> UInt16? {
        guard bytes.count - offset >= 2 else { return nil }
        defer { offset += 2 }
        return UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
    }

    mutating func uint32() -> UInt32? {
        guard let high = uint16(), let low = uint16() else { return nil }
        return UInt32(high) << 16 | UInt32(low)
    }

    /// A name, compressed or not (RFC 1035 4.1.4).
    mutating func name() -> DomainName? {
        var wire: [UInt8] = []
        var place = offset
        /// Where the name itself ends, once a pointer was followed.
        var end: Int?
        /// A pointer must lead before everything that was read of this name so far.
        var limit = offset
        while place < bytes.count {
            let length = Int(bytes[place])
            switch length >> 6 {
            case 0:
                guard place + 1 + length <= bytes.count, wire.count + 1 + length <= DomainName.wireBytesMax else {
                    return nil
                }
                wire.append(UInt8(length))
                if length == 0 {
                    offset = end ?? place + 1
                    return DomainName(checkedWire: wire)
                }
                for byte in bytes[(place + 1)...(place + length)] { wire.append(DomainName.lower(byte)) }
                place += 1 + length
            case 3:
                guard place + 1 < bytes.count else { return nil }
                let target = (length & 0x3F) << 8 | Int(bytes[place + 1])
                guard target < limit else { return nil }
                end = end ?? place + 2
                limit = target
                place = target
            default: return nil
            }
        }
        return nil
    }
}
