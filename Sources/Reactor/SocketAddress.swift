import CLinux
import Glibc

/// A socket address of any family the mesh uses: IPv4, IPv6 or unix.
///
/// Kept in the kernel's own form, so that connecting, binding and accepting convert nothing.
@safe public struct SocketAddress: Sendable {
    @usableFromInline var storage: sockaddr_storage
    @usableFromInline var length: socklen_t

    /// An address that stands for nothing yet; the kernel fills it in.
    init() {
        storage = sockaddr_storage()
        length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    }

    /// An IP literal (IPv4, or IPv6 without brackets) and a port of 0...65535; nil if the literal is none.
    public init?(ip: String, port: Int) {
        guard (0...65535).contains(port) else { return nil }
        self.init()
        var v4 = in_addr()
        if unsafe inet_pton(AF_INET, ip, &v4) == 1 {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(UInt16(port).bigEndian)
            address.sin_addr = v4
            unsafe withUnsafeMutableBytes(of: &storage) { unsafe $0.storeBytes(of: address, as: sockaddr_in.self) }
            length = socklen_t(MemoryLayout<sockaddr_in>.size)
            return
        }
        var v6 = in6_addr()
        guard unsafe inet_pton(AF_INET6, ip, &v6) == 1 else { return nil }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = in_port_t(UInt16(port).bigEndian)
        address.sin6_addr = v6
        unsafe withUnsafeMutableBytes(of: &storage) { unsafe $0.storeBytes(of: address, as: sockaddr_in6.self) }
        length = socklen_t(MemoryLayout<sockaddr_in6>.size)
    }

    /// A unix socket path of at most 107 bytes (unix(7)); nil if it is longer or empty.
    public init?(unixPath: String) {
        let bytes = Array(unixPath.utf8)
        guard !bytes.isEmpty, bytes.count < 108 else { return nil }
        self.init()
        unsafe withUnsafeMutableBytes(of: &storage) { raw in
            unsafe raw.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
            for (index, byte) in bytes.enumerated() { unsafe raw[2 + index] = byte }
        }
        length = socklen_t(2 + bytes.count + 1)
    }

    public var family: Int32 { Int32(storage.ss_family) }

    public var isUnix: Bool { family == AF_UNIX }

    /// Port in host order; 0 for a unix socket.
    public var port: Int {
        switch family {
        case AF_INET:
            unsafe withUnsafeBytes(of: storage) {
                unsafe Int(UInt16(bigEndian: $0.load(as: sockaddr_in.self).sin_port))
            }
        case AF_INET6:
            unsafe withUnsafeBytes(of: storage) {
                unsafe Int(UInt16(bigEndian: $0.load(as: sockaddr_in6.self).sin6_port))
            }
        default: 0
        }
    }

    /// The IP literal, or the path of a unix socket.
    public var host: String {
        var text = [CChar](repeating: 0, count: 128)
        switch family {
        case AF_INET:
            var address = unsafe withUnsafeBytes(of: storage) { unsafe $0.load(as: sockaddr_in.self).sin_addr }
            guard unsafe inet_ntop(AF_INET, &address, &text, 128) != nil else { return "?" }
        case AF_INET6:
            var address = unsafe withUnsafeBytes(of: storage) { unsafe $0.load(as: sockaddr_in6.self).sin6_addr }
            guard unsafe inet_ntop(AF_INET6, &address, &text, 128) != nil else { return "?" }
        case AF_UNIX:
            let path = unsafe withUnsafeBytes(of: storage) { raw in
                unsafe raw.dropFirst(2).prefix { $0 != 0 }.map { $0 }
            }
            return String(decoding: path, as: UTF8.self)
        default: return "?"
        }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// `1.2.3.4:80`, `[::1]:80` or the path of a unix socket.
    public var text: String {
        switch family {
        case AF_INET6: "[\(host)]:\(port)"
        case AF_UNIX: host.isEmpty ? "unix" : host
        default: "\(host):\(port)"
        }
    }

    /// The same address with another port.
    public func with(port: Int) -> SocketAddress {
        isUnix ? self : SocketAddress(ip: host, port: port) ?? self
    }

    /// Lends the kernel's form to a system call.
    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        unsafe withUnsafePointer(to: storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
        }
    }

    /// Lets a system call fill in the address.
    mutating func fill(_ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32) -> Int32 {
        length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe withUnsafeMutablePointer(to: &length) { unsafe body(address, $0) }
            }
        }
    }
}
