// What workers and the writer thread share: waiting chunks, counters, recycled buffers, all under one lock that is taken
// once per buffer of lines, never per line.

import Glibc
import Synchronization

/// Bytes of whole lines, owned by whoever holds the value.
struct LogChunk {
    var base: UnsafeMutablePointer<UInt8>
    var count: Int
    var capacity: Int
    var lines: Int
}

/// The queue's side of one file.
///
/// `@unchecked Sendable`: the fields of the first group are touched only under the queue's lock, those of the second only
/// by the writer thread once the sink is in the queue's list.
final class LogSink: @unchecked Sendable {
    enum Kind { case regular, stream, socket }

    // Under the lock.
    var waiting: [LogChunk] = []
    /// Capacity of waiting and current chunks together.
    var heldBytes = 0
    var lines: UInt64 = 0
    var dropped: UInt64 = 0
    var waitingLines: UInt64 = 0
    var failures: UInt64 = 0
    var lastError: Int32 = 0
    var isClosing = false
    var isToReopen = false

    // The writer thread's.
    let path: String
    var descriptor: Int32
    var kind: Kind
    var current: [LogChunk] = []
    /// Bytes of `current[0]` already written.
    var written = 0
    /// After a failure that may pass (full disk), no write before this monotonic time in nanoseconds.
    var retryAt: Int64 = 0
    var mustReopen = false

    init(path: String, descriptor: Int32, kind: Kind) {
        self.path = path
        self.descriptor = descriptor
        self.kind = kind
    }

    /// Called under the lock.
    var counts: LogFile.Counts {
        LogFile.Counts(
            lines: lines, dropped: dropped, waiting: waitingLines, failures: failures, lastError: lastError)
    }

    /// Whether the descriptor is the process's own, which is never closed nor opened anew.
    var isInherited: Bool { Self.inherited(path) != nil }

    /// The descriptor that a path like `/dev/stdout` or `/dev/fd/3` names. Opening such a path would fail for a socket
    /// and start at the front of a file, so the descriptor itself is used.
    static func inherited(_ path: String) -> Int32? {
        switch path {
        case "/dev/stdout": return 1
        case "/dev/stderr": return 2
        default: break
        }
        for prefix in ["/dev/fd/", "/proc/self/fd/"] where path.hasPrefix(prefix) {
            return Int32(path.dropFirst(prefix.count))
        }
        return nil
    }

    /// Opens the path for appending, or returns the error number.
    static func open(_ path: String) -> Result<(Int32, Kind), LogErrno> {
        if let descriptor = inherited(path) {
            guard let kind = kind(of: descriptor) else { return .failure(LogErrno(value: errno)) }
            return .success((descriptor, kind))
        }
        var status = stat()
        var flags = O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK
        // Opened for reading too, a FIFO opens without a reader and never breaks when readers come and go.
        let isFIFO = stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
        flags |= isFIFO ? O_RDWR : O_WRONLY
        var descriptor = Glibc.open(path, flags, 0o644)
        if descriptor < 0, isFIFO, errno == EACCES {
            descriptor = Glibc.open(path, flags & ~O_RDWR | O_WRONLY, 0o644)
        }
        guard descriptor >= 0 else { return .failure(LogErrno(value: errno)) }
        guard let kind = kind(of: descriptor) else {
            let reason = errno
            Glibc.close(descriptor)
            return .failure(LogErrno(value: reason))
        }
        return .success((descriptor, kind))
    }

    private static func kind(of descriptor: Int32) -> Kind? {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return .regular
        case S_IFSOCK: return .socket
        case S_IFDIR:
            errno = EISDIR
            return nil
        default: return .stream
        }
    }
}

extension LogFile.Counts {
    mutating func add(_ other: LogFile.Counts) {
        lines &+= other.lines
        dropped &+= other.dropped
        waiting &+= other.waiting
        failures &+= other.failures
        if other.lastError != 0 { lastError = other.lastError }
    }
}

struct LogErrno: Error { var value: Int32 }

final class LogQueue: Sendable {
    /// System calls of the writer thread over all files: writes that moved bytes, failed writes, failed reopenings.
    let writes = Atomic<UInt64>(0)
    let writeFailures = Atomic<UInt64>(0)
    let reopenFailures = Atomic<UInt64>(0)

    struct State {
        var sinks: [LogSink] = []
        var files: [String: WeakFile] = [:]
        /// Emptied buffers for workers to fill.
        var spare: [LogChunk] = []
        /// Capacity of every chunk that waits or is being written.
        var heldBytes = 0
        var isAsleep = false
        var isStopped = false
        /// Monotonic time in nanoseconds at which the thread ends at the latest; nil while it is not asked to.
        var deadline: Int64?
        var thread: pthread_t?
        /// Counters of sinks that are closed.
        var closed = LogFile.Counts(lines: 0, dropped: 0, waiting: 0, failures: 0, lastError: 0)
    }

    /// The sink tells entries of one path apart without retaining the file, whose end takes the lock.
    struct WeakFile {
        weak var file: LogFile?
        let sink: LogSink
    }

    /// The lock guards values that hold unsafe pointers; each chunk is owned by exactly one list.
    struct Guarded: @unchecked Sendable { var state = State() }

    let guarded = Mutex(Guarded())
    let bytesMax: Int
    /// Read and write end of the pipe that wakes the thread.
    let wakeRead: Int32
    let wakeWrite: Int32

    private static let spareMax = 32
    private static let spareBytesMax = 256 << 10

