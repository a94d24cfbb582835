// How other threads reach the runtime: everything that they ask for is done by the control thread, one thing after another.

import Reactor

/// The control thread's door, for any thread.
///
/// `@unchecked Sendable`: the runtime is written once, before the handle is given away, and followed on the control thread
/// only, by jobs of its mailbox.
public final class RuntimeHandle: @unchecked Sendable {
    private let mailbox: Mailbox
    private weak var runtime: MeshRuntime?

    init(mailbox: Mailbox) { self.mailbox = mailbox }

    func connect(_ runtime: MeshRuntime) { self.runtime = runtime }

    /// Reads the definitions again. `completion` is called on the control thread.
    public func reload(_ trigger: ReloadTrigger, _ completion: @escaping @Sendable (ReloadOutcome) -> Void = { _ in }) {
        post { completion($0.reload(trigger)) }
    }

    /// Makes a text the API's definitions. `completion` is called on the control thread.
    func replaceDefinitions(
        _ text: String, ifGeneration expected: UInt64?,
        _ completion: @escaping @Sendable (DefinitionReplacement) -> Void
    ) {
        post { completion($0.replaceDefinitions(text, ifGeneration: expected)) }
    }

    func drainListeners(_ drain: ListenerDrain) { post { $0.drainListeners(drain) } }

    /// Fails or mends the health of a proxy, or of all.
    func setHealth(isFailed: Bool, of proxy: String?) { post { $0.setHealth(isFailed: isFailed, of: proxy) } }

    /// Ends the process, or one proxy of several.
    func quit(_ proxy: String?) { post { $0.quit(proxy) } }

    func resetCounters(of proxy: String?) { post { $0.resetCounters(of: proxy) } }

    func noteCall(_ call: AdminCall) { post { $0.say(.adminCalled(call)) } }

    /// Runs something on the control thread that needs nothing but its time.
    func perform(_ body: @escaping @Sendable () -> Void) { post { _ in body() } }

    /// Opens all log files anew.
    public func reopenLogs() { post { $0.reopenLogs() } }

    /// Drains and ends; asked again, ends at once.
    public func stop() { post { $0.stop() } }

    private func post(_ body: @escaping @Sendable (MeshRuntime) -> Void) {
        mailbox.post { [self] in
            guard let runtime else { return }
            body(runtime)
        }
    }
}
