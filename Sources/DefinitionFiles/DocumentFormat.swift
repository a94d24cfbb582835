// Which format a document is of, by its content alone: nobody should have to say, and a file may hold several.

enum DocumentFormat: Equatable {
    /// Trellis' own: names map to specs.
    case native
    /// An input of `aws appmesh create-…` or `update-…`, or what `describe-…` printed.
    case commandLineInput
    case cloudFormation
    case kubernetes
    case unknown

    static let nativeKeys = [
        "mesh", "virtualNodes", "virtualRouters", "virtualServices", "virtualGateways", "serviceNetwork", "services",
        "targetGroups", "local", "imports", "extensions",
    ]

    init(_ root: SourceNode) {
        guard let entries = root.entries else {
            self = .unknown
            return
        }
        let keys = Set(entries.map(\.key))
        if Self.isCloudFormation(root, keys: keys) {
            self = .cloudFormation
        } else if keys.contains("apiVersion"), keys.contains("kind") {
            self = .kubernetes
        } else if CommandLineInput.unwrapped(root) != nil {
            self = .commandLineInput
        } else if !keys.isDisjoint(with: Self.nativeKeys) {
            self = .native
        } else if !keys.isDisjoint(with: CommandLineInput.significantKeys) {
            self = .commandLineInput
        } else {
            self = .unknown
        }
    }

    private static func isCloudFormation(_ root: SourceNode, keys: Set<String>) -> Bool {
        if keys.contains("AWSTemplateFormatVersion") { return true }
        return root["Resources"]?.entries?.contains { $0.value["Type"]?.text?.contains("::") ?? false } ?? false
    }
}
