// From definitions to a plan (design section 5): place everything, lower both languages, check what only the whole can show,
// then keep the part that this process runs. The whole is always compiled, whatever is selected, so that every process finds
// the same faults and agrees on every address.

import Definitions
import Routing

public enum MeshCompiler {
    public static func compile(
        _ definitions: Definitions, sources: SourceMap, options: CompilerOptions
    ) -> CompiledMesh {
        let findings = Findings(sources: sources)
        let placement = PlacementResolver.resolve(definitions, options: options, findings: findings)
        let localBinds = LocalBinds(definitions, placement, options)
        let logs = AccessLogLowering(paths: definitions.local.paths, findings: findings)
        var plan = Plan()
        var workloads: [WorkloadPlan] = []
        for (_, mesh) in definitions.meshes.sortedByName {
            let lowered = MeshLowering(
                definition: mesh, placement: placement, options: options, localBinds: localBinds, logs: logs,
                findings: findings
            ).lower()
            plan.proxies += lowered.proxies
            workloads += lowered.workloads
        }
        let networks = NetworkLowering(
            definitions: definitions, placement: placement, options: options, logs: logs, findings: findings
        ).lower()
        plan.proxies += networks.proxies
        workloads += networks.workloads
        NotInForce(findings: findings, allowUnenforced: options.allowUnenforced).report(definitions.local)
        AdminAddresses(options: options).assign(&plan)
        ListenerConflicts(options: options, findings: findings).check(plan, definitions, placement)
        Selection(options: options, findings: findings).apply(&plan, &workloads, definitions)
        let diagnostics = findings.sorted
        return CompiledMesh(
            plan: plan, workloads: workloads, accessLogs: logs.defined(definitions), diagnostics: diagnostics,
            summary: Summary.rows(plan), tryCommand: Summary.tryCommand(plan), noProxy: Summary.noProxy,
            blocksRun: diagnostics.contains { $0.severity == .error })
    }
}
