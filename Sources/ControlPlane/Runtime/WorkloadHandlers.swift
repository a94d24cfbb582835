import Compiler
import DataPlane

enum WorkloadHandlers {
    static func make(_ workloads: [WorkloadPlan]) -> [String: any LocalHandlerFactory] { [:] }
}
