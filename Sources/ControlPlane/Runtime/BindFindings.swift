// Why an address could not be opened, in words that help: who has it, and what can be done on either side. That may be a
// listener of this process: the compiler looks for those that meet, and what it missed is named here.

import DataPlane
import Definitions
import Glibc
import Reactor
import Routing

enum BindFindings {
    static func findings(_ failures: [DataPlane.BindFailure], _ plan: Plan) -> [Diagnostic] {
        failures.map { failure in
            let owner = failure.error.isAddressInUse ? PortOwner.find(failure.address) : nil
            let own = owner.flatMap { ownListener($0, plan, besides: failure) }
            let proxy = plan.proxies.first { $0.name == failure.proxy }
            let listener = proxy?.listeners.first { $0.name == failure.listener }
            return Diagnostic(
                .error, code(failure.error), at: SourcePosition(place: listener?.source.place),
                path: "proxy \(failure.proxy) / listener \(failure.listener)",
                message(failure, own ?? owner?.text ?? "another process"),
                suggestion: own == nil
                    ? suggestion(failure, owner, proxy, listener) : proxy.map { move($0, listener) })
        }
    }

    private static func code(_ error: SystemError) -> String {
        if error.isAddressInUse { return "address-taken" }
        if error.isPermission { return "address-not-permitted" }
        return error.isAddressNotAvailable ? "address-not-here" : "address-not-opened"
    }

    private static func message(_ failure: DataPlane.BindFailure, _ owner: String) -> String {
        let address = failure.address
        let error = failure.error
        if error.isAddressInUse { return "\(address) is taken by \(owner)" }
        if error.isPermission { return "\(address) needs a privilege that this process does not have" }
        if error.isAddressNotAvailable { return "\(address) is not an address of this machine" }
        return "\(address) cannot be opened: \(error)"
    }

    private static func suggestion(
        _ failure: DataPlane.BindFailure, _ owner: PortOwner?, _ proxy: ProxyPlan?, _ listener: ListenerPlan?
    ) -> String? {
        guard failure.error.isAddressInUse || failure.error.isPermission || failure.error.isAddressNotAvailable,
            let proxy
        else { return nil }
        guard failure.error.isAddressInUse else { return move(proxy, listener) }
        guard let owner, owner.isEverywhere else { return "stop that program, or \(move(proxy, listener))" }
        let stop = "stop that program or let it listen on 127.0.0.1 alone"
        // On another address the same port is taken too; only what may have another port can move.
        let hasOtherPort = proxy.role == .admin || proxy.role == .sidecar && listener?.direction == .ingress
        return hasOtherPort ? "\(stop), or \(move(proxy, listener))" : stop
    }

    /// The listener of the plan that has the socket; nil if it is none of this process.
    private static func ownListener(_ owner: PortOwner, _ plan: Plan, besides failure: DataPlane.BindFailure) -> String?
    {
        guard owner.pid == Int(getpid()) else { return nil }
        for proxy in plan.proxies {
            for listener in proxy.listeners where proxy.name != failure.proxy || listener.name != failure.listener {
                let addresses = listener.binds.flatMap { [$0.address, $0.unprivileged].compactMap { $0?.description } }
                if addresses.contains(owner.address) {
                    return "listener \(listener.name) of \(proxy.name) on \(owner.address), in this process"
                }
            }
        }
        return nil
    }

    private static func move(_ proxy: ProxyPlan, _ listener: ListenerPlan?) -> String {
        let name = proxy.source.name.split(separator: "/").last.map(String.init) ?? proxy.name
        switch proxy.role {
        case .sidecar where listener?.direction == .ingress:
            return "move the sidecar: local: nodes: \(name): instances: [{ ingress: ADDR:PORT }]"
        case .sidecar: return "move the sidecar: local: nodes: \(name): instances: [{ address: ADDR }]"
        case .gateway: return "move the gateway: local: gateways: \(name): address: ADDR"
        case .network: return "move the network: local: vpcs: VPC: address: ADDR"
        case .admin: return "choose another address with --admin ADDR:PORT"
        case .workload where proxy.mesh.isEmpty: return "choose another address with --listen ADDR:PORT"
        case .workload: return "move all derived addresses with --address-base"
        }
    }
}
