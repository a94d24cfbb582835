import Glibc
import Synchronization
import Testing

@testable import Reactor

@Suite struct EventLoopTests {
    /// Runs a loop on this thread until `stop`, with a guard timer so that a broken loop fails instead of hanging.
    final class Guard: Handler {
        let loop: EventLoop
        var expired = false
        lazy var timer = Timer(owner: self)
        init(_ loop: EventLoop) { self.loop = loop }
        override func timerFired(_ timer: Timer) {
            expired = true
            loop.stop()
        }
    }

    func run(_ loop: EventLoop) {
        let limit = Guard(loop)
        loop.timers.arm(limit.timer, deadline: loop.now + 5_000_000_000)
        loop.run()
        loop.timers.cancel(limit.timer)
        #expect(!limit.expired)
    }

    @Test func jobsPostedByOtherThreadsRunInTheirOrder() throws {
        let loop = try EventLoop()
        let seen = Mutex<[Int]>([])
        let mailbox = loop.mailbox
        nonisolated(unsafe) let unsafeLoop = loop
        var thread = pthread_t()
        let box = Unmanaged.passRetained(
            Box {
                for index in 0..<1_000 { mailbox.post { seen.withLock { $0.append(index) } } }
                mailbox.post { unsafeLoop.stop() }
            })
        pthread_create(
            &thread, nil,
            {
                Unmanaged<Box>.fromOpaque($0!).takeRetainedValue().body(); return nil
            }, box.toOpaque())
        run(loop)
        pthread_join(thread, nil)
        #expect(seen.withLock { $0 } == Array(0..<1_000))
    }

    final class Box {
        let body: @Sendable () -> Void; init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    final class Reader: Handler {
        let loop: EventLoop
        let fd: Int32
        var bytes: [UInt8] = []
        var ended = false
        init(_ loop: EventLoop, _ fd: Int32) {
            self.loop = loop
            self.fd = fd
        }
        override func ready(_ events: ReadyEvents) {
            var space = [UInt8](repeating: 0, count: 64)
            while true {
                switch space.withUnsafeMutableBytes({ SocketOperations.receive(fd, into: $0) }) {
                case .bytes(let count): bytes += space[..<count]
                case .endOfStream:
                    ended = true
                    loop.stop()
                    return
                case .wouldBlock, .failed: return
                }
            }
        }
    }

    @Test func aReadableDescriptorWakesItsHandlerAndItsEndIsSeen() throws {
        let loop = try EventLoop()
        var pair: [Int32] = [0, 0]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
        let reader = Reader(loop, pair[0])
        _ = fcntl(pair[0], F_SETFL, O_NONBLOCK)
        try loop.add(reader, fd: pair[0])
        _ = write(pair[1], "hello", 5)
        close(pair[1])
        run(loop)
        #expect(String(decoding: reader.bytes, as: UTF8.self) == "hello")
        #expect(reader.ended)
        loop.remove(reader)
        close(pair[0])
    }

    final class Removing: Handler {
        let loop: EventLoop
        var victims: [Removing] = []
        var calls = 0
        init(_ loop: EventLoop) { self.loop = loop }
        override func ready(_ events: ReadyEvents) {
            calls += 1
            for victim in victims { loop.remove(victim) }
            victims = []
            loop.callAfterEvent(self)
        }
        override func afterEvent() { loop.stop() }
    }

    @Test func aHandlerRemovedInTheSameTurnGetsNoStaleEvent() throws {
        let loop = try EventLoop()
        var first: [Int32] = [0, 0]
        var second: [Int32] = [0, 0]
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &first)
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &second)
        defer { for fd in first + second { close(fd) } }
        let a = Removing(loop)
        let b = Removing(loop)
        a.victims = [b]
        b.victims = [a]
        _ = write(first[1], "x", 1)
        _ = write(second[1], "x", 1)
        try loop.add(a, fd: first[0])
        try loop.add(b, fd: second[0])
        run(loop)
        // Both were ready in one turn; whoever came first took the other out.
        #expect(a.calls + b.calls == 1)
    }

    /// Puts itself off again and again, until told to stop; alone it would hold the loop for ever.
    final class Busy: Handler {
        let loop: EventLoop
        var rounds = 0
        init(_ loop: EventLoop) { self.loop = loop }
        override func afterEvent() {
            rounds += 1
            // Ends a loop that is never left, so that the test fails instead of hanging.
            if rounds < 10_000_000 { loop.callAfterEvent(self) }
        }
        override func timerFired(_ timer: Timer) { loop.stop() }
    }

    @Test func handlersThatKeepEachOtherBusyDoNotKeepOthersWaiting() throws {
        let loop = try EventLoop()
        let handlers = [Busy(loop), Busy(loop)]
        for handler in handlers { loop.callAfterEvent(handler) }
        let timer = Timer(owner: handlers[0])
        loop.timers.arm(timer, deadline: loop.now + 2_000_000)
        run(loop)
        #expect(handlers.allSatisfy { (1..<10_000_000).contains($0.rounds) })
    }

    @Test func addressesRoundTripThroughTheKernelsForm() throws {
        for (ip, port, text) in [
            ("127.0.0.1", 80, "127.0.0.1:80"), ("::1", 8080, "[::1]:8080"), ("127.200.3.4", 65535, "127.200.3.4:65535"),
        ] {
            let address = try #require(SocketAddress(ip: ip, port: port))
            #expect(address.text == text)
            #expect(address.host == ip)
            #expect(address.port == port)
        }
        let unix = try #require(SocketAddress(unixPath: "/tmp/some.sock"))
        #expect(unix.text == "/tmp/some.sock")
        #expect(SocketAddress(ip: "localhost", port: 80) == nil)
        #expect(SocketAddress(ip: "127.0.0.1", port: 65_536) == nil)
        #expect(SocketAddress(unixPath: String(repeating: "x", count: 108)) == nil)
    }
}
