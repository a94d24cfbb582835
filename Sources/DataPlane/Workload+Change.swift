// One setting of a workload by name, in the notation of definitions and of the `x-trellis-…` headers: what the admin API
// and the command line change while a workload runs.

extension Workload {
    /// Why a setting cannot be changed; the text is for whoever asked.
    public struct ChangeError: Error, Sendable, CustomStringConvertible {
        public var description: String
        public init(description: String) { self.description = description }
    }

    /// The names that `set` takes.
    public static let settingNames = [
        "name", "body", "bytes", "delay", "jitter", "fail", "fail-status", "reset", "slow", "calls",
    ]
}

extension Workload.Settings {
    /// Changes one setting.
    /// - Parameter value: as the header `x-trellis-<name>` has it: `30%`, `200ms`, `before-head`, `none`.
    public mutating func set(_ name: String, to value: String) throws(Workload.ChangeError) {
        guard Workload.settingNames.contains(name) else {
            throw Workload.ChangeError(
                description: "`\(name)` is no setting; settings are \(Workload.settingNames.joined(separator: ", "))")
        }
        var overrides = WorkloadOverrides(settings: self)
        do throws(WorkloadOverrides.Invalid) {
            try overrides.apply(name, value)
        } catch {
            let prefix = WorkloadOverrides.prefix
            let text = error.text.hasPrefix(prefix) ? String(error.text.dropFirst(prefix.count)) : error.text
            throw Workload.ChangeError(description: text)
        }
        self = overrides.settings
    }
}
