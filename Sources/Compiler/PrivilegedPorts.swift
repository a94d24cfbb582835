// Ports that this process may not open. A port below the limit is opened at port + 8000 instead (design section 6: 80 becomes
// 8080). Both sides must agree: the listener falls back, and every proxy that calls it goes to the port where it really is,
// so the limit is one value for the whole compilation.

import Glibc

public enum PrivilegedPorts {
    /// Added to a port that cannot be opened.
    static let offset = 8000

    /// The first port this process may open: 0 with the capability `CAP_NET_BIND_SERVICE`, otherwise what the system says
    /// (`net.ipv4.ip_unprivileged_port_start`), 1024 where it does not say.
    public static func firstUnprivilegedPort() -> Int {
        if hasBindCapability() { return 0 }
        let text = firstLine(of: "/proc/sys/net/ipv4/ip_unprivileged_port_start", startingWith: "")
        return text.flatMap { Int($0) } ?? 1024
    }

    /// Bit 10 of the effective set (capabilities(7)).
    private static func hasBindCapability() -> Bool {
        guard let line = firstLine(of: "/proc/self/status", startingWith: "CapEff:"),
            let hex = line.split(whereSeparator: { $0 == "\t" || $0 == " " }).last, let set = UInt64(hex, radix: 16)
        else { return false }
        return set & (1 << 10) != 0
    }

    private static func firstLine(of path: String, startingWith prefix: String) -> String? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var buffer = [CChar](repeating: 0, count: 512)
        while fgets(&buffer, Int32(buffer.count), file) != nil {
            let bytes = buffer.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }
            let line = String(decoding: bytes, as: UTF8.self)
            if line.hasPrefix(prefix) { return line }
        }
        return nil
    }
}
