import ArgumentParser
import ControlPlane
import Glibc

/// Shows records of a running process as they happen.
struct TapCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tap",
        abstract: "Show the records of a running mesh as they happen.",
        discussion: """
            One line per request and hop. Conditions are joined by "and". Nothing is recorded while nobody listens; what \
            this command does not take quickly enough is left out and counted.

              trellis tap
              trellis tap --status 5xx --node blue
              trellis tap -H 'x-canary: yes' -o json
            """)

    @OptionGroup var admin: AdminOptions
    @OptionGroup var filter: FilterOptions

    @Option(
        name: [.customShort("H"), .long],
        help: ArgumentHelp("Records whose request has this header with this value.", valueName: "name: value"))
    var header: [String] = []

    @Option(name: .shortAndLong, help: ArgumentHelp("End after so many records.", valueName: "n"))
    var number: Int?

    @Option(name: .shortAndLong, help: "text, or json: a JSON object per line, as --access-log has it.")
    var output = OutputFormat.text

    func validate() throws {
        if let number, number < 1 { throw ValidationError("--number must be at least 1") }
    }

    func run() throws {
        let client = try admin.client()
        let target = "/v1/tap" + (try filter.filter(headers: header).query)
        var splitter = LineSplitter()
        var left = number ?? Int.max
        var refusal: [UInt8] = []
        let status: Int
        do throws(AdminClientError) {
            status = try client.exchange("GET", target, seconds: 0) { status, bytes in
                guard status == 200 else {
                    refusal += bytes
                    return true
                }
                for line in splitter.add(bytes) where left > 0 {
                    if show(line) { left -= 1 }
                }
                return left > 0
            }
        } catch {
            Stream.error.write("trellis: \(error)")
            throw ExitCodes.failed
        }
        guard status == 200 else {
            Stream.error.write("trellis: \(AdminClient.Answer(status: status, body: refusal).problem)")
            throw ExitCodes.failed
        }
    }

    /// Whether the line was a record.
    private func show(_ line: ArraySlice<UInt8>) -> Bool {
        guard let record = LogRecord(line: line) else {
            if let dropped = (try? JSONValue(parsing: line))?["dropped"]?.int {
                Stream.error.write("trellis: \(dropped) records were left out, as they were not taken quickly enough")
            }
            return false
        }
        RecordPrinter.print(record, line, output)
        return true
    }
}

enum RecordPrinter {
    /// A record as its line, or for people, what failed in colour.
    static func print(_ record: LogRecord, _ line: ArraySlice<UInt8>, _ output: OutputFormat) {
        switch output {
        case .json: Stream.output.write(String(decoding: line, as: UTF8.self))
        case .text:
            let colour: Colour? =
                record.status >= 500 || record.status == 0 ? .red : record.status >= 400 ? .yellow : nil
            Stream.output.write(colour.map { $0(record.summary, on: .output) } ?? record.summary)
        }
    }
}
