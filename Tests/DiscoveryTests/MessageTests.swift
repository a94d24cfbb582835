import Testing

@testable import Discovery

@Suite("A DNS message")
struct MessageTests {
    private static let question = DNSQuestion(name: name("blue.test"), family: .v4)

    private func read(
        _ bytes: [UInt8], _ question: DNSQuestion = MessageTests.question, id: UInt16 = 7, isDatagram: Bool = true
    ) throws(DNSFault) -> DNSReply { try DNSMessage.reply(bytes, to: question, id: id, isDatagram: isDatagram) }

    @Test("asks one question, in lower case, and wishes recursion")
    func query() {
        let bytes = DNSMessage.query(id: 0x1234, DNSQuestion(name: name("Blue.Test."), family: .v6))
        #expect(
            bytes == [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 4] + Array("blue".utf8) + [4] + Array("test".utf8)
                + [0, 0, 28, 0, 1])
    }

    @Test(
        "has a name that DNS can carry",
        arguments: [
            ("a", true), ("A.b-c_d.0", true), ("a.", true), ("", false), (".", false), ("a..b", false), ("a b", false),
            ("ä.test", false), (String(repeating: "a", count: 63), true), (String(repeating: "a", count: 64), false),
            (Array(repeating: "abcdefg", count: 31).joined(separator: "."), true),
            (Array(repeating: "abcdefg", count: 32).joined(separator: "."), false), ("[::1]", false),
        ])
    func names(text: String, isName: Bool) { #expect((DomainName(text) != nil) == isName) }

    @Test("brings every address once, in its order, for the smallest time to live")
    func addressesOfAnAnswer() throws {
        var message = Message(id: 7, answers: 3)
        message.question("blue.test")
        message.record([0xC0, 12], type: 1, ttl: 60, data: [10, 0, 0, 2])
        message.record([0xC0, 12], type: 1, ttl: 30, data: [10, 0, 0, 1])
        message.record([0xC0, 12], type: 1, ttl: 90, data: [10, 0, 0, 2])
        #expect(try read(message.bytes) == .addresses(addresses("10.0.0.2", "10.0.0.1"), ttl: 30))
    }

    @Test("brings IPv6 addresses")
    func v6() throws {
        let question = DNSQuestion(name: name("blue.test"), family: .v6)
        let bytes = Message.answer("blue.test", .v6, ["fd00::1", "::1"], id: 7)
        #expect(try read(bytes, question) == .addresses(addresses("fd00::1", "::1"), ttl: 60))
    }

    @Test("is ours whatever the case of its name")
    func caseOfNames() throws {
        let bytes = Message.answer("blue.test", .v4, ["10.0.0.1"], id: 7).map {
            (97...122).contains($0) ? $0 - 32 : $0
        }
        #expect(try read(bytes) == .addresses(addresses("10.0.0.1"), ttl: 60))
    }

    @Test("is followed through aliases, whose time to live counts too")
    func aliases() throws {
        var message = Message(id: 7, answers: 3)
        message.question("blue.test")
        message.record(name("b.test").wire, type: 1, ttl: 60, data: [10, 0, 0, 3])
        message.record([0xC0, 12], type: 5, ttl: 9, data: name("a.test").wire)
        message.record(name("a.test").wire, type: 5, ttl: 20, data: name("b.test").wire)
        #expect(try read(message.bytes) == .addresses(addresses("10.0.0.3"), ttl: 9))
    }

    private func chain(_ links: Int) -> [UInt8] {
        var message = Message(id: 7, answers: UInt16(links + 1))
        message.question("blue.test")
        var owner = name("blue.test")
        for index in 0..<links {
            message.record(owner.wire, type: 5, data: name("n\(index)").wire)
            owner = name("n\(index)")
        }
        message.record(owner.wire, type: 1, data: [10, 0, 0, 9])
        return message.bytes
    }

    @Test("may have 16 aliases in a row, not more, and none in a circle")
    func longChains() throws {
        #expect(try read(chain(16)) == .addresses(addresses("10.0.0.9"), ttl: 60))
        #expect(throws: DNSFault.malformed) { try read(chain(17)) }
        var circle = Message(id: 7, answers: 2)
        circle.question("blue.test")
        circle.record([0xC0, 12], type: 5, data: name("a.test").wire)
        circle.record(name("a.test").wire, type: 5, data: [0xC0, 12])
        #expect(throws: DNSFault.malformed) { try read(circle.bytes) }
    }

    @Test("says that there is nothing, that it was cut, or that the server cannot tell")
    func otherAnswers() throws {
        let cases: [(UInt16, DNSReply)] = [
            (0x8180, .none(.noData)), (0x8580, .none(.noData)), (0x8183, .none(.noName)), (0x8380, .truncated),
            (0x8182, .refused(code: 2)), (0x8185, .refused(code: 5)), (0x8000, .lame),
        ]
        for (flags, reply) in cases {
            #expect(try read(Message.answer("blue.test", .v4, [], id: 7, flags: flags)) == reply, "\(flags)")
        }
        #expect(try read(Message(id: 7, flags: 0x8181, questions: 0).bytes) == .refused(code: 1))
        let whole = Message.answer("blue.test", .v4, ["10.0.0.1"], id: 7, flags: 0x8380)
        #expect(try read(whole, isDatagram: false) == .addresses(addresses("10.0.0.1"), ttl: 60))
    }

    @Test("with a time to live of more than 31 bits has none")
    func negativeTTL() throws {
        let bytes = Message.answer("blue.test", .v4, ["10.0.0.1"], ttl: 0x8000_0001, id: 7)
        #expect(try read(bytes) == .addresses(addresses("10.0.0.1"), ttl: 0))
    }

    @Test("with another id, question, type or direction is not ours")
    func foreign() {
        let strangers: [[UInt8]] = [
            Message.answer("blue.test", .v4, ["10.0.0.1"], id: 8), Message.answer("red.test", .v4, ["10.0.0.1"], id: 7),
            Message.answer("blue.test", .v6, ["::1"], id: 7),
            Message.answer("blue.test", .v4, ["10.0.0.1"], id: 7, flags: 0x0100),
            Message.answer("blue.test", .v4, ["10.0.0.1"], id: 7, flags: 0xA980), Message(id: 7, questions: 0).bytes,
            [], [0, 7], Array(Message.answer("blue.test", .v4, [], id: 7).prefix(20)),
        ]
        for bytes in strangers { #expect(throws: DNSFault.notOurs) { try read(bytes) } }
    }

    @Test("of our question that breaks the rules is malformed")
    func malformed() {
        func answer(_ build: (inout Message) -> Void) -> [UInt8] {
            var message = Message(id: 7, answers: 1)
            message.question("blue.test")
            build(&message)
            return message.bytes
        }
        let cases: [[UInt8]] = [
            answer { _ in },
            answer { $0.record([0xC0, 12], type: 1, data: [10, 0, 0]) },
            answer { $0.record([0xC0, 12], type: 1, data: Array(repeating: 1, count: 16)) },
            answer { $0.record([0xC0, 12], type: 5, data: [1, 97]) },
            answer { $0.record([0xC0, 12], type: 5, data: [1, 97, 0, 0]) },
            // To itself, forwards, and outside.
            answer { $0.record([0xC0, 27], type: 1, data: [10, 0, 0, 1]) },
            answer { $0.record([0xC0, 40], type: 1, data: [10, 0, 0, 1]) },
            answer { $0.record([0xFF, 0xFF], type: 1, data: [10, 0, 0, 1]) },
            answer { $0.record([0x80, 0], type: 1, data: [10, 0, 0, 1]) },
            answer {
                $0.record([0xC0, 12], type: 1, data: [10, 0, 0, 1])
                $0.bytes.removeLast()
            },
        ]
        for (index, bytes) in cases.enumerated() {
            #expect(throws: DNSFault.malformed, "case \(index)") { try read(bytes) }
        }
    }

    @Test("with a name of more than 255 bytes, put together by pointers, is malformed")
    func longNames() {
        var message = Message(id: 7, answers: 5)
        message.question("blue.test")
        // Each name is a label of 60 bytes and then the name before.
        var previous: [UInt8] = [0xC0, 12]
        for _ in 0..<5 {
            let start = UInt16(message.bytes.count)
            message.record([60] + Array(repeating: 97, count: 60) + previous, type: 99, data: [])
            previous = [0xC0 | UInt8(start >> 8), UInt8(start & 255)]
        }
        #expect(throws: DNSFault.malformed) { try read(message.bytes) }
    }

    @Test("may have 1,024 addresses and not more")
    func manyAddresses() throws {
        func answer(_ count: Int) -> [UInt8] {
            Message.answer("blue.test", .v4, (0..<count).map { "10.0.\($0 / 256).\($0 % 256)" }, id: 7)
        }
        guard case .addresses(let all, _) = try read(answer(1_024), isDatagram: false) else {
            Issue.record("no addresses")
            return
        }
        #expect(all.count == 1_024)
        #expect(throws: DNSFault.tooManyAddresses) { try read(answer(1_025), isDatagram: false) }
    }

    @Test("changed in any way is read or refused, and never stops the process")
    func mutations() {
        var dice = Dice(state: 0x9E37_79B9_7F4A_7C15)
        let seeds = [
            chain(5), Message.answer("blue.test", .v4, ["10.0.0.1", "10.0.0.2"], id: 7),
            Message.answer("blue.test", .v4, [], id: 7, flags: 0x8183),
            Message.answer("blue.test", .v4, ["10.0.0.1"], id: 7, flags: 0x8380),
            Message.answer("blue.test", .v4, [], id: 7, flags: 0x8182),
        ]
        var outcomes: [String: Int] = [:]
        for round in 0..<100_000 {
            var bytes = seeds[round % seeds.count]
            for _ in 0...Int.random(in: 0..<4, using: &dice) {
                // The header is left whole more often than not, or hardly anything would get past it.
                let first = round % 4 == 0 ? 0 : min(6, bytes.count)
                guard first < bytes.count else { break }
                let place = Int.random(in: first..<bytes.count, using: &dice)
                switch Int.random(in: 0..<5, using: &dice) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &dice)
                case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &dice)
                case 2: bytes.removeSubrange(place...)
                case 3: bytes.insert(contentsOf: [0xC0, UInt8.random(in: 0...255, using: &dice)], at: place)
                default: bytes.remove(at: place)
                }
            }
            do throws(DNSFault) {
                let reply = try read(bytes, isDatagram: round % 2 == 0)
                outcomes["\(reply)".prefix { $0 != "(" }.description, default: 0] += 1
            } catch {
                outcomes["\(error)", default: 0] += 1
            }
        }
        // The mutations reach every kind of outcome that the seeds can lead to.
        for kind in ["addresses", "none", "refused", "truncated", "notOurs", "malformed"] {
            #expect(outcomes[kind, default: 0] > 100, "\(kind): \(outcomes)")
        }
    }
}
