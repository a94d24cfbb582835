import Testing

@testable import Wire

/// Random damage to good and bad messages. What must hold for any bytes: no trap, nothing read outside the input
/// (every input lies in memory of exactly its size), offsets inside the input, memory bounded by the limits, and the
/// same outcome for every split.
@Suite struct FuzzTests {
    private static let alphabet: [[UInt8]] = [
        "\r\n", "\r", "\n", " ", "\t", ":", "\0", "0", ";", ",", "/", "#", "?", "%", "Host: a\r\n", "\r\n\r\n",
        "HTTP/1.1",
        "Content-Length: 1\r\n", "Transfer-Encoding: chunked\r\n", "Connection: close\r\n", "http://", "[::1]",
        "chunked",
    ].map { Array($0.utf8) }

    private func damaged(_ seed: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
        var input = seed
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            let place = Int.random(in: 0...input.count, using: &generator)
            switch Int.random(in: 0..<5, using: &generator) {
            case 0 where place < input.count:
                input[place] = UInt8.random(in: 0...255, using: &generator)
            case 1 where place < input.count:
                input.removeSubrange(place..<min(input.count, place + Int.random(in: 1...8, using: &generator)))
            case 2 where place < input.count:
                let end = min(input.count, place + Int.random(in: 1...40, using: &generator))
                input.insert(contentsOf: input[place..<end], at: place)
            case 3:
                input.insert(contentsOf: Self.alphabet.randomElement(using: &generator) ?? [], at: place)
            default:
                input.insert(UInt8.random(in: 0...255, using: &generator), at: place)
            }
        }
        return input.isEmpty ? [0] : input
    }

    @Test func anyRequestHasOneOutcome() {
        let seeds =
            requestRefusals.map(\.input).filter { $0.count < 500 }
            + [get("A: b", "C: d"), post("Content-Length: 3") + "abc"].map { Array($0.utf8) }
        var generator = SeededGenerator(seed: 10)
        for round in 0..<50_000 {
            let input = damaged(seeds[round % seeds.count], using: &generator)
            let whole = parseRequest(input, methods: round % 2 == 0 ? .known : .anyToken)
            if case .complete(let bytes) = whole.step { #expect(bytes > 0 && bytes <= input.count) }
            let ends = randomEnds(input.count, using: &generator)
            let split = parseRequest(input, ends: ends, methods: round % 2 == 0 ? .known : .anyToken)
            #expect(split == whole, "\(input) \(ends)")
        }
    }

    @Test func anyAcceptedRequestIsWrittenAsTheSameRequest() {
        let seeds = [
            get("A: b", "Connection: x, y", "X: 1", "TE: trailers"), post("Content-Length: 3", "Upgrade: a"),
            "GET http://a:80/x?y HTTP/1.1\r\nHost: other\r\nX: y\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
        ].map { Array($0.utf8) }
        var generator = SeededGenerator(seed: 11)
        var accepted = 0
        for round in 0..<20_000 {
            let input = damaged(seeds[round % seeds.count], using: &generator)
            var parser = RequestParser(methods: .anyToken)
            let block = HeaderBlock(bytes: 64, fields: 8)
            let step = input.withUnsafeBufferPointer { parser.parse($0, into: block) }
            guard case .complete = step, block.version == .http11, PathRules.normalize(block),
                HeaderRules.prepareRequest(block) == nil
            else { continue }
            accepted += 1
            HeaderRules.stripClientControl(block)
            let framing = parser.framing
            let text = written(HTTP1Writer.headBound(block)) {
                HTTP1Writer.writeRequest(block, framing: framing, into: $0)
            }
            let again = parseRequest(Array(text.utf8), methods: .anyToken)
            #expect(again.step == .complete(bytes: text.utf8.count), "\(text)")
            #expect(again.framing == framing || framing == .none && again.framing == .length(0))
            #expect(again.start[1] == block.text(block.methodName))
            #expect(again.start[3] == block.text(block.authority))
            #expect(again.start[4] == block.text(block.path))
        }
        #expect(accepted > 2_000)
    }

    @Test func anyResponseHasOneOutcome() {
        let seeds =
            responseRefusals.map(\.input).filter { $0.count < 500 }
            + [answer("A: b", "C: d"), answer("Content-Length: 3") + "abc"].map { Array($0.utf8) }
        var generator = SeededGenerator(seed: 12)
        for round in 0..<20_000 {
            let input = damaged(seeds[round % seeds.count], using: &generator)
            let whole = parseResponse(input)
            if case .complete(let bytes) = whole.step { #expect(bytes > 0 && bytes <= input.count) }
            #expect(parseResponse(input, ends: randomEnds(input.count, using: &generator)) == whole, "\(input)")
        }
    }

    @Test func anyChunkedBodyHasOneOutcome() {
        let seeds =
            chunkedRefusals.map(\.input).filter { $0.count < 500 }
            + ["3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nX: y\r\nZ: w\r\n\r\n"].map { Array($0.utf8) }
        var generator = SeededGenerator(seed: 13)
        for round in 0..<20_000 {
            let input = damaged(seeds[round % seeds.count], using: &generator)
            let whole = decode(.chunked, input)
            #expect(whole.used <= input.count && whole.body.count <= input.count)
            #expect(decode(.chunked, input, ends: randomEnds(input.count, using: &generator)) == whole, "\(input)")
        }
    }

    @Test func memoryStaysWithinTheLimitsWhateverArrives() {
        var generator = SeededGenerator(seed: 14)
        let block = HeaderBlock(bytes: 64, fields: 8)
        for _ in 0..<200 {
            var parser = RequestParser()
            var input = Array("GET / HTTP/1.1\r\nHost: h\r\n".utf8)
            while input.count < 100_000 {
                let size = Int.random(in: 0...3_000, using: &generator)
                input += Array("X: ".utf8) + [UInt8](repeating: 0x61, count: size) + [13, 10]
            }
            let step = input.withUnsafeBufferPointer { parser.parse($0, into: block) }
            #expect(step == .refused(.headTooLarge) || step == .refused(.tooManyFields))
            #expect(block.capacity <= 2 * HTTP1Limits.request.headBytesMax + 1_024)
            #expect(block.count <= HTTP1Limits.request.fieldsMax)
        }
    }

    @Test func slowArrivalCostsLinearWork() {
        // 60,000 single bytes in one line: quadratic work would take minutes.
        let input = Array(get("X: " + String(repeating: "a", count: 60_000)).utf8)
        var parser = RequestParser()
        let block = HeaderBlock()
        input.withUnsafeBufferPointer { bytes in
            var step = HeadStep.incomplete
            for end in 1...bytes.count {
                step = parser.parse(UnsafeBufferPointer(rebasing: bytes[..<end]), into: block)
                if step != .incomplete { break }
            }
            #expect(step == .complete(bytes: input.count))
        }
    }
}
