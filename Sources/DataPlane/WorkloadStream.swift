import Reactor
import Wire

/// One request to a built-in workload.
///
/// Order of life: the request is read to its end → delay → hang, reset or failure → onward calls, one after the other →
/// head → body, at once or in paced chunks, with back-pressure → end. All waiting is done by one timer; nothing blocks the
/// worker. The timer is cancelled before the stream ends, whichever way it ends.
final class WorkloadStream: LocalHandlerStream {
    private enum Phase { case reading, delaying, calling, resetting, sending, waitingForRoom, hanging, over }

    private let workload: Workload
    private var head: HeaderBlock?
    private var overrides: WorkloadOverrides?
    private var complaint: String?
    private var requestBytes: UInt64 = 0
    private var phase = Phase.reading
    private lazy var timer = Timer(owner: self)

    private var call: OnwardCall?
    private var results: [CallResult] = []

    private var text: [UInt8] = []
    private var total = 0
    private var sent = 0
    private var pace: WorkloadPace?

    /// Bytes of a chunk when nothing is paced.
    private static let chunkBytes = 16_384
    /// What one turn of the loop sends at most, so that a reader that is always ready does not starve the others.
    private static let turnBytes = 1_048_576
    /// Time for the head to leave before the connection is reset behind it: a reset throws away what is still queued.
    private static let resetDelay: Int64 = 10_000_000

    init(workload: Workload, worker: Worker) {
        self.workload = workload
        super.init(worker: worker)
    }

    // MARK: The request

    override func requestHead(_ head: HeaderBlock) {
        self.head = head
        do throws(WorkloadOverrides.Invalid) {
            overrides = try WorkloadOverrides(head, settings: workload.settings)
        } catch {
            complaint = error.text
        }
    }

    override func requestBody(_ bytes: UnsafeBufferPointer<UInt8>) { requestBytes &+= UInt64(bytes.count) }

    override func requestEnd() {
        guard let overrides else {
            finish(status: 400, complaint ?? "")
            return
        }
        guard overrides.callDepth < WorkloadOverrides.callDepthMax else {
            finish(status: 508, "\(overrides.settings.name): workloads call each other in a circle")
            return
        }
        let jitter = overrides.settings.jitter.nanoseconds
        let wait =
            overrides.settings.delay.nanoseconds
            &+ (jitter > 0 ? Int64.random(in: 0...jitter, using: &worker.random) : 0)
        if wait > 0 {
            phase = .delaying
            arm(wait)
        } else {
            proceed(overrides)
        }
    }

    private func arm(_ nanoseconds: Int64) { worker.loop.timers.arm(timer, deadline: worker.loop.now &+ nanoseconds) }

    override func timerFired(_ timer: Timer) {
        guard let overrides, isOpen else { return }
        switch phase {
        case .delaying: proceed(overrides)
        case .resetting: breakOff()
        case .sending: send()
        case .reading, .calling, .waitingForRoom, .hanging, .over: break
        }
    }

    // MARK: What happens before an answer

    private func proceed(_ overrides: WorkloadOverrides) {
        let settings = overrides.settings
        if overrides.hang == .beforeHead {
            phase = .hanging
        } else if settings.reset == .beforeHead {
            breakOff()
        } else if settings.failShare > 0, Double.random(in: 0..<1, using: &worker.random) < settings.failShare {
            answer(overrides, status: settings.failStatus, failed: true)
        } else {
            phase = .calling
            callNext(overrides)
        }
    }

    private func callNext(_ overrides: WorkloadOverrides) {
        let calls = overrides.settings.calls.prefix(WorkloadOverrides.callsMax)
        guard results.count < calls.count, let head else {
            answer(overrides, status: overrides.status, failed: false)
            return
        }
        let next = OnwardCall(
            url: calls[results.count], egress: workload.egress, depth: overrides.callDepth + 1, worker: worker)
        call = next
        next.start(for: self, request: head, timeout: overrides.callTimeout)
    }

    func callEnded(_ result: CallResult) {
        call = nil
        guard let overrides, isOpen else { return }
        results.append(result)
        callNext(overrides)
    }

    // MARK: The answer

