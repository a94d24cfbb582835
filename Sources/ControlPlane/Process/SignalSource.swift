// Signals as events of the control thread's loop, through signalfd(2). They are blocked for the whole process before any
// other thread exists, because threads inherit the mask and an unblocked thread would take the signal's default action.

import CLinux
import Glibc
import Reactor

final class SignalSource: Handler {
    enum Event: Sendable, Equatable { case reload, reopenLogs, stop }

    private let descriptor: Int32
    private let report: (Event) -> Void

    private static let signals: [(number: Int32, event: Event)] = [
        (SIGHUP, .reload), (SIGUSR1, .reopenLogs), (SIGTERM, .stop), (SIGINT, .stop),
    ]

    /// Blocks the signals for this thread and all that it starts from now on.
    static func block() {
        var set = mask
        pthread_sigmask(SIG_BLOCK, &set, nil)
        // A peer that closed shows in the result of a send; a closed standard output in that of a write.
        signal(SIGPIPE, SIG_IGN)
    }

    private static var mask: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal.number) }
        return set
    }

    init(loop: EventLoop, report: @escaping (Event) -> Void) throws(SystemError) {
        var set = Self.mask
        descriptor = signalfd(-1, &set, Int32(SFD_NONBLOCK) | Int32(SFD_CLOEXEC))
        guard descriptor >= 0 else { throw SystemError("signalfd") }
        self.report = report
        super.init()
        try loop.add(self, fd: descriptor, accepting: true)
    }

    deinit { close(descriptor) }

    override func ready(_ events: ReadyEvents) {
        var info = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        while read(descriptor, &info, size) == size {
            let number = Int32(bitPattern: info.ssi_signo)
            if let signal = Self.signals.first(where: { $0.number == number }) { report(signal.event) }
        }
    }
}
