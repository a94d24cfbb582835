import Glibc
import Testing

@testable import Patterns

@Suite("Matching")
struct ScratchTests {
    /// Fails under backtracking by many orders of magnitude; generous for a debug build on a busy machine.
    @Test(
        "takes time linear in the text",
        arguments: [
            "(a+)+$", "(a*)*c", "(a|a|aa)+$", "(a?){50}a{50}x", "(.*)(.*)(.*)(.*)x", "(?:a|\\ba)+$", "((((a*)*)*)*)*x",
        ])
    func linear(source: String) throws {
        let pattern = try Pattern(source)
        for (length, scratch) in [
            (50_000, PatternScratch()),
            (5_000, PatternScratch(automatonBytes: 1 << 20, scratchBytes: 0)),
        ] {
            let text = [UInt8](repeating: 0x61, count: length) + [0x62]
            let elapsed = ContinuousClock().measure {
                #expect(!matchesWhole(pattern, text, scratch))
                #expect(!find(pattern, text, scratch))
            }
            #expect(elapsed < .seconds(5), "took \(elapsed)")
        }
    }

    @Test("keeps its verdict when the automaton would need too many states")
    func tooManyStates() throws {
        let pattern = try Pattern("[ab]*a[ab]{20}c")
        var state: UInt32 = 1
        let text = (0..<20_000).map { _ -> UInt8 in
            state = state &* 1_664_525 &+ 1_013_904_223
            return state >> 31 == 0 ? 0x61 : 0x62
        }
        let matching = text + [0x61] + [UInt8](repeating: 0x62, count: 20) + [0x63]
        let scratch = PatternScratch()
        for _ in 0..<2 {
            #expect(!matchesWhole(pattern, text, scratch))
            #expect(matchesWhole(pattern, matching, scratch))
            #expect(find(pattern, matching, scratch))
        }
        #expect(scratch.automatonBytes > 100_000, "the text should have filled the automaton")
        #expect(scratch.automatonBytes <= PatternLimits.automatonBytes)
    }

    @Test("stays within the scratch's memory with any number of patterns, and drops unused ones")
    func manyPatterns() throws {
        let limit = 64 << 10
        let scratch = PatternScratch(automatonBytes: 16 << 10, scratchBytes: limit)
        var previous = 0
        var drops = 0
        for index in 0..<3_000 {
            let pattern = try Pattern("/[a-z]+/\(index)")
            #expect(matchesWhole(pattern, Array("/abc/\(index)".utf8), scratch))
            #expect(!matchesWhole(pattern, Array("/abc/x".utf8), scratch))
            #expect(scratch.automatonBytes <= limit)
            if scratch.automatonBytes < previous { drops += 1 }
            previous = scratch.automatonBytes
        }
        #expect(drops > 0, "patterns that were gone should have made room")
    }

    @Test("does not drop the automaton that is running, however often it is refused memory")
    func runsThroughSweeps() throws {
        let letters = Array("abcdefghijklmnopqrst".utf8)
        let source = "(?:" + letters.map { "\(Unicode.Scalar($0))+" }.joined() + ")+!"
        let pattern = try Pattern(source)
        let program = try Program(Parser.parse(source))
        defer { program.deallocate() }
        // Every letter leads to another set, and there is never room for all of them: the automaton is refused memory and
        // emptied again and again. Twenty bytes of a letter are enough for that to be worth it, so that it is never given up.
        let room = Automaton.initialBytes(program)
        let scratch = PatternScratch(automatonBytes: 1 << 20, scratchBytes: room)
        let round = letters.flatMap { [UInt8](repeating: $0, count: 20) }
        let text = Array(repeatElement(round, count: 1_500).joined())
        #expect(!matchesWhole(pattern, text, scratch))
        #expect(scratch.automatonBytes == room)
        #expect(matchesWhole(pattern, text + [0x21], scratch))
        #expect(scratch.automatonBytes == room)
    }

    @Test("leaves the heap as it was once the scratch is warm")
    func heap() throws {
        let patterns = try ["/api/v[0-9]+/users/.*", "(a+)+$", "\\bfoo\\b", "(?i)stra.e", "/literal"].map {
            try Pattern($0)
        }
        let texts = ["/api/v12/users/alice", "/static", "aaab", "a foo b", "STRAßE", "/literal"].map { Array($0.utf8) }
        let scratch = PatternScratch()
        func matchAll() {
            for pattern in patterns {
                for text in texts {
                    _ = matchesWhole(pattern, text, scratch)
                    _ = find(pattern, text, scratch)
                }
            }
        }
        matchAll()
        let automata = scratch.automatonBytes
        // The counter is the process's, so other tests disturb it; one quiet attempt of many proves the point, and
        // even the smallest block per match would add 480 kB to every attempt.
        var grown: [Int] = []
        repeat {
            let before = try Heap.bytesInUse()
            for _ in 0..<500 { matchAll() }
            grown.append(try Heap.bytesInUse() - before)
        } while grown.count < 50 && abs(grown[grown.count - 1]) >= 64 << 10
        #expect(grown.contains { abs($0) < 64 << 10 }, "the heap grew by \(grown) bytes in 30,000 matches each")
        #expect(scratch.automatonBytes == automata)
    }

    @Test("does not confuse patterns that share a scratch")
    func sharedScratch() throws {
        let scratch = PatternScratch()
        for round in 0..<200 {
            let digit = try Pattern("x[0-9]+")
            let letter = try Pattern("x[a-z]+")
            #expect(matchesWhole(digit, Array("x\(round)".utf8), scratch))
            #expect(!matchesWhole(letter, Array("x\(round)".utf8), scratch))
            #expect(find(letter, Array("1xa".utf8), scratch))
            #expect(!find(digit, Array("1xa".utf8), scratch))
        }
    }

    @Test("uses one pattern from many tasks, each with its scratch")
    func concurrent() async throws {
        let pattern = try Pattern("/(?:a|b)+/[0-9]{2,4}")
        let wrong = await withTaskGroup(of: Int.self) { group in
            for task in 0..<8 {
                group.addTask {
                    let scratch = PatternScratch()
                    return (0..<500).count { round in
                        let digits = String(repeating: "7", count: (task + round) % 6)
                        let matches = matchesWhole(pattern, Array("/abba/\(digits)".utf8), scratch)
                        return matches != (2...4).contains(digits.count)
                    }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(wrong == 0)
    }
}

/// What the C library says about its heap.
private enum Heap {
    /// Bytes handed out: everything from the system except what `malloc_info` (glibc) lists as free.
    static func bytesInUse() throws -> Int {
        typealias MallocInfo = @convention(c) (Int32, UnsafeMutablePointer<FILE>) -> Int32
        let mallocInfo = unsafeBitCast(try #require(dlsym(nil, "malloc_info")), to: MallocInfo.self)
        var text: UnsafeMutablePointer<CChar>?
        var count = 0
        let stream = try #require(open_memstream(&text, &count))
        try #require(mallocInfo(0, stream) == 0)
        fclose(stream)
        defer { free(text) }
        let report = String(cString: try #require(text))
        // After the last heap come the sums.
        let sums = report.split(separator: "</heap>").last?.split(separator: "\n") ?? []
        let sizes = ["<system type=\"current\"", "<total type=\"fast\"", "<total type=\"rest\""].map { element in
            let line = sums.first { $0.hasPrefix(element) }
            return line?.split(separator: " size=\"").last.flatMap { Int($0.prefix { $0.isNumber }) }
        }
        return try #require(sizes[0]) - #require(sizes[1]) - #require(sizes[2])
    }
}
