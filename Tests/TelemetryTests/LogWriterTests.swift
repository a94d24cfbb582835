import Foundation
import Glibc
import Synchronization
import Telemetry
import Testing

/// A directory of its own, gone at the end.
final class Scratch: Sendable {
    let path: String
    init() {
        path = NSTemporaryDirectory() + "telemetry-\(UUID().uuidString)"
        mkdir(path, 0o755)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }
    func file(_ name: String) -> String { "\(path)/\(name)" }
}

/// Waits for a condition; false when the deadline passes first.
func eventually(within seconds: Double = 20, _ condition: () -> Bool) -> Bool {
    let deadline = Date().addingTimeInterval(seconds)
    while !condition() {
        if Date() > deadline { return false }
        sched_yield()
    }
    return true
}

private func read(_ path: String) -> [UInt8] { FileManager.default.contents(atPath: path).map(Array.init) ?? [] }

private func lines(_ path: String) -> [String] {
    String(decoding: read(path), as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        .dropLast().map(String.init)
}

/// Runs `count` threads and waits for all of them.
private func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let threads = (0..<count).map { index in
        let done = DispatchSemaphore(value: 0)
        Thread {
            body(index)
            done.signal()
        }.start()
        return done
    }
    for done in threads { done.wait() }
}

@Suite struct LogWriting {
    @Test func whatIsSubmittedIsInTheFileAfterAFlush() throws {
        let scratch = Scratch()
        let writer = LogWriter()
        let file = try writer.open(path: scratch.file("a.log"))
        let buffer = LogBuffer()
        AccessLogFormat.standard.append(goldenRecord(), to: buffer)
        buffer.append(line: "second")
        file.submit(buffer)
        #expect(buffer.isEmpty && buffer.lines == 0)
        file.submit(buffer)
        buffer.append(line: "third")
        file.submit(buffer)
        writer.flushAndStop()
        #expect(lines(scratch.file("a.log")).count == 3)
        #expect(lines(scratch.file("a.log")).suffix(2) == ["second", "third"])
        #expect(file.counts == LogFile.Counts(lines: 3, dropped: 0, waiting: 0, failures: 0, lastError: 0))
        #expect(writer.totals == file.counts)
    }

    @Test func anExistingFileIsAppendedTo() throws {
        let scratch = Scratch()
        FileManager.default.createFile(atPath: scratch.file("a.log"), contents: Data("old\n".utf8))
        let writer = LogWriter()
        let file = try writer.open(path: scratch.file("a.log"))
        let buffer = LogBuffer()
        buffer.append(line: "new")
        file.submit(buffer)
        writer.flushAndStop()
        #expect(lines(scratch.file("a.log")) == ["old", "new"])
    }

    @Test func onePathIsOneFileWhileItIsHeld() throws {
        let scratch = Scratch()
        let writer = LogWriter()
        var first: LogFile? = try writer.open(path: scratch.file("a.log"))
        let second = try writer.open(path: scratch.file("a.log"))
        #expect(first === second)
        #expect(try writer.open(path: scratch.file("b.log")) !== second)
        #expect(try writer.open(path: "/dev/stdout") === writer.open(path: "/dev/stdout"))
        // A descriptor has one writer under all its names.
        #expect(try writer.open(path: "/dev/stdout") === writer.open(path: "/dev/fd/1"))
        #expect(try writer.open(path: "/proc/self/fd/1") === writer.open(path: "/dev/fd/1"))
        #expect(try writer.open(path: "/dev/stderr") !== writer.open(path: "/dev/stdout"))
        let buffer = LogBuffer()
        buffer.append(line: "x")
        first?.submit(buffer)
        first = nil
        #expect(second.lines == 1)
        writer.flushAndStop()
    }