    init(bytesMax: Int) {
        self.bytesMax = bytesMax
        var ends: [Int32] = [-1, -1]
        // Without a pipe (no descriptors left) the thread falls back to looking every 100 ms.
        if pipe(&ends) != 0 { ends = [-1, -1] }
        for end in ends where end >= 0 {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        wakeRead = ends[0]
        wakeWrite = ends[1]
    }

    deinit {
        if wakeRead >= 0 { Glibc.close(wakeRead) }
        if wakeWrite >= 0 { Glibc.close(wakeWrite) }
        guarded.withLock { guarded in
            for chunk in guarded.state.spare { chunk.base.deallocate() }
            for sink in guarded.state.sinks {
                for chunk in sink.waiting { chunk.base.deallocate() }
                for chunk in sink.current { chunk.base.deallocate() }
                if !sink.isInherited { Glibc.close(sink.descriptor) }
            }
        }
    }

    // MARK: Workers

    func submit(_ buffer: LogBuffer, to sink: LogSink) {
        let wake = guarded.withLock { guarded -> Bool in
            let lines = UInt64(buffer.lines)
            if guarded.state.isStopped {
                sink.dropped &+= lines
                buffer.removeAll()
                return false
            }
            // Small hand-overs, such as those of a timer, share a buffer instead of holding one each.
            if let last = sink.waiting.indices.last,
                sink.waiting[last].capacity - sink.waiting[last].count >= buffer.count
            {
                let target = sink.waiting[last].base + sink.waiting[last].count
                target.update(from: buffer.output.base, count: buffer.count)
                sink.waiting[last].count += buffer.count
                sink.waiting[last].lines += buffer.lines
            } else {
                let size = buffer.output.capacity
                // What one file holds must not exceed what is free: a blocked one leaves room for all others.
                guard sink.heldBytes + size <= bytesMax - guarded.state.heldBytes else {
                    sink.dropped &+= lines
                    buffer.removeAll()
                    return false
                }
                sink.waiting.append(
                    LogChunk(base: buffer.output.base, count: buffer.count, capacity: size, lines: buffer.lines))
                sink.heldBytes += size
                guarded.state.heldBytes += size
                let fresh = guarded.state.spare.popLast()
                buffer.output.base = fresh?.base ?? .allocate(capacity: LogBuffer.initialCapacity)
                buffer.output.capacity = fresh?.capacity ?? LogBuffer.initialCapacity
            }
            buffer.output.count = 0
            buffer.lines = 0
            sink.lines &+= lines
            sink.waitingLines &+= lines
            defer { guarded.state.isAsleep = false }
            return guarded.state.isAsleep
        }
        if wake { wakeThread() }
    }

    func counts(of sink: LogSink) -> LogFile.Counts { guarded.withLock { _ in sink.counts } }

    func totals() -> LogFile.Counts {
        guarded.withLock { guarded in
            guarded.state.sinks.reduce(into: guarded.state.closed) { $0.add($1.counts) }
        }
    }

    // MARK: Control

    func open(_ given: String) throws(LogOpenError) -> LogFile {
        // One writer per descriptor, whatever it is called, or lines of two would be torn apart.
        let path = LogSink.inherited(given).map { "/dev/fd/\($0)" } ?? given
        let result = guarded.withLock { guarded -> Result<LogFile, LogOpenError> in
            if let file = guarded.state.files[path]?.file { return .success(file) }
            switch LogSink.open(path) {
            case .failure(let error):
                return .failure(LogOpenError(path: given, errno: error.value))
            case .success(let (descriptor, kind)):
                let sink = LogSink(path: path, descriptor: descriptor, kind: kind)
                let file = LogFile(path: path, sink: sink, queue: self)
                guarded.state.sinks.append(sink)
                guarded.state.files[path] = WeakFile(file: file, sink: sink)
                return .success(file)
            }
        }
        return try result.get()
    }

    func close(_ sink: LogSink) {
        guarded.withLock { _ in sink.isClosing = true }
        wakeThread()
    }

    func reopen() {
        guarded.withLock { guarded in
            for sink in guarded.state.sinks { sink.isToReopen = true }
        }
        wakeThread()
    }

    func start() {
        let context = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                var thread = LogThread(queue: Unmanaged<LogQueue>.fromOpaque(context).takeRetainedValue())
                thread.run()
                return nil
            }, context.toOpaque())
        if status == 0 {
            guarded.withLock { $0.state.thread = thread }
        } else {
            // No thread: everything is dropped and counted instead of piling up.
            context.release()
            guarded.withLock { $0.state.isStopped = true }
        }
    }

    func stop(within time: Duration) {
        let nanoseconds = time.components.seconds &* 1_000_000_000 &+ time.components.attoseconds / 1_000_000_000
        let thread = guarded.withLock { guarded -> pthread_t? in
            if guarded.state.deadline == nil { guarded.state.deadline = monotonicNow() &+ nanoseconds }
            defer { guarded.state.thread = nil }
            return guarded.state.thread
        }
        wakeThread()
        if let thread { pthread_join(thread, nil) }
    }

    private func wakeThread() {
        var byte: UInt8 = 1
        if wakeWrite >= 0 { _ = write(wakeWrite, &byte, 1) }
    }

    /// Takes a written chunk back. Called under the lock.
    static func recycle(_ chunk: LogChunk, of sink: LogSink, _ state: inout State) {
        sink.heldBytes -= chunk.capacity
        state.heldBytes -= chunk.capacity
        if state.spare.count < spareMax, chunk.capacity <= spareBytesMax {
            state.spare.append(chunk)
        } else {
            chunk.base.deallocate()
        }
    }
}

/// CLOCK_MONOTONIC in nanoseconds.
func monotonicNow() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
}
