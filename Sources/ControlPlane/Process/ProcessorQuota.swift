// How much processor time the control groups of this process allow (cgroups(7)): a container with `--cpus 1.5` sees all
// processors of its machine and may use one and a half. Both versions are read: in version 2 `cpu.max`, in version 1 the
// files `cpu.cfs_quota_us` and `cpu.cfs_period_us`. A limit may stand at any level above the process, and the least one
// counts. Inside a container the path of the process's group may not be visible; its nearest visible ancestor then is the
// container's own group.

struct ProcessorQuota {
    /// Where the controllers are mounted.
    var root = "/sys/fs/cgroup"
    /// The groups of this process.
    var membership = "/proc/self/cgroup"

    /// Processors' worth of time; nil if nothing limits it.
    var processors: Double? {
        guard let text = SystemFile.text(membership) else { return nil }
        let groups = Self.groups(text)
        var limits: [Double] = []
        if let path = groups.unified {
            limits += Self.ancestors(path).compactMap { group in
                SystemFile.text("\(root)\(group)/cpu.max").flatMap(Self.parse)
            }
        }
        if let path = groups.cpu {
            for controller in ["cpu", "cpu,cpuacct"] {
                limits += Self.ancestors(path).compactMap { group in
                    let folder = "\(root)/\(controller)\(group)"
                    guard let quota = SystemFile.text("\(folder)/cpu.cfs_quota_us"),
                        let period = SystemFile.text("\(folder)/cpu.cfs_period_us")
                    else { return nil }
                    return Self.parse("\(quota) \(period)")
                }
            }
        }
        return limits.min()
    }

    /// `MAX PERIOD` in microseconds; nil for `max`, for the -1 of version 1, and for what is no quota.
    static func parse(_ text: String) -> Double? {
        let words = text.split { $0 == " " || $0 == "\n" || $0 == "\t" }
        guard words.count == 2, let quota = Double(words[0]), let period = Double(words[1]), quota > 0, period > 0
        else {
            return nil
        }
        return quota / period
    }

    /// The path in the unified hierarchy (line `0::PATH`) and that of the version 1 controller `cpu`.
    static func groups(_ text: String) -> (unified: String?, cpu: String?) {
        var unified: String?
        var cpu: String?
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            if parts[0] == "0", parts[1].isEmpty {
                unified = String(parts[2])
            } else if parts[1].split(separator: ",").contains("cpu") {
                cpu = String(parts[2])
            }
        }
        return (unified, cpu)
    }

    /// The path itself and everything above it, `/a/b` → `/a/b`, `/a`, and the empty path of the root.
    static func ancestors(_ path: String) -> [String] {
        var paths: [String] = []
        var rest = path.split(separator: "/")
        while !rest.isEmpty {
            paths.append("/" + rest.joined(separator: "/"))
            rest.removeLast()
        }
        return paths + [""]
    }
}
