// The built-in workloads of a plan as handlers, by the name that their routes end in.

import Compiler
import DataPlane

enum WorkloadHandlers {
    static func make(_ workloads: [WorkloadPlan]) -> [String: any LocalHandlerFactory] {
        var handlers: [String: any LocalHandlerFactory] = [:]
        for workload in workloads {
            handlers[workload.handler] = Workload(settings: settings(workload.settings), egress: workload.egress)
        }
        return handlers
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
            }
        }
        return Workload.Settings(
            name: plan.name, body: body, delay: plan.delay, jitter: plan.jitter, failShare: plan.failShare,
            failStatus: plan.failStatus, reset: plan.reset.map { $0 == .beforeHead ? .beforeHead : .afterHead },
            slowBody: slowBody, calls: plan.calls)
    }
}
