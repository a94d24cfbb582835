// A folder of a test's own, and the definitions that the tests of this module run.

import Glibc
import Synchronization

/// A folder that is removed with everything in it when the process ends: a mesh may use its files to the last.
final class Scratch: Sendable {
    let path: String

    private static let all = Mutex<[String]>([])
    private static let removal: Void = {
        atexit { Scratch.all.withLock { for path in $0 { Scratch.remove(path) } } }
    }()

    init() {
        var template = Array("/tmp/trellis-test-XXXXXX".utf8CString)
        path = mkdtemp(&template).map { String(cString: $0) } ?? "/tmp"
        precondition(path != "/tmp", "no temporary folder")
        let path = self.path
        _ = Self.removal
        Self.all.withLock { $0.append(path) }
    }

    private static func remove(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in names(path) { remove("\(path)/\(name)") }
            rmdir(path)
        } else {
            unlink(path)
        }
    }

    private static func names(_ folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes in place, as a shell's redirection does.
    @discardableResult
    func write(_ name: String, _ text: String) -> String {
        let descriptor = open(file(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        precondition(descriptor >= 0, "cannot write \(file(name))")
        let bytes = Array(text.utf8)
        precondition(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
        close(descriptor)
        return file(name)
    }

    /// Writes beside and renames into place, as careful programs do.
    func replace(_ name: String, _ text: String) {
        write("\(name).new", text)
        precondition(rename("\(name).new", name) == 0)
    }

    func read(_ name: String) -> String {
        let descriptor = open(file(name), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while case let count = Glibc.read(descriptor, &part, part.count), count > 0 { bytes += part[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }

    func makeFolder(_ name: String) { mkdir(file(name), 0o755) }

    func link(_ name: String, to target: String) { symlink(target, file(name)) }

    func rename(_ from: String, _ to: String) -> Int32 { Glibc.rename(file(from), file(to)) }
}

enum Colors {
    /// A gateway on `port`, one service, and the weights of its two nodes. Each test that runs it has addresses of its own.
    static func mesh(
        blue: Int = 1, green: Int = 0, port: Int = 18_080, local: String = standardLocal, extra: String = ""
    ) -> String {
        """
        mesh: colors
        virtualGateways:
          front:
            listeners: [{ portMapping: { port: \(port), protocol: http } }]
            gatewayRoutes:
              all:
                httpRoute:
                  match: { prefix: / }
                  action: { target: { virtualService: { virtualServiceName: color.colors.local } } }
        virtualServices:
          color.colors.local: { provider: { virtualRouter: { virtualRouterName: colors } } }
        virtualRouters:
          colors:
            listeners: [{ portMapping: { port: \(port), protocol: http } }]
            routes:
              canary:
                httpRoute:
                  match: { prefix: / }
                  action:
                    weightedTargets: [{ virtualNode: blue, weight: \(blue) }, { virtualNode: green, weight: \(green) }]
        virtualNodes:
          blue:
            listeners: [{ portMapping: { port: \(port), protocol: http } }]
            serviceDiscovery: { dns: { hostname: blue.colors.local } }
          green:
            listeners: [{ portMapping: { port: \(port), protocol: http } }]
            serviceDiscovery: { dns: { hostname: green.colors.local } }
        \(extra)
        \(local)
        """
    }

    static let standardLocal = """
        local:
          nodes:
            blue: { instances: [{ echo: { body: blue } }] }
            green: { instances: [{ echo: { body: green } }] }
        """

    private static let ranges = Atomic<Int>(0)

    /// Addresses that neither another test nor a mesh in its default place has: one of 208 ranges.
    static func addressBase() -> String {
        let number = ranges.wrappingAdd(1, ordering: .relaxed).oldValue
        let range = (Int(getpid()) &* 37 &+ number) % 208
        return "127.\(2 + range / 16).\(range % 16 * 16).0/20"
    }
}
