import ArgumentParser
import ControlPlane
import Glibc

/// Reads a structured log: shows, filters, follows or summarises it.
struct LogsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Show, filter, follow or summarise a log of --access-log.",
        discussion: """
            The file is what 'trellis run --access-log PATH' writes: one JSON object per request and hop. Conditions are \
            joined by "and".

              trellis logs mesh.log --status 5xx
              trellis logs mesh.log --follow --node blue
              trellis logs mesh.log --summary

            A summary has one line per proxy, route and destination: requests and their rate, shares of the classes of \
            status (none: no answer was sent), response flags, and percentiles of the duration.
            """)

    @Argument(help: ArgumentHelp("The log; - is standard input.", valueName: "path"))
    var path: String

    @OptionGroup var filter: FilterOptions

    @Flag(name: .shortAndLong, help: "Go on with what is appended, over rotations too.")
    var follow = false

    @Flag(name: .shortAndLong, help: "Say what the records say together instead of showing them.")
    var summary = false

    @Option(name: .shortAndLong, help: "text or json.")
    var output = OutputFormat.text

    func validate() throws {
        if follow, summary { throw ValidationError("--follow and --summary exclude each other") }
        if follow, path == "-" {
            throw ValidationError("standard input cannot be followed; it is read to its end anyway")
        }
    }

    func run() throws {
        let filter = try filter.filter(headers: [])
        guard var file = FollowedFile(path) else {
            Stream.error.write("trellis: \(path): \(String(cString: strerror(errno)))")
            throw ExitCodes.failed
        }
        var splitter = LineSplitter()
        var together = LogSummary()
        while let part = file.read(waiting: follow) {
            // The last line of the file before may lack its end; the next file's first line is another.
            let lines = (part.isOfNewFile ? splitter.add([UInt8(ascii: "\n")]) : []) + splitter.add(part.bytes)
            for line in lines where !line.isEmpty { take(line, filter, &together) }
        }
        for line in splitter.add([UInt8(ascii: "\n")]) where !line.isEmpty { take(line, filter, &together) }
        if summary { print(together) }
    }

    private func take(_ line: ArraySlice<UInt8>, _ filter: TapFilterText, _ together: inout LogSummary) {
        guard let record = LogRecord(line: line) else {
            together.addUnreadable()
            return
        }
        guard filter.takes(record) else { return }
        if summary { together.add(record) } else { RecordPrinter.print(record, line, output) }
    }

    private func print(_ together: LogSummary) {
        if output == .json { return Stream.output.write(together.json.text()) }
        var table = TextTable([
            "proxy", "route", "to", "count", "/s", "1xx", "2xx", "3xx", "4xx", "5xx", "none", "flags", "p50", "p90",
            "p99",
            "max",
        ])
        for (key, group) in together.sorted {
            table.add([key.proxy, key.route, key.destination] + cells(group, together.span))
        }
        if together.groups.count > 1 { table.add(["all", "", ""] + cells(together.total, together.span)) }
        Stream.output.write(together.total.count == 0 ? "no records" : table.text)
        if together.unreadable > 0 { Stream.error.write("trellis: \(together.unreadable) lines are no records") }
    }

    private func cells(_ group: LogSummary.Group, _ span: Double?) -> [String] {
        let flags = group.flags.sorted { $0.key < $1.key }.map {
            "\($0.key):\(Cell.percent($0.value, of: group.count))"
        }
        let shares = [1, 2, 3, 4, 5, 0].map { Cell.percent(group.share(ofClass: $0)) }
        let times = group.percentiles([0.5, 0.9, 0.99, 1]).map { Cell.milliseconds($0) }
        return ["\(group.count)", Cell.rate(span.map { Double(group.count) / $0 })] + shares
            + [flags.isEmpty ? "-" : flags.joined(separator: " ")] + times
    }
}

/// A file that may grow and be replaced while it is read.
private struct FollowedFile {
    private let path: String
    private var descriptor: Int32
    private var identity: (UInt64, UInt64)
    private var position: Int64 = 0
    /// A replacement was taken up, and nothing of it was handed on yet.
    private var isNew = false

    struct Part {
        var bytes: [UInt8]
        /// The bytes are the first of another file than the bytes before, or of the same after it was emptied.
        var isOfNewFile: Bool
    }

    /// nil, and `errno`, if it cannot be opened.
    init?(_ path: String) {
        self.path = path
        descriptor = path == "-" ? 0 : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        identity = Self.identity(descriptor)
    }

    private static func identity(_ descriptor: Int32) -> (UInt64, UInt64) {
        var status = stat()
        return fstat(descriptor, &status) == 0 ? (UInt64(status.st_dev), UInt64(status.st_ino)) : (0, 0)
    }

    /// What comes next; waits for it if told to, otherwise nil at the end.
    mutating func read(waiting: Bool) -> Part? {
        var part = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &part, part.count)
            if count < 0, errno == EINTR { continue }
            if count > 0 {
                position += Int64(count)
                defer { isNew = false }
                return Part(bytes: Array(part[..<count]), isOfNewFile: isNew)
            }
            guard count == 0, waiting else { return nil }
            switch replacement() {
            case nil: poll(nil, 0, 100)
            case .emptied: startAnew()
            case .file(let next):
                // The writer may have gone on with the old file until just before the new one was there.
                if hasMore {
                    close(next)
                } else {
                    close(descriptor)
                    descriptor = next
                    identity = Self.identity(next)
                    startAnew()
                }
            }
        }
    }

    private mutating func startAnew() {
        lseek(descriptor, 0, SEEK_SET)
        position = 0
        isNew = true
    }

    private var hasMore: Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && Int64(status.st_size) > position
    }

    private enum Replacement {
        case file(Int32)
        case emptied
    }

    /// The file that a rotation put in place, opened; or that this one was emptied.
    private func replacement() -> Replacement? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        if (UInt64(status.st_dev), UInt64(status.st_ino)) != identity {
            let next = open(path, O_RDONLY | O_CLOEXEC)
            return next >= 0 ? .file(next) : nil
        }
        return Int64(status.st_size) < position ? .emptied : nil
    }
}
