// Identifiers that AWS would give to Lattice resources (lattice.md 1.3). Here they follow from the names, so that they are the
// same in every process and after every start: 17 hexadecimal digits, `0` and the FNV-1a hash of kind and name. Region and
// account are fixed; the account is the one that emulators commonly use.

enum LatticeNames {
    static let region = "us-east-1"
    static let account = "000000000000"
    /// The partition part of generated names; every commercial region has this one.
    static let partition = "7d67968"

    static func digits(_ kind: String, _ name: String) -> String {
        let hex = String(AddressHash.of([kind, name]), radix: 16)
        return "0" + String(repeating: "0", count: 16 - hex.count) + hex
    }

    static func networkARN(_ name: String) -> String { arn("servicenetwork/sn-\(digits("serviceNetwork", name))") }
    static func serviceARN(_ name: String) -> String { arn("service/svc-\(digits("service", name))") }
    static func targetGroupARN(_ name: String) -> String { arn("targetgroup/tg-\(digits("targetGroup", name))") }

    static func vpcARN(_ id: String) -> String { "arn:aws:ec2:\(region):\(account):vpc/\(id)" }

    /// The name that AWS generates for a service.
    static func generatedHost(_ service: String) -> String {
        "\(service)-\(digits("service", service)).\(partition).vpc-lattice-svcs.\(region).on.aws"
    }

    private static func arn(_ path: String) -> String { "arn:aws:vpc-lattice:\(region):\(account):\(path)" }

    /// What a reference points to: a name, an identifier such as `svc-…`, or an ARN that ends in one.
    static func resolve<Resource>(
        _ reference: String, _ kind: String, _ prefix: String, among known: [String: Resource]
    ) -> String? {
        let last = reference.split(separator: "/").last.map(String.init) ?? reference
        if let name = [reference, last].first(where: { known[$0] != nil }) { return name }
        guard last.hasPrefix("\(prefix)-") else { return nil }
        return known.keys.first { "\(prefix)-\(digits(kind, $0))" == last }
    }
}