    @Test func aFileThatNobodyHoldsIsWrittenAndClosed() throws {
        let scratch = Scratch()
        let writer = LogWriter()
        func descriptors() -> Int {
            let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
            return all.filter {
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)"))?
                    .hasPrefix(scratch.path) == true
            }.count
        }
        do {
            let file = try writer.open(path: scratch.file("a.log"))
            let buffer = LogBuffer()
            buffer.append(line: "last words")
            file.submit(buffer)
            #expect(descriptors() == 1)
        }
        #expect(eventually { descriptors() == 0 })
        #expect(lines(scratch.file("a.log")) == ["last words"])
        #expect(writer.totals.lines == 1)
        writer.flushAndStop()
    }

    @Test(arguments: [("/nowhere/a.log", ENOENT), ("/tmp", EISDIR), ("/dev/null/x", ENOTDIR)])
    func aPathThatCannotBeOpenedSaysWhy(_ path: String, _ reason: Int32) {
        let writer = LogWriter()
        let error = #expect(throws: LogOpenError.self) { try writer.open(path: path) }
        #expect(error == LogOpenError(path: path, errno: reason))
        #expect(error.map { "\($0)".contains(path) } == true)
        writer.flushAndStop()
    }

    @Test func concurrentWorkersLoseAndMixNothing() throws {
        let scratch = Scratch()
        let writer = LogWriter()
        let file = try writer.open(path: scratch.file("a.log"))
        onThreads(4) { worker in
            let buffer = LogBuffer()
            for index in 0..<20_000 {
                buffer.append(line: "worker \(worker) line \(index) \(String(repeating: "x", count: index % 300))")
                if buffer.count >= 32 << 10 { file.submit(buffer) }
            }
            file.submit(buffer)
        }
        writer.flushAndStop()
        #expect(file.counts == LogFile.Counts(lines: 80_000, dropped: 0, waiting: 0, failures: 0, lastError: 0))
        var next = [0, 0, 0, 0]
        for line in lines(scratch.file("a.log")) {
            let words = line.split(separator: " ")
            guard words.count >= 4, let worker = Int(words[1]), let index = Int(words[3]) else {
                Issue.record("torn line: \(line)")
                return
            }
            #expect(next[worker] == index)
            next[worker] = index + 1
        }
        #expect(next == [20_000, 20_000, 20_000, 20_000])
    }

    @Test func aBlockedPipeDropsAndCountsWithoutHoldingUpWorkersOrOtherFiles() throws {
        let scratch = Scratch()
        try #require(mkfifo(scratch.file("pipe"), 0o644) == 0)
        let writer = LogWriter(queueBytesMax: 1 << 20)
        let pipe = try writer.open(path: scratch.file("pipe"))
        let disk = try writer.open(path: scratch.file("disk.log"))
        let submitted = Atomic<Int>(0)
        let violations = Atomic<Int>(0)
        onThreads(4) { worker in
            let buffer = LogBuffer()
            for index in 0..<20_000 {
                buffer.append(line: "worker \(worker) line \(index) \(String(repeating: "y", count: 100))")
                guard buffer.lines == 200 else { continue }
                pipe.submit(buffer)
                submitted.add(200, ordering: .sequentiallyConsistent)
                // Other threads may have submitted more by now, never less.
                let before = submitted.load(ordering: .sequentiallyConsistent)
                let counts = pipe.counts
                if counts.lines + counts.dropped < UInt64(before) {
                    violations.add(1, ordering: .relaxed)
                }
                buffer.append(line: "disk \(worker) \(index)")
                disk.submit(buffer)
            }
        }
        #expect(violations.load(ordering: .relaxed) == 0)
        let counts = pipe.counts
        #expect(counts.lines + counts.dropped == 80_000)
        #expect(counts.dropped > 0 && counts.waiting > 0)
        #expect(eventually { disk.counts.waiting == 0 })
        #expect(disk.counts.dropped == 0)
        #expect(lines(scratch.file("disk.log")).count == 400)

        // A reader appears: what was accepted arrives, whole and in order.
        let reader = open(scratch.file("pipe"), O_RDONLY | O_NONBLOCK)
        try #require(reader >= 0)
        defer { close(reader) }
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        #expect(
            eventually {
                let size = Glibc.read(reader, &chunk, chunk.count)
                if size > 0 { text += chunk[..<size] }
                return size <= 0 && pipe.counts.waiting == 0
            })
        let received = text.split(separator: 10)
        #expect(UInt64(received.count) == pipe.lines)
        #expect(received.allSatisfy { $0.starts(with: utf8("worker ")) && $0.suffix(100).allSatisfy { $0 == 0x79 } })
        writer.flushAndStop()
        #expect(pipe.lines + pipe.dropped == 80_000)
    }

    @Test func stoppingWithABlockedSinkEndsInTimeAndCountsTheRest() throws {
        let scratch = Scratch()
        try #require(mkfifo(scratch.file("pipe"), 0o644) == 0)
        let writer = LogWriter()
        let pipe = try writer.open(path: scratch.file("pipe"))
        let buffer = LogBuffer()
        for index in 0..<5000 { buffer.append(line: "line \(index) \(String(repeating: "z", count: 100))") }
        pipe.submit(buffer)
        let start = Date()
        writer.flushAndStop(within: .milliseconds(50))
        #expect(Date().timeIntervalSince(start) < 10)
        let counts = pipe.counts
        #expect(counts.waiting == 0)
        #expect(counts.dropped > 0)
        #expect(counts.lines + counts.dropped == 5000)
        // What counts as written is in the pipe, whole.
        let reader = open(scratch.file("pipe"), O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        var text = [UInt8](repeating: 0, count: 1 << 20)
        let size = Glibc.read(reader, &text, text.count)
        #expect(UInt64(text[..<max(size, 0)].filter { $0 == 10 }.count) == counts.lines)

        buffer.append(line: "too late")
        pipe.submit(buffer)
        #expect(pipe.dropped == counts.dropped + 1)
        writer.flushAndStop()
    }

    @Test func linesOfBeforeAReopeningGoToTheOldFile() throws {
        let scratch = Scratch()
        let writer = LogWriter()
        let path = scratch.file("a.log")
        let file = try writer.open(path: path)
        let buffer = LogBuffer()
        for rotation in 0..<200 {
            buffer.append(line: "before \(rotation)")
            rename(path, scratch.file("a.log.\(rotation)"))
            file.submit(buffer)
            writer.reopen()
            try #require(eventually { FileManager.default.fileExists(atPath: path) })
        }
        writer.flushAndStop()
        let wrong = (0..<200).filter { lines(scratch.file("a.log.\($0)")) != ["before \($0)"] }
        #expect(wrong.isEmpty)
        #expect(read(path).isEmpty)
    }

    @Test func rotationUnderLoadLosesAndTearsNothing() throws {
        let scratch = Scratch()
        let writer = LogWriter()
        let path = scratch.file("a.log")
        let file = try writer.open(path: path)
        let rotations = 20
        let isDone = Atomic(false)
        let worker = Thread {
            let buffer = LogBuffer()
            var index = 0
            while !isDone.load(ordering: .relaxed) || index < 1000 {
                buffer.append(line: "line \(index) \(String(repeating: "r", count: index % 500)) end")
                index += 1
                if index % 7 == 0 { file.submit(buffer) }
            }
            file.submit(buffer)
            isDone.store(false, ordering: .releasing)
        }
        worker.start()
        for rotation in 0..<rotations {
            #expect(eventually { !read(path).isEmpty })
            rename(path, scratch.file("a.log.\(rotation)"))
            writer.reopen()
            #expect(eventually { FileManager.default.fileExists(atPath: path) })
        }
        isDone.store(true, ordering: .relaxed)
        #expect(eventually { !isDone.load(ordering: .acquiring) })
        writer.flushAndStop()
        var index = 0
        for name in (0..<rotations).map({ "a.log.\($0)" }) + ["a.log"] {
            let bytes = read(scratch.file(name))
            #expect(bytes.isEmpty || bytes.last == 10)
            for line in lines(scratch.file(name)) {
                #expect(line.hasPrefix("line \(index) ") && line.hasSuffix(" end"))
                index += 1
            }
        }
        #expect(UInt64(index) == file.lines)
        #expect(file.dropped == 0)
    }

    @Test func aRotationThatFailsKeepsTheOldFile() throws {
        let scratch = Scratch()
        mkdir(scratch.file("sub"), 0o755)
        let writer = LogWriter()
        let file = try writer.open(path: scratch.file("sub/a.log"))
        rename(scratch.file("sub"), scratch.file("moved"))
        writer.reopen()
        #expect(eventually { file.counts.failures == 1 })
        #expect(file.counts.lastError == ENOENT)
        let buffer = LogBuffer()
        buffer.append(line: "still here")
        file.submit(buffer)
        writer.flushAndStop()
        #expect(lines(scratch.file("moved/a.log")) == ["still here"])
    }

    @Test func aFullDiskKeepsLinesWaitingAndLosesNoneThatWereAccepted() throws {
        // /dev/full fails every write with ENOSPC.
        let writer = LogWriter(queueBytesMax: 256 << 10)
        let file = try writer.open(path: "/dev/full")
        let buffer = LogBuffer()
        var submitted: UInt64 = 0
        for _ in 0..<20 {
            for index in 0..<100 { buffer.append(line: "line \(index) \(String(repeating: "f", count: 300))") }
            submitted += UInt64(buffer.lines)
            file.submit(buffer)
        }
        #expect(eventually { file.counts.failures > 0 })
        #expect(file.counts.lastError == ENOSPC)
        #expect(file.counts.waiting > 0)
        #expect(file.lines + file.dropped == submitted)
        writer.flushAndStop(within: .milliseconds(10))
        #expect(file.counts.waiting == 0)
        #expect(file.lines == 0)
        #expect(file.dropped == submitted)
    }

    @Test func aReaderThatGoesAwayDoesNotEndTheProcess() throws {
        // The reading end is closed, as when a log shipper on standard output dies: an error and not a signal.
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        let writer = LogWriter()
        let file = try writer.open(path: "/dev/fd/\(ends[1])")
        defer { close(ends[1]) }
        close(ends[0])
        let buffer = LogBuffer()
        buffer.append(line: "nobody reads this")
        file.submit(buffer)
        #expect(eventually { file.dropped == 1 })
        #expect(file.counts.lastError == EPIPE)
        #expect(file.lines == 0)
        writer.flushAndStop()
    }

    @Test func manySmallHandOversShareBuffers() throws {
        // Each hand-over holds a 64 KiB buffer; without sharing, four of them would fill this queue.
        let scratch = Scratch()
        try #require(mkfifo(scratch.file("pipe"), 0o644) == 0)
        let writer = LogWriter(queueBytesMax: 512 << 10)
        let file = try writer.open(path: scratch.file("pipe"))
        let buffer = LogBuffer()
        for index in 0..<1500 {
            buffer.append(line: "a line of about one hundred bytes \(index) \(String(repeating: "s", count: 60))")
            file.submit(buffer)
        }
        #expect(file.dropped == 0)
        #expect(file.lines == 1500)
        writer.flushAndStop(within: .zero)
        #expect(file.lines + file.dropped == 1500)
    }

    @Test func aLineLongerThanABufferIsKeptWhole() throws {
        let scratch = Scratch()
        let writer = LogWriter()
        let file = try writer.open(path: scratch.file("a.log"))
        let buffer = LogBuffer()
        let record = goldenRecord(requestHead("GET", "/" + String(repeating: "p", count: 300_000)))
        AccessLogFormat.standard.append(record, to: buffer)
        #expect(buffer.count > 300_000)
        file.submit(buffer)
        writer.flushAndStop()
        #expect(lines(scratch.file("a.log")).map(\.utf8.count) == [AccessLogFormat.standard.line(record).utf8.count])
    }
}
