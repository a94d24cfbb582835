// What the process says about itself on standard error, by Envoy's levels. Three loggers: `main` (life of the process),
// `config` (definitions), `admin` (calls of admin listeners). Each has a level of its own, which `/logging` changes while
// the process runs.

import Synchronization

public enum LogLevel: Int, Sendable, CaseIterable, Comparable {
    case trace, debug, info, warning, error, critical, off

    public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }

    /// Envoy's name of a level; `warn` is taken for `warning` as Envoy does.
    public init?(name: String) {
        let name = name == "warn" ? "warning" : name
        guard let level = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = level
    }

    public var name: String { "\(self)" }
}

public enum LoggerName: String, Sendable, CaseIterable { case admin, config, main }

/// The level of each logger, for any thread.
final class LogLevels: Sendable {
    private let levels: Mutex<[LoggerName: LogLevel]>

    init(_ level: LogLevel) {
        levels = Mutex(Dictionary(uniqueKeysWithValues: LoggerName.allCases.map { ($0, level) }))
    }

    subscript(logger: LoggerName) -> LogLevel { levels.withLock { $0[logger] ?? .info } }

    func set(_ logger: LoggerName, _ level: LogLevel) { levels.withLock { $0[logger] = level } }

    func setAll(_ level: LogLevel) {
        levels.withLock { levels in for logger in LoggerName.allCases { levels[logger] = level } }
    }

    /// Whether something of that importance is said.
    func shows(_ logger: LoggerName, _ level: LogLevel) -> Bool {
        let lowest = self[logger]
        return lowest != .off && level >= lowest
    }

    /// As Envoy's `/logging` lists them.
    var list: String {
        "active loggers:\n" + LoggerName.allCases.map { "  \($0.rawValue): \(self[$0].name)\n" }.joined()
    }
}

extension RuntimeEvent {
    /// Who says it and how important it is.
    var importance: (logger: LoggerName, level: LogLevel) {
        switch self {
        // What the command was started for; it is always said.
        case .ready: (.main, .critical)
        case .reloaded(let outcome): (.config, outcome.result == .refused ? .error : .info)
        case .logsReopened: (.main, .info)
        case .notWatched: (.config, .warning)
        case .draining: (.main, .info)
        case .cut: (.main, .warning)
        case .adminCalled(let call): (.admin, call.level)
        case .withdrawn: (.main, .info)
        case .discovery: (.config, .warning)
        case .socketsUnused: (.main, .warning)
        }
    }
}
