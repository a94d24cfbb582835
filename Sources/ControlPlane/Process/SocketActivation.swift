// Listening sockets from the service manager (sd_listen_fds(3)): descriptors from 3 on, if the variables name this process.

import DataPlane
import Glibc

enum SocketActivation {
    private static let first: Int32 = 3
    private static let countMax = 1024

    /// Takes the sockets over, once: the variables are removed, so that no child takes them for its own.
    static func take() -> InheritedSockets {
        func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
        let range = descriptors(count: variable("LISTEN_FDS"), pid: variable("LISTEN_PID"))
        let names = variable("LISTEN_FDNAMES")?.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsetenv(name) }
        return InheritedSockets(Array(range), names: names ?? [])
    }

    static func descriptors(count: String?, pid: String?) -> Range<Int32> {
        guard let pid, pid == "\(getpid())", let count = count.flatMap({ Int32($0) }), count > 0, count <= countMax
        else {
            return first..<first
        }
        return first..<(first + count)
    }
}
