// What the machine gives this process: processors, descriptors, and the connections that follow from them (design section 9).

import CLinux
import Glibc

enum ProcessLimits {
    /// Descriptors kept for listening sockets, log files, epoll and the like.
    static let descriptorsReserved = 256
    /// Connections that are allowed however few descriptors there are.
    static let connectionsMin = 64

    /// Worker threads: as many as processors may be used, a started one counting as one.
    static func workers(affinity: Int, quota: Double?) -> Int {
        let processors = max(1, affinity)
        guard let quota, quota < Double(processors) else { return min(processors, 64) }
        return max(1, min(Int(quota.rounded(.up)), 64))
    }

    static var workers: Int {
        workers(affinity: Int(clinux_available_processors()), quota: ProcessorQuota().processors)
    }

    /// Raises the soft limit of open descriptors to the hard one, and returns what is in force.
    static func raiseDescriptorLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = raised.rlim_max
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// Client connections at most: three quarters of the descriptors. A quarter is left for the upstream connections of those
    /// that are busy, which among many connections are few.
    static func connections(descriptors: Int) -> Int {
        max(connectionsMin, min((descriptors - descriptorsReserved) / 4 * 3, 1_000_000))
    }
}
