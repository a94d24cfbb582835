// Why an address could not be opened, in words that help: who has it, and what can be done on either side.

import DataPlane
import Definitions
import Reactor
import Routing

enum BindFindings {
    static func findings(_ failures: [DataPlane.BindFailure], _ plan: Plan) -> [Diagnostic] {
        failures.map { failure in
            let proxy = plan.proxies.first { $0.name == failure.proxy }
            let listener = proxy?.listeners.first { $0.name == failure.listener }
            return Diagnostic(
                .error, code(failure.error), at: SourcePosition(place: listener?.source.place),
                path: "proxy \(failure.proxy) / listener \(failure.listener)", message(failure),
                suggestion: suggestion(failure, proxy, listener))
        }
    }

    private static func code(_ error: SystemError) -> String {
        if error.isAddressInUse { return "address-taken" }
        if error.isPermission { return "address-not-permitted" }
        return error.isAddressNotAvailable ? "address-not-here" : "address-not-opened"
    }

    private static func message(_ failure: DataPlane.BindFailure) -> String {
        let address = failure.address
        let error = failure.error
        if error.isAddressInUse {
            let owner = PortOwner.find(address)?.text ?? "another process"
            return "\(address) is taken by \(owner)"
        }
        if error.isPermission { return "\(address) needs a privilege that this process does not have" }
        if error.isAddressNotAvailable { return "\(address) is not an address of this machine" }
        return "\(address) cannot be opened: \(error)"
    }

    private static func suggestion(
        _ failure: DataPlane.BindFailure, _ proxy: ProxyPlan?, _ listener: ListenerPlan?
    ) -> String? {
        guard failure.error.isAddressInUse || failure.error.isPermission || failure.error.isAddressNotAvailable,
            let proxy
        else { return nil }
        let stop = failure.error.isAddressInUse ? "stop that program or let it listen on 127.0.0.1 alone, or " : ""
        let node = proxy.source.name.split(separator: "/").last.map(String.init) ?? proxy.name
        switch proxy.role {
        case .sidecar where listener?.direction == .ingress:
            return "\(stop)move the sidecar: local: nodes: \(node): instances: [{ ingress: ADDR:PORT }]"
        case .sidecar: return "\(stop)move the sidecar: local: nodes: \(node): instances: [{ address: ADDR }]"
        case .gateway: return "\(stop)move the gateway: local: gateways: \(node): address: ADDR"
        case .network: return "\(stop)move the network: local: vpcs: \(node): address: ADDR"
        case .admin: return "\(stop)choose another one with --admin ADDR:PORT"
        case .workload: return "\(stop)move the built-in workload"
        }
    }
}
