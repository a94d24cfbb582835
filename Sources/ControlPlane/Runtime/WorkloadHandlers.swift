// The built-in workloads of a process, by the name that their routes end in. What somebody changed while they run outlives a
// reload: it is kept as single settings by the workload's name and laid over whatever the definitions say then.

import Compiler
import DataPlane
import Synchronization

/// All workloads and what was changed of them; for any thread.
final class WorkloadBoard: Sendable {
    fileprivate struct Entry {
        var plan: WorkloadPlan
        var workload: Workload
        /// As the definitions have it.
        var defined: Workload.Settings
    }

    private struct State {
        var entries: [String: Entry] = [:]
        /// By workload, then by setting: the value in its notation.
        var changes: [String: [String: String]] = [:]
    }

    private let state = Mutex(State())

    /// One workload as it is shown.
    struct Shown: Sendable, Equatable {
        var name: String
        var settings: Workload.Settings
        /// What was changed, by setting.
        var changes: [String: String]
    }

    /// The workloads of a plan that may come to serve; until `commit` they change nothing.
    struct Prepared {
        fileprivate var entries: [String: Entry]

        /// By the name that routes end in.
        var handlers: [String: any LocalHandlerFactory] {
            Dictionary(entries.values.map { ($0.plan.handler, $0.workload) }, uniquingKeysWith: { first, _ in first })
        }
    }

    /// A workload whose place did not change keeps its object, so that requests under way and later ones see the same.
    func prepare(_ plans: [WorkloadPlan]) -> Prepared {
        state.withLock { state in
            var entries: [String: Entry] = [:]
            for plan in plans {
                let defined = Self.settings(plan.settings)
                let known = state.entries[plan.name].flatMap { $0.plan.egress == plan.egress ? $0.workload : nil }
                let settings = Self.changed(defined, state.changes[plan.name] ?? [:])
                entries[plan.name] = Entry(
                    plan: plan, workload: known ?? Workload(settings: settings, egress: plan.egress), defined: defined)
            }
            return Prepared(entries: entries)
        }
    }

    /// The plan serves: workloads that stay take over what it says of them. Changes of a workload that is gone wait for its
    /// return.
    func commit(_ prepared: Prepared) {
        state.withLock { state in
            state.entries = prepared.entries
            for (name, entry) in prepared.entries {
                entry.workload.settings = Self.changed(entry.defined, state.changes[name] ?? [:])
            }
        }
    }

    private static func changed(_ settings: Workload.Settings, _ changes: [String: String]) -> Workload.Settings {
        var settings = settings
        // Each was taken before, and a body replaces a size, so the order is that of the names.
        for (name, value) in changes.sorted(by: { $0.key < $1.key }) {
            do throws(Workload.ChangeError) { try settings.set(name, to: value) } catch { continue }
        }
        return settings
    }

    var all: [Shown] {
        state.withLock { state in
            state.entries.values.map { entry in
                Shown(
                    name: entry.plan.name, settings: entry.workload.settings,
                    changes: state.changes[entry.plan.name] ?? [:])
            }.sorted { $0.name < $1.name }
        }
    }

    /// Changes settings of every workload that a name covers; nil as the value takes a setting back to its definition, nil as
    /// the changes takes all back. All are changed or none.
    func change(_ changes: [(name: String, settings: [String: String?]?)]) throws(Workload.ChangeError) {
        let result = state.withLock { state -> Result<Void, Workload.ChangeError> in
            var next = state.changes
            for (name, settings) in changes {
                let found = state.entries.keys.filter { Naming.covers($0, name) }
                guard !found.isEmpty else {
                    let known = state.entries.keys.sorted().joined(separator: ", ")
                    return .failure(
                        Workload.ChangeError(
                            description: known.isEmpty
                                ? "this process runs no built-in workload"
                                : "no built-in workload is named `\(name)`; there are \(known)"))
                }
                for workload in found {
                    guard let settings else {
                        next[workload] = nil
                        continue
                    }
                    var trial = Workload.Settings(name: workload)
                    for (setting, value) in settings {
                        guard let value else {
                            next[workload]?[setting] = nil
                            continue
                        }
                        do throws(Workload.ChangeError) { try trial.set(setting, to: value) } catch {
                            return .failure(error)
                        }
                        // They are two names of one thing; the later wins.
                        if setting == "body" { next[workload]?["bytes"] = nil }
                        if setting == "bytes" { next[workload]?["body"] = nil }
                        next[workload, default: [:]][setting] = value
                    }
                    if next[workload]?.isEmpty ?? false { next[workload] = nil }
                }
            }
            state.changes = next
            for entry in state.entries.values {
                entry.workload.settings = Self.changed(entry.defined, next[entry.plan.name] ?? [:])
            }
            return .success(())
        }
        try result.get()
    }

    /// The data plane has its own settings, as it does not know the compiler.
    private static func settings(_ plan: WorkloadSettings) -> Workload.Settings {
        let body: Workload.Settings.Body =
            switch plan.body {
            case .text(let text): .text(text)
            case .bytes(let count): .bytes(count)
            }
        let slowBody: Workload.Settings.SlowBody? = plan.slowBody.map { slow in
            switch slow {
            case .bytesPerSecond(let rate): .bytesPerSecond(rate)
            case .chunkDelay(let pause): .chunkDelay(pause)
            case .chunks(let bytes, let pause): .chunks(bytes: bytes, pause: pause)
            }
        }
        return Workload.Settings(
            name: plan.name, body: body, delay: plan.delay, jitter: plan.jitter, failShare: plan.failShare,
            failStatus: plan.failStatus, reset: plan.reset.map { $0 == .beforeHead ? .beforeHead : .afterHead },
            slowBody: slowBody, calls: plan.calls)
    }
}
