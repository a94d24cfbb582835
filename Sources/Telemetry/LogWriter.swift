// The one thread that writes every log file. Workers hand over whole buffers; the thread writes them with whole lines
// only, so that a rotation or another writer of the same file never sees a torn line. The queue is bounded: when a disk is
// full or nobody reads a pipe, lines are dropped and counted, and requests are not delayed.
//
// For every file, always: lines accepted + lines dropped = lines submitted. A sink that blocks does not stop the others:
// pipes, sockets and terminals are written only when poll says so, and a file may hold at most as much of the queue as
// is still free.

import Glibc
import Synchronization

/// A log path that cannot be written.
public struct LogOpenError: Error, Sendable, Equatable, CustomStringConvertible {
    public var path: String
    public var errno: Int32

    public init(path: String, errno: Int32) {
        self.path = path
        self.errno = errno
    }

    public var description: String { "cannot open \(path): \(String(cString: strerror(errno)))" }
}

/// The writer of all log files of the process.
public final class LogWriter: Sendable {
    private let queue: LogQueue

    /// Starts the thread. `queueBytesMax` bounds the memory of all lines that wait, over all files; at least 128 KiB.
    public init(queueBytesMax: Int = 64 << 20) {
        queue = LogQueue(bytesMax: max(queueBytesMax, 128 << 10))
        queue.start()
    }

    deinit { queue.stop(within: .seconds(1)) }

    /// The file at `path`, which is created if needed and appended to. The same path gives the same file while anybody
    /// holds it. `/dev/stdout`, `/dev/stderr` and `/dev/fd/N` are the process's own descriptors. A FIFO is opened even
    /// while nobody reads it.
    public func open(path: String) throws(LogOpenError) -> LogFile {
        try queue.open(path)
    }

    /// Opens every path anew, after a rotation moved the files (SIGUSR1). It returns at once. Lines handed over before go to
    /// the old file, unless it does not take them (a full disk, a pipe that nobody reads); each of them stays whole. A path
    /// that cannot be opened keeps its old file.
    public func reopen() { queue.reopen() }

    /// Counters of all files, closed ones included (`filesystem.*` and `access_log.*` in the statistics).
    public var totals: LogFile.Counts { queue.totals() }

    /// What the writer thread did since its start, over all files (`filesystem.*`).
    public struct Activity: Sendable, Equatable {
        /// Writes that moved bytes.
        public var writes: UInt64
        public var writeFailures: UInt64
        public var reopenFailures: UInt64
    }

    public var activity: Activity {
        Activity(
            writes: queue.writes.load(ordering: .relaxed), writeFailures: queue.writeFailures.load(ordering: .relaxed),
            reopenFailures: queue.reopenFailures.load(ordering: .relaxed))
    }

    /// Writes what waits and ends the thread. What a blocked sink did not take `within` the time is dropped and counted;
    /// so is everything submitted later.
    public func flushAndStop(within time: Duration = .seconds(5)) { queue.stop(within: time) }
}

extension LogWriter {
    /// Whether a log of this path goes to standard output: `/dev/stdout`, `/dev/fd/1`, `/proc/self/fd/1`.
    public static func isStandardOutput(_ path: String) -> Bool { LogSink.inherited(path) == 1 }
}

/// One log file, shared by all workers and proxies that name its path.
public final class LogFile: Sendable {
    public let path: String
    let sink: LogSink
    private let queue: LogQueue

    init(path: String, sink: LogSink, queue: LogQueue) {
        self.path = path
        self.sink = sink
        self.queue = queue
    }

    deinit { queue.close(sink) }

    /// Hands the buffer's lines over and leaves it empty. When the queue is full they are dropped and counted.
    public func submit(_ buffer: LogBuffer) {
        guard buffer.lines > 0 else { return }
        queue.submit(buffer, to: sink)
    }

    public struct Counts: Sendable, Equatable {
        /// Lines accepted: written, or waiting to be.
        public var lines: UInt64
        /// Lines given up because the queue was full, the sink was gone or the process ended.
        public var dropped: UInt64
        /// Lines among `lines` that still wait.
        public var waiting: UInt64
        /// Failed writes and failed reopenings.
        public var failures: UInt64
        /// The error number of the last of them; 0 if there was none.
        public var lastError: Int32

        public init(lines: UInt64, dropped: UInt64, waiting: UInt64, failures: UInt64, lastError: Int32) {
            self.lines = lines
            self.dropped = dropped
            self.waiting = waiting
            self.failures = failures
            self.lastError = lastError
        }
    }

    /// All counters at one moment.
    public var counts: Counts { queue.counts(of: sink) }
    public var lines: UInt64 { counts.lines }
    public var dropped: UInt64 { counts.dropped }
}
