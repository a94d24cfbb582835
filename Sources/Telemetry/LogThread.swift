// The writer thread's loop: take what waits, write what can be written, sleep until something changes.

import Glibc
import Synchronization

/// State of the writer thread; it never leaves it.
struct LogThread {
    let queue: LogQueue
    private var sinks: [LogSink] = []
    private var vectors: [iovec] = []

    /// A write to a pipe that poll calls writable takes this much without blocking, and atomically (POSIX PIPE_BUF).
    private static let pipeBytesMax = 4096
    private static let vectorsMax = 64
    private static let retryDelay: Int64 = 1_000_000_000

    private enum Outcome { case done, blocked, failed(Int32) }

    init(queue: LogQueue) { self.queue = queue }

    mutating func run() {
        // A closed pipe must be an error of the write and not a signal; all others are for the main thread.
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, nil)
        Self.nameThread("log-writer")
        while let deadline = takeWork() {
            var blocked: [LogSink] = []
            for sink in sinks {
                var outcome = attempt(sink)
                if sink.mustReopen {
                    // What waited when the reopening was asked for has just gone to the old file; what that did not take
                    // goes to the new one.
                    reopen(sink)
                    outcome = attempt(sink)
                }
                if case .blocked = outcome { blocked.append(sink) }
            }
            wait(for: blocked, until: deadline)
        }
    }

    /// Writes what the sink's side of the thread holds. A failure is dealt with here.
    private mutating func attempt(_ sink: LogSink) -> Outcome {
        let outcome = write(sink)
        if case .failed(let reason) = outcome { failed(sink, reason) }
        return outcome
    }

    /// Names the calling thread for `top -H` and debuggers.
    private static func nameThread(_ name: StaticString) {
        let descriptor = Glibc.open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        _ = Glibc.write(descriptor, name.utf8Start, name.utf8CodeUnitCount)
        Glibc.close(descriptor)
    }

    /// Moves waiting chunks to the thread. Returns the time at which it must end at the latest (`Int64.max` if it was not
    /// asked to), or nil when it is over.
    private mutating func takeWork() -> Int64? {
        let (list, deadline) = queue.guarded.withLock { guarded -> ([LogSink], Int64?) in
            guarded.state.isAsleep = false
            var isIdle = true
            for sink in guarded.state.sinks {
                if sink.current.isEmpty {
                    swap(&sink.current, &sink.waiting)
                    sink.written = 0
                }
                if sink.isToReopen {
                    (sink.isToReopen, sink.mustReopen) = (false, true)
                    // All of it was handed over before, as far as anybody can tell.
                    sink.current += sink.waiting
                    sink.waiting = []
                }
                if !sink.current.isEmpty { isIdle = false }
            }
            guarded.state.sinks.removeAll { sink in
                guard sink.isClosing, sink.current.isEmpty else { return false }
                if !sink.isInherited { Glibc.close(sink.descriptor) }
                guarded.state.closed.add(sink.counts)
                if guarded.state.files[sink.path]?.sink === sink { guarded.state.files[sink.path] = nil }
                return true
            }
            let deadline = guarded.state.deadline
            if let deadline, isIdle || monotonicNow() >= deadline {
                guarded.state.isStopped = true
                for sink in guarded.state.sinks { Self.giveUp(sink, &guarded.state) }
                return ([], nil)
            }
            return (guarded.state.sinks, deadline ?? .max)
        }
        sinks = list
        return deadline
    }

    // MARK: Writing

    private mutating func write(_ sink: LogSink) -> Outcome {
        guard !sink.current.isEmpty else { return .done }
        guard sink.retryAt == 0 || monotonicNow() >= sink.retryAt else { return .blocked }
        sink.retryAt = 0
        while !sink.current.isEmpty {
            let count: Int
            switch sink.kind {
            case .regular: count = writeVectors(sink)
            case .stream: count = writeSlice(sink)
            case .socket: count = sendSlice(sink)
            }
            if count < 0 {
                let reason = errno
                if reason == EINTR { continue }
                if reason == EAGAIN || reason == EWOULDBLOCK { return .blocked }
                return .failed(reason)
            }
            queue.writes.add(1, ordering: .relaxed)
            advance(sink, by: count)
        }
        return .done
    }

    private mutating func writeVectors(_ sink: LogSink) -> Int {
        vectors.removeAll(keepingCapacity: true)
        for (index, chunk) in sink.current.prefix(Self.vectorsMax).enumerated() {
            let skip = index == 0 ? sink.written : 0
            vectors.append(iovec(iov_base: chunk.base + skip, iov_len: chunk.count - skip))
        }
        return writev(sink.descriptor, vectors, Int32(vectors.count))
    }

    /// Writes what a pipe or terminal takes without blocking the thread, ending with a line where one ends in reach.
    private func writeSlice(_ sink: LogSink) -> Int {
        var entry = pollfd(fd: sink.descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&entry, 1, 0) > 0 else {
            errno = EAGAIN
            return -1
        }
        let chunk = sink.current[0]
        let start = chunk.base + sink.written
        var size = min(chunk.count - sink.written, Self.pipeBytesMax)
        if size == Self.pipeBytesMax {
            let slice = UnsafeBufferPointer(start: start, count: size)
            if let end = slice.lastIndex(of: 10) { size = end + 1 }
        }
        return Glibc.write(sink.descriptor, start, size)
    }

    private func sendSlice(_ sink: LogSink) -> Int {
        let chunk = sink.current[0]
        let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
        return send(sink.descriptor, chunk.base + sink.written, chunk.count - sink.written, flags)
    }

    private func advance(_ sink: LogSink, by count: Int) {
        var rest = count
        var finished = 0
        while finished < sink.current.count {
            let left = sink.current[finished].count - sink.written
            guard rest >= left else { break }
            rest -= left
            sink.written = 0
            finished += 1
        }
        sink.written += rest
        guard finished > 0 else { return }
        queue.guarded.withLock { guarded in
            for chunk in sink.current.prefix(finished) {
                sink.waitingLines &-= UInt64(chunk.lines)
                LogQueue.recycle(chunk, of: sink, &guarded.state)
            }
        }
        sink.current.removeFirst(finished)
    }

    // MARK: Failure

    private func failed(_ sink: LogSink, _ reason: Int32) {
        queue.writeFailures.add(1, ordering: .relaxed)
        queue.guarded.withLock { guarded in
            sink.failures &+= 1
            sink.lastError = reason
            switch reason {
            case EPIPE, EBADF, ECONNRESET, EINVAL, ENOTCONN:
                // The reader is gone; what waits would never be read.
                Self.giveUp(sink, &guarded.state)
            default:
                // A full disk may be emptied: the lines wait, and the bound of the queue decides about later ones.
                sink.retryAt = monotonicNow() &+ Self.retryDelay
            }
        }
    }

    /// Drops everything that waits in one sink. Called under the lock.
    private static func giveUp(_ sink: LogSink, _ state: inout LogQueue.State) {
        var dropped = 0
        for (index, chunk) in sink.current.enumerated() {
            dropped += index == 0 ? unwrittenLines(chunk, from: sink.written) : chunk.lines
        }
        for chunk in sink.waiting { dropped += chunk.lines }
        for chunk in sink.current + sink.waiting { LogQueue.recycle(chunk, of: sink, &state) }
        sink.current = []
        sink.waiting = []
        sink.written = 0
        sink.lines &-= UInt64(dropped)
        sink.dropped &+= UInt64(dropped)
        sink.waitingLines = 0
    }

    /// Records of a chunk that are not wholly written. A text format may hold newlines, the same number in each record.
    private static func unwrittenLines(_ chunk: LogChunk, from written: Int) -> Int {
        guard written > 0 else { return chunk.lines }
        var before = 0
        for index in 0..<written where chunk.base[index] == 10 { before += 1 }
        var after = 0
        for index in written..<chunk.count where chunk.base[index] == 10 { after += 1 }
        let perRecord = max((before + after) / max(chunk.lines, 1), 1)
        return min(chunk.lines, (after + perRecord - 1) / perRecord)
    }

    private func reopen(_ sink: LogSink) {
        sink.mustReopen = false
        guard !sink.isInherited else { return }
        switch LogSink.open(sink.path) {
        case .failure(let error):
            queue.reopenFailures.add(1, ordering: .relaxed)
            queue.guarded.withLock { _ in
                sink.failures &+= 1
                sink.lastError = error.value
            }
        case .success(let (descriptor, kind)):
            Glibc.close(sink.descriptor)
            sink.descriptor = descriptor
            sink.kind = kind
            sink.retryAt = 0
            // A line that the old file took only a part of is written whole to the new one.
            if let chunk = sink.current.first {
                while sink.written > 0, chunk.base[sink.written - 1] != 10 { sink.written -= 1 }
            }
        }
    }

    // MARK: Sleep

    private func wait(for blocked: [LogSink], until deadline: Int64) {
        let sleeps = queue.guarded.withLock { guarded -> Bool in
            let hasWork = guarded.state.sinks.contains { sink in
                sink.isToReopen || sink.isClosing && sink.current.isEmpty
                    || sink.current.isEmpty && !sink.waiting.isEmpty
            }
            let isStopping = guarded.state.deadline != nil && blocked.isEmpty
            guarded.state.isAsleep = !hasWork && !isStopping
            return guarded.state.isAsleep
        }
        guard sleeps else { return }
        var entries = [pollfd(fd: queue.wakeRead, events: Int16(POLLIN), revents: 0)]
        let now = monotonicNow()
        var until = queue.wakeRead >= 0 ? deadline : min(deadline, now &+ 100_000_000)
        for sink in blocked {
            if sink.retryAt != 0 {
                until = min(until, sink.retryAt)
            } else {
                entries.append(pollfd(fd: sink.descriptor, events: Int16(POLLOUT), revents: 0))
            }
        }
        let timeout = until == .max ? -1 : Int32(clamping: max(until &- now, 0) / 1_000_000 &+ 1)
        poll(&entries, nfds_t(entries.count), timeout)
        if entries[0].revents != 0 {
            var scratch = [UInt8](repeating: 0, count: 256)
            while read(queue.wakeRead, &scratch, scratch.count) == scratch.count {}
        }
    }
}
