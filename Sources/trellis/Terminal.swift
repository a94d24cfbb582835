// Printing: results go to standard output, findings and events to standard error, colour to terminals only (and not if NO_COLOR
// is set).

import ControlPlane
import Definitions
import Glibc

enum Stream {
    case output, error

    var descriptor: Int32 { self == .output ? 1 : 2 }

    /// Whether escape sequences will be understood.
    var hasColour: Bool {
        guard isatty(descriptor) == 1, getenv("NO_COLOR") == nil else { return false }
        return getenv("TERM").map { String(cString: $0) != "dumb" } ?? false
    }

    /// Writes whole lines; a newline is added. What a closed pipe does not take is lost, as there is nobody to tell.
    func write(_ text: String) {
        var line = text
        line += "\n"
        line.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while let base = rest.baseAddress, !rest.isEmpty {
                let count = Glibc.write(descriptor, base, rest.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }
}

enum Colour: String {
    case red = "31"
    case yellow = "33"
    case green = "32"
    case cyan = "36"
    case bold = "1"
    case dim = "2"

    func callAsFunction(_ text: String, on stream: Stream) -> String {
        stream.hasColour ? "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" : text
    }
}

enum Findings {
    /// Each finding on a line, with its severity in colour, and how many there are of each kind.
    static func print(_ findings: [Diagnostic], to stream: Stream = .error) {
        for finding in findings {
            let word = "\(finding.severity.rawValue)[\(finding.code)]"
            let colour: Colour =
                switch finding.severity {
                case .error: .red
                case .warning: .yellow
                case .note: .cyan
                }
            let text = finding.description
            guard let start = text.range(of: word) else {
                stream.write(text)
                continue
            }
            stream.write(text[..<start.lowerBound] + colour(word, on: stream) + text[start.upperBound...])
        }
    }

    /// `2 errors, 1 warning`; `no findings`.
    static func count(_ findings: [Diagnostic]) -> String {
        let parts = Diagnostic.Severity.allCases.compactMap { severity -> String? in
            let count = findings.count { $0.severity == severity }
            return count == 0 ? nil : "\(count) \(severity.rawValue)\(count == 1 ? "" : "s")"
        }
        return parts.isEmpty ? "no findings" : parts.joined(separator: ", ")
    }
}

extension String {
    /// Where `text` stands first.
    func range(of text: String) -> Range<Index>? {
        indices.lazy.first { self[$0...].hasPrefix(text) }.map { $0..<index($0, offsetBy: text.count) }
    }
}
