import CLinux
import Glibc

/// A system call that failed: what was tried and the error number.
public struct SystemError: Error, Sendable, CustomStringConvertible {
    public let operation: String
    public let code: Int32

    public init(_ operation: String, code: Int32 = errno) {
        self.operation = operation
        self.code = code
    }

    public var description: String { unsafe "\(operation): \(String(cString: strerror(code)))" }
    public var isAddressInUse: Bool { code == EADDRINUSE }
    public var isPermission: Bool { code == EACCES || code == EPERM }
    public var isAddressNotAvailable: Bool { code == EADDRNOTAVAIL }
    public var isOutOfDescriptors: Bool { code == EMFILE || code == ENFILE }
}

/// What a receive or send came to.
public enum Transfer: Equatable, Sendable {
    /// Bytes moved; more than zero.
    case bytes(Int)
    /// Nothing can move now.
    case wouldBlock
    /// The peer finished sending (receive only).
    case endOfStream
    /// The connection is broken; the error number.
    case failed(Int32)
}

/// An open descriptor, closed exactly once: when this value ends.
public struct Socket: ~Copyable {
    public let fd: Int32

    /// Takes over an open descriptor.
    public init(owning fd: Int32) { self.fd = fd }

    deinit { _ = Glibc.close(fd) }

    /// A non-blocking stream socket that is not inherited.
    public init(family: Int32) throws(SystemError) {
        let fd = clinux_stream_socket(family)
        guard fd >= 0 else { throw SystemError("socket") }
        self.fd = fd
    }

    /// Gives the descriptor away; the caller closes it.
    public consuming func release() -> Int32 {
        let fd = self.fd
        discard self
        return fd
    }
}

/// Socket operations on a descriptor number. They own nothing.
public enum SocketOperations {
    public static func setOption(_ fd: Int32, _ level: Int32, _ name: Int32, _ value: Int32) throws(SystemError) {
        var value = value
        guard unsafe setsockopt(fd, level, name, &value, socklen_t(MemoryLayout<Int32>.size)) == 0 else {
            throw SystemError("setsockopt")
        }
    }

    public static func setNoDelay(_ fd: Int32) {
        // Fails on unix sockets, where there is nothing to delay.
        try? setOption(fd, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    }

    /// The next close sends a reset instead of an orderly end.
    public static func resetOnClose(_ fd: Int32) {
        var option = linger(l_onoff: 1, l_linger: 0)
        _ = unsafe setsockopt(fd, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    public static func bind(_ fd: Int32, to address: SocketAddress) throws(SystemError) {
        let result = unsafe address.withPointer { unsafe clinux_bind(fd, $0, $1) }
        guard result == 0 else { throw SystemError("bind \(address.text)") }
    }

    public static func listen(_ fd: Int32, backlog: Int32) throws(SystemError) {
        guard Glibc.listen(fd, backlog) == 0 else { throw SystemError("listen") }
    }

    /// Starts connecting; true when the connection stands already.
    public static func connect(_ fd: Int32, to address: SocketAddress) throws(SystemError) -> Bool {
        let result = unsafe address.withPointer { unsafe clinux_connect(fd, $0, $1) }
        if result == 0 { return true }
        // EAGAIN is no progress: a full backlog of a unix socket, or no free port; no event would follow.
        if errno == EINPROGRESS { return false }
        throw SystemError("connect \(address.text)")
    }

    /// The pending error of a connection attempt; 0 means it succeeded.
    public static func pendingError(_ fd: Int32) -> Int32 {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &length) == 0 else { return errno }
        return value
    }

    /// Takes the next connection; nil when none waits. `ECONNABORTED` and the like count as none.
    public static func accept(_ fd: Int32, peer: inout SocketAddress) throws(SystemError) -> Int32? {
        while true {
            let accepted = unsafe peer.fill { unsafe clinux_accept(fd, $0, $1) }
            if accepted >= 0 { return accepted }
            switch errno {
            case EINTR: continue
            // Linux reports errors of the new connection here (accept(2)): they are nobody's fault but the peer's.
            case EAGAIN, ECONNABORTED, EPROTO, ENETDOWN, ENETUNREACH, EHOSTUNREACH, EPERM: return nil
            default: throw SystemError("accept")
            }
        }
    }

    public static func localAddress(_ fd: Int32) -> SocketAddress {
        var address = SocketAddress()
        _ = unsafe address.fill { unsafe clinux_getsockname(fd, $0, $1) }
        return address
    }

    public static func emptyAddress() -> SocketAddress { SocketAddress() }

    public static func receive(_ fd: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        while true {
            let count = unsafe recv(fd, buffer.baseAddress, buffer.count, 0)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .endOfStream }
            if errno == EINTR { continue }
            return errno == EAGAIN ? .wouldBlock : .failed(errno)
        }
    }

    public static func send(_ fd: Int32, _ bytes: UnsafeRawBufferPointer) -> Transfer {
        while true {
            let count = unsafe clinux_send(fd, bytes.baseAddress, bytes.count)
            if count >= 0 { return .bytes(count) }
            if errno == EINTR { continue }
            return errno == EAGAIN ? .wouldBlock : .failed(errno)
        }
    }

    /// Sends two runs of bytes with one call.
    public static func send(_ fd: Int32, _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Transfer
    {
        while true {
            let count = unsafe clinux_send2(fd, first.baseAddress, first.count, second.baseAddress, second.count)
            if count >= 0 { return .bytes(count) }
            if errno == EINTR { continue }
            return errno == EAGAIN ? .wouldBlock : .failed(errno)
        }
    }

    /// No more bytes will be sent; the peer reads an orderly end.
    public static func shutdownSending(_ fd: Int32) { _ = shutdown(fd, Int32(SHUT_WR)) }
}
