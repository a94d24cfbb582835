import Testing

@testable import Wire

@Suite struct BodyDecoderTests {
    @Test(arguments: chunkedRefusals)
    func isRefusedHoweverItIsSplit(_ refusal: Refusal) {
        let whole = decode(.chunked, refusal.input)
        #expect(whole.error == refusal.error)
        #expect(decode(.chunked, refusal.input, ends: Array(1...refusal.input.count)) == whole)
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<20 {
            #expect(decode(.chunked, refusal.input, ends: randomEnds(refusal.input.count, using: &generator)) == whole)
        }
    }

    @Test(arguments: [
        ("0\r\n\r\n", "", []), ("3\r\nabc\r\n0\r\n\r\n", "abc", []),
        ("A\r\n0123456789\r\n000\r\n\r\n", "0123456789", []),
        ("00000000000003\r\nabc\r\n1\r\nd\r\n0\r\n\r\n", "abcd", []), ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n", []),
        ("3;a=b;c=\"d e\";f\r\nabc\r\n0;x\r\n\r\n", "abc", []), ("a\r\n0123456789\r\n0\r\n\r\n", "0123456789", []),
        ("1\r\na\r\n0\r\nX-Sum: 1\r\nGrpc-Status:0\r\n\r\n", "a", ["x-sum: 1", "grpc-status: 0"]),
        (
            "0\r\nA: " + String(repeating: "b", count: 3_000) + "\r\n\r\n", "",
            ["a: " + String(repeating: "b", count: 3_000)]
        ),
        ("0\r\nCookie: a\r\nAuthorization: b\r\nX: c\r\nConnection: close\r\n\r\n", "", ["x: c"]),
    ])
    func chunksAreJoinedAndTrailersKept(_ text: String, _ body: String, _ trailers: [String]) {
        let input = Array((text + "NEXT").utf8)
        let whole = decode(.chunked, input)
        #expect(whole.body == Array(body.utf8))
        #expect(whole.trailers == trailers)
        #expect(whole.isComplete && whole.error == nil)
        #expect(whole.used == input.count - 4)
        #expect(decode(.chunked, input, ends: Array(1...input.count)) == whole)
        var generator = SeededGenerator(seed: 6)
        for _ in 0..<50 {
            #expect(decode(.chunked, input, ends: randomEnds(input.count, using: &generator)) == whole)
        }
    }

    @Test func truncatedChunksAreNotCompleteWhenThePeerCloses() {
        let input = Array("3\r\nabc\r\n0\r\nX: y\r\n\r\n".utf8)
        for end in 0..<input.count {
            let outcome = decode(.chunked, Array(input[..<end]))
            #expect(!outcome.isComplete && !outcome.isCompleteWhenClosed && outcome.error == nil, "\(end)")
        }
        #expect(decode(.chunked, input).isCompleteWhenClosed)
    }

    @Test func lengthTakesExactlyItsBytes() {
        let outcome = decode(.length(3), Array("abcdef".utf8), ends: [1, 2, 6])
        #expect(outcome.body == Array("abc".utf8))
        #expect(outcome.isComplete && outcome.used == 3)
        let short = decode(.length(3), Array("ab".utf8))
        #expect(!short.isComplete && !short.isCompleteWhenClosed)
        #expect(decode(.length(0), Array("x".utf8)).used == 0)
        #expect(BodyDecoder(.length(0)).isComplete && BodyDecoder(.none).isComplete)
        #expect(decode(.length(UInt64(Int.max)), Array("abc".utf8)).body.count == 3)
    }

    @Test func bodyUntilCloseIsCompleteOnlyByTheClose() {
        let outcome = decode(.untilClose, Array("abc".utf8), ends: [1, 3])
        #expect(outcome.body == Array("abc".utf8))
        #expect(!outcome.isComplete && outcome.isCompleteWhenClosed)
    }

    @Test func largestChunkSizeIsAccepted() {
        let outcome = decode(.chunked, Array("7fffffffffffffff\r\nabc".utf8))
        #expect(outcome.error == nil && outcome.body.count == 3)
    }

    @Test func chunkExtensionsAreBoundedInAll() {
        var limits = HTTP1Limits()
        limits.chunkExtensionBytesMax = 100
        let chunk = "1;" + String(repeating: "e", count: 30) + "\r\na\r\n"
        let input = Array(String(repeating: chunk, count: 4).utf8)
        #expect(decode(.chunked, input, limits: limits).error == .chunkExtensionsTooLarge)
        #expect(decode(.chunked, Array(input[..<(input.count / 4 * 3)]), limits: limits).error == nil)
    }

    @Test func trailerLimitsAreExact() {
        var limits = HTTP1Limits()
        let section = "A: b\r\nC: d\r\n\r\n"
        let input = Array(("0\r\n" + section).utf8)
        limits.trailerBytesMax = section.utf8.count
        limits.fieldsMax = 2
        #expect(decode(.chunked, input, limits: limits).trailers == ["a: b", "c: d"])
        limits.trailerBytesMax -= 1
        #expect(decode(.chunked, input, limits: limits).error == .trailersTooLarge)
        #expect(decode(.chunked, input, ends: Array(1...input.count), limits: limits).error == .trailersTooLarge)
        limits.trailerBytesMax += 1
        limits.fieldsMax = 1
        #expect(decode(.chunked, input, limits: limits).error == .tooManyTrailers)
    }
}

