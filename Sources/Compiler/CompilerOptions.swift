// What a caller decides about a compilation: which part of the mesh this process runs, where derived addresses lie, and what
// the operator has accepted.

import Routing

/// One instance of a node, written `MESH/NODE` (instance 0) or `MESH/NODE#N`.
public struct NodeSelector: Sendable, Hashable, CustomStringConvertible {
    public var mesh: String
    public var node: String
    /// Index in the placement's list of instances.
    public var instance: Int

    public init(mesh: String, node: String, instance: Int = 0) {
        self.mesh = mesh
        self.node = node
        self.instance = instance
    }

    /// nil when the text does not have that form.
    public init?(_ text: String) {
        let halves = text.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        var number = 0
        if halves.count == 2 {
            guard let given = Int(halves[1]), given >= 0 else { return nil }
            number = given
        }
        guard let first = halves.first, let names = twoNames(first) else { return nil }
        self.init(mesh: names.0, node: names.1, instance: number)
    }

    /// The name of the proxy.
    public var description: String { "\(mesh)/\(node)#\(instance)" }
}

/// A virtual gateway, written `MESH/NAME`.
public struct GatewaySelector: Sendable, Hashable, CustomStringConvertible {
    public var mesh: String
    public var gateway: String

    public init(mesh: String, gateway: String) {
        self.mesh = mesh
        self.gateway = gateway
    }

    public init?(_ text: String) {
        guard let names = twoNames(text[...]) else { return nil }
        self.init(mesh: names.0, gateway: names.1)
    }

    /// The name of the proxy.
    public var description: String { "\(mesh)/\(gateway)" }
}

private func twoNames(_ text: Substring) -> (String, String)? {
    let names = text.split(separator: "/", omittingEmptySubsequences: false)
    guard names.count == 2, !names[0].isEmpty, !names[1].isEmpty else { return nil }
    return (String(names[0]), String(names[1]))
}

public struct CompilerOptions: Sendable {
    /// Only this instance's proxies are in the plan; everybody else's address stays as it is.
    public var node: NodeSelector?
    /// Only this gateway's proxy is in the plan. Together with `node`: both.
    public var gateway: GatewaySelector?
    /// Where derived addresses lie instead of 127.16.0.0 to 127.239.255.255: `127.50.0.0`, or with a prefix length
    /// `127.64.0.0/10` (see `AddressRange`).
    public var addressBase: String?
    /// Protections that are defined and not enforced are warnings instead of errors.
    public var allowUnenforced: Bool
    /// The address of the process's own admin listener; nothing else may claim it.
    public var admin: Routing.NetworkAddress?
    /// Whether each proxy has its own admin address (its address, port 9901).
    public var perProxyAdmin: Bool
    /// The first port that may be opened. Lower ones are opened at port + 8000, and called there.
    public var firstUnprivilegedPort: Int

    public init(
        node: NodeSelector? = nil, gateway: GatewaySelector? = nil, addressBase: String? = nil,
        allowUnenforced: Bool = false, admin: Routing.NetworkAddress? = nil, perProxyAdmin: Bool = true,
        firstUnprivilegedPort: Int = PrivilegedPorts.firstUnprivilegedPort()
    ) {
        self.node = node
        self.gateway = gateway
        self.addressBase = addressBase
        self.allowUnenforced = allowUnenforced
        self.admin = admin
        self.perProxyAdmin = perProxyAdmin
        self.firstUnprivilegedPort = firstUnprivilegedPort
    }

    /// Whether this process runs a part of the mesh, so that other processes run the rest.
    var runsOnePart: Bool { node != nil || gateway != nil }

    /// Names of the proxies of that part, if they exist; nil for the whole.
    var proxyNames: Set<String>? {
        guard runsOnePart else { return nil }
        let sidecar = node.map { [$0.description, "workload:\($0)"] } ?? []
        return Set(sidecar + (gateway.map { [$0.description] } ?? []))
    }
}
