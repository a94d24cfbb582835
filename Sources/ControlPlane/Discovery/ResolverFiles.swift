// The machine's own word on names: resolv.conf(5) and hosts(5), read again when they have changed.

import Discovery
import Glibc
import Reactor

final class ResolverFiles {
    private(set) var settings = ResolverSettings(resolvConf: "")
    private(set) var hosts = HostsTable()
    private let servers: [ResolverSettings.Server]
    private let resolvConf: String
    private let hostsPath: String
    private var marks: [Mark] = []
    private var checkedAt = Int64.min

    /// Tells one state of a file from another.
    private struct Mark: Equatable {
        var inode: UInt = 0
        var seconds = 0
        var nanoseconds = 0
        var bytes = 0
    }

    /// Files are looked at no more often.
    static let interval: Int64 = 5_000_000_000

    /// - Parameter servers: used instead of the file's, if there are any; its options apply to them too.
    init(
        servers: [ResolverSettings.Server], resolvConf: String = "/etc/resolv.conf", hosts: String = "/etc/hosts"
    ) {
        self.servers = servers
        self.resolvConf = resolvConf
        hostsPath = hosts
        _ = refresh()
    }

    /// Reads what has changed since; true if anything has.
    func refresh() -> Bool {
        let now = Clock.monotonic()
        guard checkedAt == Int64.min || now - checkedAt >= Self.interval else { return false }
        checkedAt = now
        let marks = [resolvConf, hostsPath].map(Self.mark)
        guard marks != self.marks else { return false }
        self.marks = marks
        settings = ResolverSettings(resolvConf: SystemFile.text(resolvConf) ?? "")
        if !servers.isEmpty { settings.servers = servers }
        hosts = HostsTable(SystemFile.text(hostsPath) ?? "")
        return true
    }

    private static func mark(_ path: String) -> Mark {
        var status = stat()
        guard stat(path, &status) == 0 else { return Mark() }
        return Mark(
            inode: UInt(status.st_ino), seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec,
            bytes: Int(status.st_size))
    }
}
