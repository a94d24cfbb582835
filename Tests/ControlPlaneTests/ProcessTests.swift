import Glibc
import Testing

@testable import ControlPlane

@Suite("What the machine allows")
struct ProcessTests {
    @Test(
        "Quotas are read in the formats of both control group versions",
        arguments: [
            ("max 100000\n", nil), ("150000 100000\n", 1.5), ("50000 100000", 0.5), ("-1 100000", nil),
            ("0 100000", nil), ("100000 0", nil), ("", nil), ("100000", nil), ("a b", nil), ("1 2 3", nil),
        ] as [(String, Double?)])
    func quota(_ text: String, _ expected: Double?) {
        #expect(ProcessorQuota.parse(text) == expected)
    }

    @Test("The groups of a process are found in both versions and in mixtures")
    func groups() {
        let unified = ProcessorQuota.groups("0::/user.slice/session.scope\n")
        #expect(unified.unified == "/user.slice/session.scope")
        #expect(unified.cpu == nil)
        let mixed = ProcessorQuota.groups("12:pids:/a\n4:cpu,cpuacct:/docker/x:y\n3:cpuset:/b\n0::/c\n")
        #expect(mixed.cpu == "/docker/x:y")
        #expect(mixed.unified == "/c")
        #expect(ProcessorQuota.groups("nonsense").cpu == nil)
    }

    @Test("The least limit of all levels counts, and levels that are not visible are passed over")
    func hierarchy() {
        let scratch = Scratch()
        scratch.makeFolder("cgroup")
        scratch.makeFolder("cgroup/a")
        scratch.makeFolder("cgroup/a/b")
        scratch.write("cgroup/a/cpu.max", "150000 100000\n")
        scratch.write("cgroup/a/b/cpu.max", "max 100000\n")
        let membership = scratch.write("self", "0::/a/b\n")
        var quota = ProcessorQuota(root: scratch.file("cgroup"), membership: membership)
        #expect(quota.processors == 1.5)
        scratch.write("cgroup/a/b/cpu.max", "20000 100000\n")
        #expect(quota.processors == 0.2)
        scratch.write("self", "0::/elsewhere/unseen\n")
        #expect(quota.processors == nil)
        scratch.write("cgroup/cpu.max", "400000 100000\n")
        #expect(quota.processors == 4)
        quota.membership = scratch.file("missing")
        #expect(quota.processors == nil)
    }

    @Test("Version 1 limits are read from either name of the controller")
    func versionOne() {
        let scratch = Scratch()
        for folder in ["cgroup", "cgroup/cpu,cpuacct", "cgroup/cpu,cpuacct/docker"] { scratch.makeFolder(folder) }
        scratch.write("cgroup/cpu,cpuacct/docker/cpu.cfs_quota_us", "250000\n")
        scratch.write("cgroup/cpu,cpuacct/docker/cpu.cfs_period_us", "100000\n")
        let quota = ProcessorQuota(
            root: scratch.file("cgroup"), membership: scratch.write("self", "4:cpu,cpuacct:/docker\n"))
        #expect(quota.processors == 2.5)
    }

    @Test(
        "Workers are the processors that may be used, a started one counting as one",
        arguments: [
            (2, nil, 2), (8, 1.5, 2), (8, 0.2, 1), (2, 4, 2), (0, nil, 1), (200, nil, 64), (200, 99.5, 64),
        ] as [(Int, Double?, Int)])
    func workers(_ affinity: Int, _ quota: Double?, _ expected: Int) {
        #expect(ProcessLimits.workers(affinity: affinity, quota: quota) == expected)
    }

    @Test(
        "Connections follow from descriptors",
        arguments: [(1_024, 576), (100, 64), (1_000_000_000, 1_000_000)])
    func connections(_ descriptors: Int, _ expected: Int) {
        #expect(ProcessLimits.connections(descriptors: descriptors) == expected)
    }

    @Test("Listening sockets are found in the kernel's tables")
    func sockets() {
        let table = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000 100
               1: 0100007F:1F91 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000 100
               2: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4713 1
               3: broken
            """
        #expect(
            PortOwner.listening(table) == [
                PortOwner.Socket(host: "127.0.0.1", port: 8080, inode: "4711"),
                PortOwner.Socket(host: "::", port: 80, inode: "4713"),
            ])
    }

    @Test("The owner of a port of this process is this process")
    func owner() throws {
        let port = try #require(OpenPort())
        let owner = try #require(PortOwner.find(.ip(host: "127.0.0.1", port: port.port)))
        #expect(owner.pid == Int(getpid()))
        #expect(owner.address == "127.0.0.1:\(port.port)")
        #expect(owner.text.hasSuffix("(pid \(getpid())) on 127.0.0.1:\(port.port)"))
        #expect(PortOwner.find(.unix(path: "/x")) == nil)
    }
}
