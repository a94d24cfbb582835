// Tells the service manager how the process is doing (sd_notify(3)): one datagram to the socket that it named. Without a
// service manager nothing happens.

import CLinux
import Glibc
import Reactor

enum ServiceNotification: Equatable {
    /// Serves; also the end of a reload.
    case ready(status: String)
    /// Reads its definitions again (`Type=notify-reload`).
    case reloading
    case stopping
    /// Still alive.
    case watchdog

    var text: String {
        switch self {
        case .ready(let status): "READY=1\nSTATUS=\(status)"
        // The service manager tells an old READY from the new one by this time, of the clock it uses itself.
        case .reloading: "RELOADING=1\nMONOTONIC_USEC=\(Clock.monotonic() / 1000)"
        case .stopping: "STOPPING=1"
        case .watchdog: "WATCHDOG=1"
        }
    }

    func send() {
        guard let variable = getenv("NOTIFY_SOCKET") else { return }
        var path = Array(String(cString: variable).utf8)
        var address = sockaddr_un()
        guard path.count > 1, path.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        // A leading `@` stands for the zero byte of an abstract name.
        if path[0] == UInt8(ascii: "@") { path[0] = 0 }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { clinux_connect(descriptor, $0, length) }
        }
        guard connected == 0 else { return }
        let bytes = Array(text.utf8)
        _ = clinux_send(descriptor, bytes, bytes.count)
    }
}
