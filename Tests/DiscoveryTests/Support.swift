@testable import Discovery

/// Puts DNS messages together by hand, so that tests may say anything.
struct Message {
    var bytes: [UInt8] = []

    init(id: UInt16, flags: UInt16 = 0x8180, questions: UInt16 = 1, answers: UInt16 = 0) {
        for value in [id, flags, questions, answers, 0, 0] { add(value) }
    }

    mutating func add(_ value: UInt16) { bytes += [UInt8(value >> 8), UInt8(value & 255)] }

    mutating func question(_ name: String, type: UInt16 = 1) {
        bytes += DomainName(name)?.wire ?? []
        add(type)
        add(1)
    }

    mutating func record(_ owner: [UInt8], type: UInt16, ttl: UInt32 = 60, data: [UInt8], kind: UInt16 = 1) {
        bytes += owner
        add(type)
        add(kind)
        add(UInt16(ttl >> 16))
        add(UInt16(ttl & 0xFFFF))
        add(UInt16(data.count))
        bytes += data
    }

    /// An answer to a question for A or AAAA records, owners compressed to the question's name.
    static func answer(
        _ name: String, _ family: IPAddress.Family, _ addresses: [String], ttl: UInt32 = 60, id: UInt16,
        flags: UInt16 = 0x8180
    ) -> [UInt8] {
        var message = Message(id: id, flags: flags, answers: UInt16(addresses.count))
        message.question(name, type: family == .v4 ? 1 : 28)
        for address in addresses {
            message.record(
                [0xC0, 12], type: family == .v4 ? 1 : 28, ttl: ttl, data: IPAddress(address)?.bytes ?? [])
        }
        return message.bytes
    }
}

func name(_ text: String) -> DomainName { DomainName(text) ?? DomainName(checkedWire: [0]) }

func addresses(_ texts: String...) -> [IPAddress] { texts.compactMap { IPAddress($0) } }

/// Numbers that look random and are the same in every run (xorshift64).
struct Dice: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
