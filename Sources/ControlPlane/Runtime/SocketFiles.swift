// A unix socket leaves its file behind when it is closed (unix(7)); whoever made the file takes it away.

import DataPlane
import Glibc
import Routing

enum SocketFiles {
    static func paths(_ listeners: [DataPlane.BoundListener]) -> Set<String> {
        Set(
            listeners.compactMap { listener in
                if case .unix(let path) = listener.actual { path } else { nil }
            })
    }

    /// Only sockets are removed: somebody else may have put something of theirs there meanwhile.
    static func remove(_ paths: Set<String>) {
        for path in paths {
            var status = stat()
            if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK { unlink(path) }
        }
    }
}
