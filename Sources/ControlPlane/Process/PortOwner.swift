// Who has a port that we wanted: found through the kernel's table of sockets (proc(5), /proc/net/tcp) and the descriptors of
// all processes. Another user's process cannot be looked into; then only the address that takes the port is known.

import Glibc
import Routing

struct PortOwner: Equatable {
    /// The address that is being listened on, such as `0.0.0.0:8080`.
    var address: String
    /// nil if it is not visible.
    var process: String?
    var pid: Int?

    /// It took the port on every address.
    var isEverywhere: Bool { address.hasPrefix("0.0.0.0:") || address.hasPrefix("[::]:") }

    /// `python3 (pid 123) on 0.0.0.0:8080`
    var text: String {
        guard let process, let pid else { return "a process of another user on \(address)" }
        return "\(process) (pid \(pid)) on \(address)"
    }

    /// Whoever keeps us from listening on the address; nil if nobody is found.
    static func find(_ wanted: NetworkAddress) -> PortOwner? {
        guard case .ip(let host, let port) = wanted else { return nil }
        let sockets = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap { path in
            SystemFile.text(path, bytesMax: 64 << 20).map(listening) ?? []
        }
        // One socket for every address is kept from it by a socket on any.
        let everywhere = ["0.0.0.0", "::"]
        let candidates = sockets.filter {
            $0.port == port && ($0.host == host || everywhere.contains($0.host) || everywhere.contains(host))
        }
        guard let socket = candidates.first(where: { $0.host == host }) ?? candidates.first else { return nil }
        var owner = PortOwner(address: NetworkAddress.ip(host: socket.host, port: port).description)
        if let pid = process(with: socket.inode) {
            owner.pid = pid
            owner.process = SystemFile.text("/proc/\(pid)/comm")?.split(separator: "\n").first.map(String.init) ?? "?"
        }
        return owner
    }

    struct Socket: Equatable {
        var host: String
        var port: Int
        var inode: String
    }

    /// The listening sockets (state 0A) of a table in the format of /proc/net/tcp and tcp6.
    static func listening(_ table: String) -> [Socket] {
        table.split(separator: "\n").dropFirst().compactMap { line in
            let words = line.split(separator: " ")
            guard words.count > 9, words[3] == "0A" else { return nil }
            let parts = words[1].split(separator: ":")
            guard parts.count == 2, let port = Int(parts[1], radix: 16), let host = host(parts[0]) else { return nil }
            return Socket(host: host, port: port, inode: String(words[9]))
        }
    }

    /// Addresses are printed as 32-bit words in the machine's byte order.
    private static func host(_ hex: Substring) -> String? {
        var words: [UInt32] = []
        var rest = hex
        while !rest.isEmpty {
            guard let word = UInt32(rest.prefix(8), radix: 16) else { return nil }
            words.append(word)
            rest = rest.dropFirst(8)
        }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family: Int32
        switch words.count {
        case 1: family = AF_INET
        case 4: family = AF_INET6
        default: return nil
        }
        guard inet_ntop(family, words, &text, socklen_t(text.count)) != nil else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func process(with inode: String) -> Int? {
        let link = "socket:[\(inode)]"
        for name in SystemFile.names(in: "/proc") {
            guard let pid = Int(name) else { continue }
            let folder = "/proc/\(pid)/fd"
            for descriptor in SystemFile.names(in: folder)
            where SystemFile.linkTarget("\(folder)/\(descriptor)") == link {
                return pid
            }
        }
        return nil
    }
}