    private func answer(_ overrides: WorkloadOverrides, status: Int, failed: Bool) {
        guard let head else { return }
        let settings = overrides.settings
        let report = WorkloadReport(
            name: settings.name, head: head, bodyBytes: requestBytes, peer: peer?.remote, calls: results, failed: failed
        )
        let format = overrides.choosesBody ? .body : report.format
        var type: StaticString = "text/plain"
        switch (format, settings.body) {
        case (.json, _):
            type = "application/json"
            text = Array(report.json.utf8)
        case (.text, _): text = Array(report.text.utf8)
        case (.body, _) where failed: text = Array("\(settings.name) fails with \(status)\n".utf8)
        case (.body, .text(let line)): text = Array(report.body(line).utf8)
        case (.body, .bytes(let count)):
            type = "application/octet-stream"
            total = count
        }
        if !text.isEmpty { total = text.count }
        pace = settings.slowBody.map { WorkloadPace($0, total: total) }
        respond(status: status, length: UInt64(total)) { answer in
            answer.add(.contentType, type)
            WorkloadReport.addName(settings.name, to: answer)
        }
        let hasBody = head.method != .head && status != 204 && status != 304
        if !hasBody { total = 0 }
        afterHead(overrides)
    }

    private func afterHead(_ overrides: WorkloadOverrides) {
        guard isOpen else { return }
        if overrides.hang == .afterHead {
            phase = .hanging
        } else if overrides.settings.reset == .afterHead {
            phase = .resetting
            arm(Self.resetDelay)
        } else {
            phase = .sending
            if overrides.cutsBody { total /= 2 }
            if let pace, total > 0 { arm(pace.pause) } else { send() }
        }
    }

    private func send() {
        var turn = 0
        while sent < total {
            if turn >= Self.turnBytes {
                arm(0)
                return
            }
            let count = min(pace?.bytes ?? Self.chunkBytes, Self.chunkBytes, total - sent)
            let hasRoom = writeChunk(count)
            guard isOpen else { return }
            sent += count
            turn += count
            if sent < total, !hasRoom {
                phase = .waitingForRoom
                return
            }
            if let pace, sent < total {
                arm(pace.pause)
                return
            }
        }
        phase = .over
        if overrides?.cutsBody == true { cutShort() } else { end() }
    }

    private func writeChunk(_ count: Int) -> Bool {
        guard text.isEmpty else {
            return text.withUnsafeBufferPointer { write(UnsafeBufferPointer(rebasing: $0[sent..<(sent + count)])) }
        }
        return Self.filler.withUnsafeBufferPointer { write(UnsafeBufferPointer(rebasing: $0[..<count])) }
    }

    private static let filler = [UInt8](repeating: UInt8(ascii: "x"), count: chunkBytes)

    override func writable() {
        guard phase == .waitingForRoom else { return }
        phase = .sending
        if let pace { arm(pace.pause) } else { send() }
    }

    private func finish(status: Int, _ line: String) {
        phase = .over
        answer(status: status, contentType: "text/plain", body: line + "\n")
    }

    private func breakOff() {
        phase = .over
        reset()
    }

    override func cancelled() {
        phase = .over
        worker.loop.timers.cancel(timer)
        call?.cancel()
        call = nil
    }

    deinit { worker.loop.timers.cancel(timer) }
}

/// How a slow body is cut into chunks.
struct WorkloadPace {
    var bytes: Int
    /// Before each chunk, in nanoseconds.
    var pause: Int64

    init(_ slow: Workload.Settings.SlowBody, total: Int) {
        switch slow {
        case .bytesPerSecond(let rate):
            let rate = max(1, rate)
            // Ten chunks a second; at high rates as many as the size of a chunk asks for.
            bytes = min(max(1, rate / 10), 16_384)
            pause = Int64((1e9 * Double(bytes) / Double(rate)).rounded())
        case .chunkDelay(let pause):
            bytes = min(max(1, (total + 7) / 8), 16_384)
            self.pause = pause.nanoseconds
        case .chunks(let bytes, let pause):
            self.bytes = max(1, bytes)
            self.pause = pause.nanoseconds
        }
    }
}