let chunkedRefusals: [Refusal] = [
    Refusal("empty size", "\r\nabc", .invalidChunkSize),
    Refusal("letter", "g\r\n", .invalidChunkSize),
    Refusal("sign", "+3\r\nabc\r\n", .invalidChunkSize),
    Refusal("minus", "-3\r\nabc\r\n", .invalidChunkSize),
    Refusal("prefix 0x", "0x3\r\nabc\r\n", .invalidChunkSize),
    Refusal("blank before the size", " 3\r\nabc\r\n", .invalidChunkSize),
    Refusal("blank behind the size", "3 \r\nabc\r\n", .invalidChunkSize),
    Refusal("tab behind the size", "3\t\r\nabc\r\n", .invalidChunkSize),
    Refusal("blank before the extension", "3 ;a\r\nabc\r\n", .invalidChunkSize),
    Refusal("underscore", "1_0\r\n", .invalidChunkSize),
    Refusal("fraction", "3.0\r\n", .invalidChunkSize),
    Refusal("comma", "3,3\r\n", .invalidChunkSize),
    Refusal("extension without size", ";a\r\n", .invalidChunkSize),
    Refusal("NUL behind the size", "3\0\r\nabc\r\n", .invalidChunkSize),
    Refusal("quotation marks", "\"3\"\r\nabc\r\n", .invalidChunkSize),
    Refusal("full-width digit", "３\r\nabc\r\n", .invalidChunkSize),
    Refusal("size of 64 bits", "8000000000000000\r\n", .chunkSizeTooLarge),
    Refusal("size that wraps to 3", "10000000000000003\r\nabc\r\n", .chunkSizeTooLarge),
    Refusal("size that wraps to 0", "10000000000000000\r\n\r\n", .chunkSizeTooLarge),
    Refusal("all ones", "ffffffffffffffff\r\n", .chunkSizeTooLarge),
    Refusal("17 zeros", "00000000000000000\r\n\r\n", .chunkSizeTooLarge),
    Refusal("LF ends the size", "3\nabc\r\n", .bareLineFeed),
    Refusal("LF ends the extension", "3;a\nabc\r\n", .bareLineFeed),
    Refusal("CR alone ends the size", "3\rabc\r\n", .bareCarriageReturn),
    Refusal("CR in the extension", "3;a\rb\r\nabc\r\n", .bareCarriageReturn),
    Refusal("NUL in the extension", "3;a\0b\r\nabc\r\n", .invalidChunkExtension),
    Refusal("DEL in the extension", "3;a\u{7F}\r\nabc\r\n", .invalidChunkExtension),
    Refusal("extension of 5,000 bytes", "3;" + String(repeating: "a", count: 5_000), .chunkLineTooLong),
    Refusal("data too long", "3\r\nabcd\r\n", .chunkNotTerminated),
    Refusal("data too short", "4\r\nabc\r\n0\r\n\r\n", .bareLineFeed),
    Refusal("LF ends the data", "3\r\nabc\n0\r\n\r\n", .bareLineFeed),
    Refusal("CR alone ends the data", "3\r\nabc\r0\r\n\r\n", .bareCarriageReturn),
    Refusal("nothing ends the data", "3\r\nabc0\r\n\r\n", .chunkNotTerminated),
    Refusal("LF ends the last chunk", "0\n\r\n", .bareLineFeed),
    Refusal("LF ends the message", "0\r\n\n", .bareLineFeed),
    Refusal("LF ends a trailer", "0\r\nX: y\n\r\n", .bareLineFeed),
    Refusal("CR in a trailer", "0\r\nX: y\rz\r\n\r\n", .bareCarriageReturn),
    Refusal("folded trailer", "0\r\nX: y\r\n z\r\n\r\n", .foldedLine),
    Refusal("blank before the colon", "0\r\nX : y\r\n\r\n", .whitespaceBeforeColon),
    Refusal("request in the trailers", "0\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", .invalidName),
    Refusal("no colon", "0\r\nX\r\n\r\n", .missingColon),
    Refusal("NUL in a trailer", "0\r\nX: \0\r\n\r\n", .invalidValue),
    Refusal("Content-Length", "0\r\nContent-Length: 5\r\n\r\n", .forbiddenTrailer),
    Refusal("Transfer-Encoding", "0\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n", .forbiddenTrailer),
    Refusal("Host", "0\r\nHost: evil\r\n\r\n", .forbiddenTrailer),
    Refusal("101 trailers", "0\r\n" + (0..<101).map { "X\($0): a\r\n" }.joined() + "\r\n", .tooManyTrailers),
    Refusal("trailer of 20,000 bytes", "0\r\nX: " + String(repeating: "a", count: 20_000), .trailersTooLarge),
]
